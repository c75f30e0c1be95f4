//! The provider asks everybody to wait, or an operator pauses the queue.

use std::time::Duration;

use redispatch::{Failure, Outcome};
use redispatch_testkit::redis::RedisServer;

use super::account::{account, all_sent, until};
use super::kit::{Desk, key, now, push_numbers, settings};

fn throttle(wait: Option<Duration>) -> Outcome {
    Outcome::Throttle { failure: Failure::new("slow down").with_code(421), wait }
}

#[tokio::test]
async fn nobody_claims_while_the_provider_asks_to_wait() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let (mut one, mut two) = (Desk::new(), Desk::new());
    let first = one.worker(settings(&redis.url()));
    let asked = one.next().await;
    let start = now(&redis).await;
    asked.answer(throttle(Some(Duration::from_millis(700))));
    until(&redis, "back", |now| now.processing.is_empty()).await;
    let second = two.worker(settings(&redis.url()));
    let (sending, from) = tokio::select! {
        sending = one.next() => (sending, "first"),
        sending = two.next() => (sending, "second"),
    };
    let waited = now(&redis).await - start;
    assert!(waited >= 700, "the {from} worker sent after {waited} ms");
    assert_eq!(sending.delivery.attempt(), 1, "no retry spent");
    sending.accept();
    all_sent(&redis, 1, || [one.log.numbers(), two.log.numbers()].concat()).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_provider_cannot_ask_for_more_than_the_longest_delay() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let mut settings = settings(&redis.url());
    settings.backoff.max_delay = Duration::from_secs(30);
    let worker = desk.worker(settings);
    desk.next().await.answer(throttle(Some(Duration::from_secs(86_400))));
    let now_ms = now(&redis).await;
    until(&redis, "back", |now| now.waiting.len() == 1).await;
    let until_ms: i64 =
        redis.command(&["HGET", &key("control"), "throttled_until"]).await.text().parse().unwrap();
    assert!((now_ms..now_ms + 40_000).contains(&until_ms), "{} ms", until_ms - now_ms);
    redis.command(&["HDEL", &key("control"), "throttled_until"]).await;
    desk.accept(1).await;
    all_sent(&redis, 1, || desk.log.numbers()).await;
    worker.stop().await;
}

/// However short `RETRY_DELAY_MS` is: without a wait the message would go out again at once, and for ever.
#[tokio::test]
async fn a_throttle_without_a_wait_is_no_hot_loop() {
    for asked in [None, Some(Duration::ZERO)] {
        let redis = RedisServer::start().await;
        push_numbers(&redis, 1).await;
        let mut desk = Desk::new();
        let mut settings = settings(&redis.url());
        settings.backoff.delay = Duration::ZERO;
        let worker = desk.worker(settings);
        let asks = desk.next().await;
        let start = now(&redis).await;
        asks.answer(throttle(asked));
        let again = desk.next().await;
        let waited = now(&redis).await - start;
        assert!(waited >= 1000, "sent again after {waited} ms");
        again.accept();
        all_sent(&redis, 1, || desk.log.numbers()).await;
        worker.stop().await;
    }
}

/// `RETRY_MAX_DELAY_MS` caps it, and even a cap of zero leaves a wait.
#[tokio::test]
async fn a_throttle_under_a_longest_delay_of_zero_still_closes_the_gate() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let mut settings = settings(&redis.url());
    settings.backoff.max_delay = Duration::ZERO;
    let worker = desk.worker(settings);
    desk.next().await.answer(throttle(None));
    desk.accept(1).await;
    assert!(redis.command(&["HEXISTS", &key("control"), "throttled_until"]).await.int() == 1);
    all_sent(&redis, 1, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_paused_queue_is_not_claimed_from_until_it_is_resumed() {
    let redis = RedisServer::start().await;
    redis.command(&["HSET", &key("control"), "paused_until", "-1"]).await;
    push_numbers(&redis, 3).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let mut monitor = redis.monitor().await;
    for _ in 0..3 {
        monitor.wait_for(|line| line.contains("lua") && line.contains("paused_until")).await;
    }
    assert!(desk.is_empty());
    assert_eq!(account(&redis).await.waiting.len(), 3);
    redis.command(&["HDEL", &key("control"), "paused_until"]).await;
    assert_eq!(desk.accept(3).await, [0, 1, 2]);
    all_sent(&redis, 3, || desk.log.numbers()).await;
    worker.stop().await;
}
