//! A million delayed messages.

use std::time::Duration;

use redispatch_testkit::redis::RedisServer;

use super::{Bench, Report};

/// Fills `delayed` with 10,000 messages; every 100th has no bytes, and every 125th no member.
const FILL: &str = "
for i = tonumber(ARGV[1]), tonumber(ARGV[1]) + 9999 do
  local member = 'AAAAAAAAAAA.' .. i .. ':p:0'
  if i % 125 ~= 0 then redis.call('ZADD', KEYS[1], 9999999999999, member) end
  if i % 100 ~= 0 then redis.call('HSET', KEYS[2], member, '{\"to\":\"user@example.com\",\"subject\":\"Test\",\"n\":' .. i .. '}') end
end";

#[tokio::test]
async fn no_call_holds_redis_for_10_ms() {
    let redis = RedisServer::start().await;
    let mut client = redis.connect().await;
    for first in (0..1_000_000).step_by(10_000) {
        let keys = ["2", "queue:email:delayed", "queue:email:messages"];
        let reply =
            client.command(&[&["EVAL", FILL], &keys[..], &[&first.to_string()]].concat()).await.unwrap();
        assert_eq!(reply, redispatch_testkit::Reply::Nil);
    }
    let watch = redis.watch(Duration::from_millis(10)).await;

    // 10,000 without bytes and 8,000 without a member, of which 2,000 are neither.
    let bench = Bench::new(&redis.url());
    let first = bench.report(&[]).await;
    let found = "8000 entries without a message, 6000 messages that nobody knows to send";
    assert_eq!((first.code, first.queue("orphans", "email").1), (1, found));
    let fixed = bench.report(&["--fix"]).await;
    let found = "mended: 8000 entries removed, 6000 messages brought back";
    assert_eq!((fixed.code, fixed.queue("orphans", "email").1), (0, found));
    assert_eq!(redis.command(&["ZCARD", "queue:email:delayed"]).await.int(), 990_000);
    assert_eq!(redis.command(&["HLEN", "queue:email:messages"]).await.int(), 990_000);

    assert_eq!(watch.slow_calls().await, [""; 0]);
    memory_is_estimated(&fixed);
}

fn memory_is_estimated(report: &Report) {
    let [(_, found, _)] = report.of("memory")[..] else { panic!("{report:?}") };
    let each = found.split("messages of ").nth(1).and_then(|rest| rest.split(" bytes").next()).unwrap();
    assert!((150..600).contains(&each.parse::<u64>().unwrap()), "{found}");
}
