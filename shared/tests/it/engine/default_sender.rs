//! The provider refuses the sender out of the settings, for one recipient or for everybody; and other waits at no cost.

use redispatch::config::WorkerSettings;
use redispatch::{Failure, Outcome};
use redispatch_testkit::Reply;
use redispatch_testkit::redis::RedisServer;

use super::account::{all_sent, until};
use super::kit::{Desk, key, now, push_numbers, settings};

fn refused() -> Outcome {
    Outcome::DefaultSender(Failure::new("this sender is not yours").with_code(21606))
}

async fn breaker(redis: &RedisServer) -> Reply {
    redis.command(&["HGET", &key("control"), "breaker"]).await
}

/// It waits, however short `RETRY_DELAY_MS` is, and the others go.
#[tokio::test]
async fn one_message_that_is_refused_again_and_again_neither_opens_the_breaker_nor_spends_a_retry() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let mut at_once = settings(&redis.url());
    at_once.backoff.delay = std::time::Duration::ZERO;
    let worker = desk.worker(WorkerSettings { concurrency: 1, ..at_once });
    let mut before = 0;
    for _ in 0..3 {
        let sending = desk.next().await;
        assert_eq!(sending.delivery.attempt(), 1);
        let at = now(&redis).await;
        assert!(at - before >= 900, "again after {} ms", at - before);
        before = at;
        sending.answer(refused());
        until(&redis, "waiting", |now| now.delayed.len() == 1).await;
        assert_eq!(breaker(&redis).await.text(), "failing");
    }
    desk.accept(1).await;
    let end = until(&redis, "sent", |now| now.is_dry()).await;
    end.adds_up(1, &desk.log.numbers());
    end.counters_are(&[("sent", 1)]);
    worker.stop().await;
}

#[tokio::test]
async fn a_postponed_message_is_no_hot_loop() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 2).await;
    let mut desk = Desk::new();
    let mut at_once = settings(&redis.url());
    at_once.backoff.delay = std::time::Duration::ZERO;
    let worker = desk.worker(WorkerSettings { concurrency: 1, ..at_once });
    let sending = desk.next().await;
    let start = now(&redis).await;
    sending.answer(Outcome::Postpone(Failure::new("only a provider in its pause could take it")));
    assert_eq!(desk.accept(1).await, [1], "the others go");
    let again = desk.next().await;
    let waited = now(&redis).await - start;
    assert!(waited >= 1_000, "again after {waited} ms");
    assert_eq!(again.delivery.attempt(), 1);
    again.accept();
    all_sent(&redis, 2, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_second_message_that_is_refused_opens_it_and_one_that_is_sent_closes_it() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 6).await;
    let mut desk = Desk::new();
    let worker = desk.worker(WorkerSettings { concurrency: 1, ..settings(&redis.url()) });
    desk.next().await.answer(refused());
    let second = desk.next().await;
    assert_eq!(second.number(), 1);
    second.answer(refused());
    until(&redis, "waiting", |now| now.delayed.len() == 2).await;
    assert_eq!(breaker(&redis).await.text(), "open");
    // Who tries is not the one that opened it, though it may be due by then.
    let probe = desk.next().await;
    assert_ne!(probe.number(), 1);
    probe.accept();
    until(&redis, "sent", |now| now.counter("sent") == 1).await;
    assert_eq!(breaker(&redis).await, Reply::Nil);
    desk.accept(5).await;
    let end = until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 6).await;
    end.adds_up(6, &desk.log.numbers());
    end.counters_are(&[("sent", 6)]);
    worker.stop().await;
}
