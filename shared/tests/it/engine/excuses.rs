//! A message that makes everybody wait: whose fault it is, and who goes meanwhile.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch::{Failure, Outcome};
use redispatch_testkit::redis::RedisServer;

use super::account::{Account, all_sent, until};
use super::kit::{Desk, Sending, push, push_numbers, settings};

fn one_at_a_time(url: &str) -> WorkerSettings {
    WorkerSettings { concurrency: 1, ..settings(url) }
}

fn throttle(sending: Sending) {
    let failure = Failure::new("too many for this recipient").with_code(429);
    sending.answer(Outcome::Throttle { failure, wait: Some(Duration::from_millis(1)) });
}

/// The next offer of message 0, after accepting whoever goes before it.
async fn until_0(desk: &mut Desk) -> Sending {
    loop {
        let sending = desk.next().await;
        if sending.number() == 0 {
            return sending;
        }
        sending.accept();
    }
}

#[tokio::test]
async fn one_that_is_throttled_alone_does_not_hold_up_the_others() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 5).await;
    let mut desk = Desk::new();
    let worker = desk.worker(one_at_a_time(&redis.url()));
    for other in 1..5 {
        throttle(until_0(&mut desk).await);
        assert_eq!(desk.accept(1).await, [other]);
    }
    assert_eq!(desk.accept(1).await, [0]);
    all_sent(&redis, 5, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn twenty_times_it_costs_nothing_and_then_it_spends_retries() {
    let redis = RedisServer::start().await;
    push(&redis, r#"{"n":1}"#).await;
    let mut desk = Desk::new();
    let worker = desk.worker(one_at_a_time(&redis.url()));
    desk.accept(1).await;
    until(&redis, "sent", |now| now.counter("sent") == 1).await;
    push(&redis, r#"{"n":0}"#).await;
    for time in 1..=20 {
        let bad = until_0(&mut desk).await;
        assert_eq!(bad.delivery.attempt(), 1, "throttled {time} times");
        push(&redis, &format!(r#"{{"n":{}}}"#, time + 1)).await;
        throttle(bad);
    }
    for attempt in 1..=3 {
        let bad = until_0(&mut desk).await;
        assert_eq!(bad.delivery.attempt(), attempt);
        assert_eq!(bad.json()["_delivery"]["excused"]["times"], 20);
        throttle(bad);
    }
    let end = until(&redis, "settled", |now| now.is_dry() && now.counter("sent") == 21).await;
    let letter = end.dead_letter();
    assert_eq!(letter["_delivery"]["reason"], "retries_exhausted");
    assert_eq!(letter["_delivery"]["attempts"].as_array().unwrap().len(), 3);
    end.adds_up(22, &desk.log.numbers());
    end.counters_are(&[("sent", 21), ("retried", 2), ("dead_lettered", 1)]);
    // Requeued by hand it has all its excuses again.
    redis.command(&["RPOPLPUSH", &super::kit::key("dead_letter"), super::kit::PENDING]).await;
    throttle(until_0(&mut desk).await);
    let again = until_0(&mut desk).await;
    assert_eq!(again.json()["_delivery"]["excused"]["times"], 1);
    assert_eq!(again.delivery.attempt(), 1);
    again.accept();
    let end = until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 22).await;
    end.adds_up(22, &desk.log.numbers());
    worker.stop().await;
}

#[tokio::test]
async fn while_nobody_gets_through_it_costs_nothing_ever() {
    let redis = RedisServer::start().await;
    push(&redis, r#"{"n":0}"#).await;
    let mut desk = Desk::new();
    let worker = desk.worker(one_at_a_time(&redis.url()));
    desk.accept(1).await;
    until(&redis, "sent", Account::is_dry).await;
    push(&redis, r#"{"n":1}"#).await;
    for time in 0..60 {
        let sending = desk.next().await;
        assert_eq!(sending.delivery.attempt(), 1, "throttled {time} times");
        throttle(sending);
    }
    desk.accept(1).await;
    all_sent(&redis, 2, || desk.log.numbers()).await;
    worker.stop().await;
}
