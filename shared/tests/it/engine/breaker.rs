//! The provider fails for everybody: the breaker of the queue.

use std::time::Duration;

use redispatch::queue::Queue;
use redispatch::{Failure, Outcome};
use redispatch_testkit::Reply;
use redispatch_testkit::redis::RedisServer;

use super::account::{all_sent, until};
use super::kit::{Desk, QUEUE, key, now, push_numbers, settings};

fn config() -> Outcome {
    Outcome::Config(Failure::new("authentication failed").with_code(535))
}

/// The pause is over.
async fn half_open(redis: &RedisServer) {
    redis.command(&["HSET", &key("control"), "breaker_until", "1"]).await;
}

async fn breaker(redis: &RedisServer, field: &str) -> String {
    redis.command(&["HGET", &key("control"), field]).await.text().to_owned()
}

#[tokio::test]
async fn refused_settings_cost_no_message_anything_and_the_pause_doubles_until_a_success() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 20).await;
    let mut desk = Desk::new();
    let settings = settings(&redis.url());
    let stats = Queue::new(QUEUE, &settings).unwrap();
    let worker = desk.worker(settings);
    desk.take(4).await.into_iter().for_each(|sending| sending.answer(config()));
    until(&redis, "back", |now| now.waiting.len() == 20).await;
    let gates = stats.stats().await.unwrap().gates;
    let open = gates.breaker.expect("an open breaker");
    let wait = open.until - now(&redis).await;
    assert!((1..=1_000).contains(&wait), "four refusals of one moment are one pause of 1 s: {wait}");
    assert_eq!(open.why, "authentication failed");
    let mut before = 0;
    for pause in [2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        half_open(&redis).await;
        let probe = desk.next().await;
        assert_ne!(probe.number(), before, "not the one that opened it");
        assert_eq!(probe.delivery.attempt(), 1, "no retry spent");
        before = probe.number();
        probe.answer(config());
        let now = until(&redis, "back", |now| now.waiting.len() == 20).await;
        now.counters_are(&[]);
        assert_eq!(breaker(&redis, "breaker_pause").await, pause.to_string());
        assert!(desk.is_empty(), "one probe, and no more");
    }
    half_open(&redis).await;
    desk.next().await.accept();
    desk.accept(19).await;
    all_sent(&redis, 20, || desk.log.numbers()).await;
    assert_eq!(stats.stats().await.unwrap().gates.breaker, None);
    worker.stop().await;
}

/// In time, with nobody's hand.
#[tokio::test]
async fn an_open_breaker_tries_again_by_itself() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 2).await;
    let mut desk = Desk::new();
    let worker = desk.worker(redispatch::config::WorkerSettings { concurrency: 1, ..settings(&redis.url()) });
    let refused = desk.next().await;
    let (first, start) = (refused.number(), now(&redis).await);
    refused.answer(config());
    let probe = desk.next().await;
    let waited = now(&redis).await - start;
    assert!(waited >= 1_000, "{waited} ms");
    assert_ne!(probe.number(), first);
    probe.accept();
    desk.accept(1).await;
    all_sent(&redis, 2, || desk.log.numbers()).await;
    worker.stop().await;
}

/// An outage of minutes: none of those who wait is dead-lettered, however few retries they have.
#[tokio::test]
async fn a_provider_that_is_down_costs_no_message_its_last_retry() {
    for outcome in [Outcome::Unreachable as fn(Failure) -> Outcome, Outcome::Unavailable] {
        let redis = RedisServer::start().await;
        push_numbers(&redis, 30).await;
        let mut desk = Desk::new();
        let mut settings = settings(&redis.url());
        settings.max_retries = 2;
        let worker = desk.worker(settings);
        let down = || outcome(Failure::new("out of order").with_code(503));
        // Concurrency is 4: more than that have to fail for the provider to be blamed.
        for asked in 0.. {
            assert!(asked < 20, "it opens in the end");
            let control = redis.command(&["HMGET", &key("control"), "breaker"]).await;
            if control.array()[0] == Reply::Bulk(b"open".to_vec()) {
                break;
            }
            desk.next().await.answer(down());
            until(&redis, "settled", |now| now.processing.len() < 4 || asked < 4).await;
        }
        for sending in desk.rest() {
            sending.answer(down());
        }
        for _ in 0..5 {
            until(&redis, "back", |now| now.processing.is_empty()).await;
            half_open(&redis).await;
            desk.next().await.answer(down());
        }
        until(&redis, "back", |now| now.processing.is_empty()).await.adds_up(30, &[]);
        half_open(&redis).await;
        desk.accept(30).await;
        let end = until(&redis, "all sent", |now| now.counters.get("sent") == Some(&30)).await;
        end.adds_up(30, &desk.log.numbers());
        assert!(end.counters.get("retried").copied().unwrap_or(0) < 5, "{:?}", end.counters);
        worker.stop().await;
    }
}

#[tokio::test]
async fn the_worker_that_holds_the_probe_dies_and_another_message_tries() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 5).await;
    let (mut one, mut two) = (Desk::new(), Desk::new());
    let mut short = settings(&redis.url());
    short.lease = Duration::from_secs(1);
    let first = one.worker(short.clone());
    one.take(4).await.into_iter().for_each(|sending| sending.answer(config()));
    until(&redis, "back", |now| now.waiting.len() == 5).await;
    half_open(&redis).await;
    let _probe = one.next().await;
    let second = two.worker(short);
    first.kill();
    two.accept(5).await;
    let end = until(&redis, "all sent", |now| now.counters.get("sent") == Some(&5)).await;
    end.adds_up(5, &two.log.numbers());
    second.stop().await;
}
