//! A million messages that are to be sent later.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch::keys::Lane;
use redispatch::queue::Queue;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use tokio::sync::mpsc;

use super::kit::{Clock, QUEUE, Running, key, now, number, sent, settings};

const SCHEDULED: usize = 1_000_000;
const DUE: usize = 200_000;

/// Puts messages `ARGV[1]` to `ARGV[2]` among the delayed, due at ARGV[3]. Each through a call would take longer than
/// all that is tested here.
const FILL: &str = "
for n = tonumber(ARGV[1]), ARGV[2] - 1 do
  local member = 'FFFFFFFFFFF.' .. n .. ':p:0'
  redis.call('ZADD', KEYS[1], ARGV[3], member)
  redis.call('HSET', KEYS[2], member, '{\"n\":' .. n .. '}')
end";

async fn fill(redis: &RedisServer, from: usize, to: usize, due: i64) {
    for start in (from..to).step_by(50_000) {
        let numbers = [start as i64, to.min(start + 50_000) as i64, due].map(|n| n.to_string());
        let keys = [key("delayed"), key("messages")];
        let mut fill = vec!["EVAL".to_owned(), FILL.to_owned(), "2".to_owned()];
        fill.extend(keys.into_iter().chain(numbers));
        assert!(!matches!(redis.command(&fill).await, redispatch_testkit::Reply::Error(_)));
    }
}

async fn scheduled(redis: &RedisServer) {
    fill(redis, 0, SCHEDULED, now(redis).await + 86_400_000).await;
    assert_eq!(redis.command(&["ZCARD", &key("delayed")]).await.int(), SCHEDULED as i64);
}

#[tokio::test]
async fn beside_a_million_scheduled_an_idle_worker_sends_what_is_due_in_time() {
    const ROUNDS: usize = 9;
    let redis = RedisServer::start().await;
    scheduled(&redis).await;
    let settings = settings(&redis.url());
    let poll_interval = Duration::from_millis(200);
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let clock = Clock::of(&redis).await;
    let worker = Running::start(WorkerSettings { poll_interval, ..settings.clone() }, move |_| {
        arrived.send(clock.now()).unwrap();
        async { sent() }
    });
    let queue = Queue::new(QUEUE, &settings).unwrap();
    let watch = redis.watch(Duration::from_millis(10)).await;
    let mut in_time = 0;
    for round in 0..ROUNDS {
        // As it is when nothing comes: it does not hear of this one.
        redis
            .wait_until(&["INFO", "clients"], |reply| reply.text().contains("blocked_clients:2"), LIMIT)
            .await;
        let at = now(&redis).await + 30 * round as i64;
        let message = format!(r#"{{"n":{round},"id":"{round}","send_at":{at}}}"#).into();
        assert!(queue.enqueue(Lane::Pending, vec![message]).await.unwrap()[0].created);
        let came = tokio::time::timeout(LIMIT, arrivals.recv()).await.expect("it is sent").unwrap();
        assert!(came >= at, "{} ms early", at - came);
        in_time += usize::from(came - at <= poll_interval.as_millis() as i64 + 100);
    }
    // Others use this machine, too.
    assert!(in_time > ROUNDS / 2, "{in_time} of {ROUNDS}");
    assert_eq!(watch.slow_calls().await, [""; 0]);
    assert_eq!(redis.command(&["ZCARD", &key("delayed")]).await.int(), SCHEDULED as i64);
    worker.stop().await;
}

#[tokio::test]
async fn two_hundred_thousand_due_at_once_are_each_sent_once_and_hold_nobody_up() {
    let redis = RedisServer::start().await;
    scheduled(&redis).await;
    fill(&redis, SCHEDULED, SCHEDULED + DUE, now(&redis).await - 1).await;
    let times: Arc<Vec<AtomicU8>> = Arc::new((0..DUE).map(|_| AtomicU8::new(0)).collect());
    let watch = redis.watch(Duration::from_millis(10)).await;
    let count = times.clone();
    let settings = WorkerSettings { concurrency: 100, ..settings(&redis.url()) };
    let worker = Running::start(settings, move |delivery| {
        count[number(delivery.bytes()) as usize - SCHEDULED].fetch_add(1, Relaxed);
        async { sent() }
    });
    let counted = async || redis.command(&["HGET", &key("counters"), "sent"]).await;
    eventually(
        "all are sent",
        4 * LIMIT,
        counted,
        |sent| matches!(sent, redispatch_testkit::Reply::Bulk(count) if count == DUE.to_string().as_bytes()),
    )
    .await;
    worker.stop().await;
    assert_eq!(watch.slow_calls().await, [""; 0]);
    assert!(times.iter().all(|times| times.load(Relaxed) == 1));
    assert_eq!(redis.command(&["ZCARD", &key("delayed")]).await.int(), SCHEDULED as i64);
    assert_eq!(redis.command(&["HLEN", &key("messages")]).await.int(), SCHEDULED as i64);
}
