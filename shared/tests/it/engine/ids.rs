//! An id is sent once.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;

use super::account::{account, until};
use super::kit::{Desk, Log, key, push, push_each, settings};

#[tokio::test]
async fn three_pushes_of_one_id_are_one_send() {
    let redis = RedisServer::start().await;
    push_each(&redis, &key("pending"), (0..3).map(|n| format!(r#"{{"n":{n},"id":"a"}}"#))).await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    let end = until(&redis, "all gone", |now| now.is_dry() && now.counter("duplicates") == 2).await;
    end.counters_are(&[("sent", 1), ("duplicates", 2)]);
    push(&redis, r#"{"n":3,"id":"a"}"#).await;
    let end = until(&redis, "the late one gone", |now| now.counter("duplicates") == 3).await;
    assert!(end.is_dry(), "{end:?}");
    assert_eq!(log.numbers(), [0]);
    worker.stop().await;
}

#[tokio::test]
async fn an_id_in_hand_elsewhere_is_dropped() {
    let redis = RedisServer::start().await;
    let (mut one, two) = (Desk::new(), Log::default());
    let first = one.worker(settings(&redis.url()));
    push(&redis, r#"{"n":0,"id":"a"}"#).await;
    let held = one.next().await;
    first.drain();
    let second = two.worker(settings(&redis.url()));
    push(&redis, r#"{"n":1,"id":"a"}"#).await;
    until(&redis, "dropped", |now| now.counter("duplicates") == 1).await;
    held.accept();
    let end = until(&redis, "all gone", |now| now.is_dry()).await;
    end.counters_are(&[("sent", 1), ("duplicates", 1)]);
    assert!(two.numbers().is_empty());
    assert!(first.ended().await.unwrap().unsettled.is_empty());
    second.stop().await;
}

#[tokio::test]
async fn an_id_delayed_elsewhere_is_dropped_and_does_not_overwrite() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let mut settings = settings(&redis.url());
    settings.backoff.delay = Duration::from_secs(60);
    let worker = desk.worker(settings);
    push(&redis, r#"{"n":0,"id":"a"}"#).await;
    desk.next().await.fail();
    until(&redis, "delayed", |now| now.delayed.len() == 1).await;
    push(&redis, r#"{"n":1,"id":"a"}"#).await;
    let now = until(&redis, "dropped", |now| now.counter("duplicates") == 1).await;
    now.adds_up(1, &[]);
    now.counters_are(&[("retried", 1), ("duplicates", 1)]);
    let members = redis.command(&["ZRANGE", &key("delayed"), "0", "-1"]).await;
    redis.command(&["ZADD", &key("delayed"), "1", members.array()[0].text()]).await;
    assert_eq!(desk.accept(1).await, [0]);
    until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1).await;
    worker.stop().await;
}

#[tokio::test]
async fn an_id_whose_status_expired_is_sent_again() {
    let redis = RedisServer::start().await;
    let log = Log::default();
    let completed_retention = Duration::from_millis(20);
    let worker = log.worker(WorkerSettings { completed_retention, ..settings(&redis.url()) });
    push(&redis, r#"{"n":0,"id":"a"}"#).await;
    until(&redis, "sent", |now| now.counter("sent") == 1).await;
    redis.wait_until(&["EXISTS", &key("status:a")], |reply| reply.int() == 0, LIMIT).await;
    push(&redis, r#"{"n":1,"id":"a"}"#).await;
    let end = until(&redis, "sent again", |now| now.counter("sent") == 2).await;
    end.counters_are(&[("sent", 2)]);
    end.adds_up(2, &log.numbers());
    worker.stop().await;
}

#[tokio::test]
async fn a_status_whose_holder_is_gone_holds_nobody_back() {
    let redis = RedisServer::start().await;
    for (id, state) in [("a", "sending"), ("b", "delayed"), ("c", "waiting"), ("d", "dead")] {
        let status = key(&format!("status:{id}"));
        redis.command(&["HSET", &status, "state", state, "token", "x.1:p:0:x.1", "member", "x.1:p:0"]).await;
    }
    let messages = ["a", "b", "c", "d"].into_iter().enumerate();
    push_each(&redis, &key("pending"), messages.map(|(n, id)| format!(r#"{{"n":{n},"id":"{id}"}}"#))).await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    super::account::all_sent(&redis, 4, || log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_message_that_waits_is_not_enqueued_a_second_time() {
    let redis = RedisServer::start().await;
    let queue = redispatch::queue::Queue::new(super::kit::QUEUE, &settings(&redis.url())).unwrap();
    let message = || vec![bytes::Bytes::from_static(br#"{"n":0,"id":"a"}"#)];
    let lane = redispatch::keys::Lane::Pending;
    assert!(queue.enqueue(lane, message()).await.unwrap()[0].created);
    assert!(!queue.enqueue(lane, message()).await.unwrap()[0].created, "waiting");
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.next().await;
    assert!(!queue.enqueue(lane, message()).await.unwrap()[0].created, "in hand");
    held.accept();
    until(&redis, "sent", |now| now.counter("sent") == 1).await;
    assert!(!queue.enqueue(lane, message()).await.unwrap()[0].created, "sent");
    let end = account(&redis).await;
    end.adds_up(1, &desk.log.numbers());
    end.counters_are(&[("enqueued", 1), ("sent", 1)]);
    worker.stop().await;
}

#[tokio::test]
async fn more_bytes_than_one_call_bears_are_all_enqueued_in_order() {
    let redis = RedisServer::start().await;
    // The longest query that this Redis takes: more than two messages, less than all.
    redis.command(&["CONFIG", "SET", "client-query-buffer-limit", "20mb"]).await;
    let queue = redispatch::queue::Queue::new(super::kit::QUEUE, &settings(&redis.url())).unwrap();
    let body = "x".repeat(6 << 20);
    let messages = (0..6).map(|n| format!(r#"{{"n":{n},"body":"{body}"}}"#).into()).collect();
    let enqueued = queue.enqueue(redispatch::keys::Lane::Pending, messages).await.unwrap();
    assert!(enqueued.len() == 6 && enqueued.iter().all(|one| one.created));
    let log = Log::default();
    let worker = log.worker(WorkerSettings { concurrency: 1, ..settings(&redis.url()) });
    let end = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") == 6).await;
    end.counters_are(&[("enqueued", 6), ("sent", 6)]);
    assert_eq!(log.numbers(), [0, 1, 2, 3, 4, 5]);
    worker.stop().await;
}
