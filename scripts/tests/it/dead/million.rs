//! A million dead letters.

use std::time::{Duration, Instant};

use redispatch_testkit::redis::RedisServer;

use crate::queue::{DEAD, PENDING, length};
use crate::run::queuectl;

pub(crate) const COUNT: usize = 1_000_000;

/// Fills by a script: pushing each would take longer than all that is tested here.
const FILL: &str = "
for n = tonumber(ARGV[1]), ARGV[2] - 1 do
  redis.call('LPUSH', KEYS[1], '{\"id\":\"m' .. n .. '\",\"to\":\"a@example.com\",\"n\":' .. n .. ',\"_delivery\":{' ..
    '\"reason\":\"reject\",\"provider\":\"smtp\",\"code\":\"' .. (n % 500 == 0 and '535' or '550') .. '\"}}')
end";

pub(crate) async fn million() -> RedisServer {
    let redis = RedisServer::start().await;
    for from in (0..COUNT).step_by(100_000) {
        let (from, to) = (from.to_string(), (from + 100_000).to_string());
        redis.command(&["EVAL", FILL, "1", DEAD, &from, &to]).await;
    }
    assert_eq!(length(&redis, DEAD).await, COUNT as i64);
    redis
}

#[tokio::test]
async fn no_verb_holds_redis_for_long_and_the_newest_are_there_at_once() {
    let redis = million().await;
    let mut fastest = Duration::MAX;
    for _ in 0..3 {
        let begun = Instant::now();
        let ran = queuectl(&redis, &["dead", "ls", "--queue", "email", "--limit", "20"]).await.with_code(0);
        fastest = fastest.min(begun.elapsed());
        assert_eq!(ran.stdout.lines().count(), 21);
        assert!(ran.stdout.lines().nth(1).unwrap().contains("m999999"), "{}", ran.stdout);
    }
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");

    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("email.jsonl");
    let file = file.to_str().unwrap();
    let requeue = ["dead", "requeue", "--queue", "email", "--code", "535", "--yes"];
    for args in [
        &["dead", "ls", "--queue", "email"][..],
        &["dead", "ls", "--queue", "email", "--group"],
        &["export", "email", "--output", file],
        &["dead", "purge", "--queue", "email", "--id", "m400001", "--yes"],
        &["dead", "show", "--queue", "email", "m500001"],
        &["dead", "edit", "--queue", "email", "m500001", "--set", "to=b@example.com", "--force"],
        &[&requeue[..], &["--per-second", "1000000", "--limit", "300"]].concat(),
        &requeue,
        &["stats", "--queue", "email"],
    ] {
        let watch = redis.watch(Duration::from_millis(10)).await;
        queuectl(&redis, args).await.with_code(0);
        assert_eq!(watch.slow_calls().await, [""; 0], "{args:?}");
    }
    assert_eq!(length(&redis, PENDING).await, COUNT as i64 / 500);
    assert_eq!(length(&redis, DEAD).await, COUNT as i64 / 500 * 499 - 1);
    let newest = redis.command(&["LINDEX", DEAD, "0"]).await;
    assert!(newest.text().contains("m999999"), "in their old order");
}
