//! Messages that are to be sent later, or not any more.

use redispatch_testkit::redis::RedisServer;

use super::account::until;
use super::kit::{Desk, Log, key, now, push, push_each, settings};

#[tokio::test]
async fn send_at_parks_a_message_and_it_keeps_its_lane() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let mut settings = settings(&redis.url());
    settings.max_retries = 1;
    let worker = desk.worker(settings);
    let due = now(&redis).await + 400;
    push_each(&redis, &key("pending:low"), std::iter::once(format!(r#"{{"n":0,"send_at":{due}}}"#))).await;
    let parked = until(&redis, "parked", |now| now.delayed.len() == 1).await;
    parked.adds_up(1, &[]);
    parked.counters_are(&[]);
    let sending = desk.next().await;
    assert!(now(&redis).await >= due);
    assert_eq!(sending.delivery.attempt(), 1, "parking spends no retry");
    sending.fail();
    let end = until(&redis, "given up", |now| now.dead.len() == 1).await;
    assert_eq!(end.dead_letter()["_delivery"]["lane"], "low");
    end.adds_up(1, &[]);
    worker.stop().await;
}

#[tokio::test]
async fn a_send_at_in_the_past_is_now() {
    let redis = RedisServer::start().await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    push(&redis, r#"{"n":0,"send_at":"2020-01-01T00:00:00+02:00"}"#).await;
    super::account::all_sent(&redis, 1, || log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn what_has_expired_is_dead_lettered_and_not_sent() {
    let redis = RedisServer::start().await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    let now = now(&redis).await;
    push(&redis, &format!(r#"{{"n":0,"expires_at":{}}}"#, now - 1)).await;
    push(&redis, &format!(r#"{{"n":1,"id":"a","created_at":{},"ttl_ms":1000}}"#, now - 1001)).await;
    push(&redis, r#"{"n":2,"expires_at":"2020-01-01T00:00:00Z","ttl_ms":1,"created_at":1577836800000}"#)
        .await;
    push(&redis, &format!(r#"{{"n":3,"expires_at":{}}}"#, now + 600_000)).await;
    let end = until(&redis, "all gone", |now| now.is_dry() && now.counter("sent") == 1).await;
    end.adds_up(4, &log.numbers());
    end.counters_are(&[("sent", 1), ("expired", 3), ("dead_lettered", 3)]);
    for letter in &end.dead {
        let letter: serde_json::Value = serde_json::from_str(letter).unwrap();
        assert_eq!(letter["_delivery"]["reason"], "expired", "{letter}");
    }
    assert_eq!(log.numbers(), [3]);
    assert_eq!(redis.command(&["HGET", &key("status:a"), "state"]).await.text(), "dead");
    worker.stop().await;
}

#[tokio::test]
async fn a_message_expires_while_it_waits_for_its_time() {
    let redis = RedisServer::start().await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    let now = now(&redis).await;
    push(&redis, &format!(r#"{{"n":0,"send_at":{},"expires_at":{}}}"#, now + 200, now + 100)).await;
    let end = until(&redis, "given up", |now| now.dead.len() == 1).await;
    end.adds_up(1, &log.numbers());
    end.counters_are(&[("expired", 1), ("dead_lettered", 1)]);
    worker.stop().await;
}
