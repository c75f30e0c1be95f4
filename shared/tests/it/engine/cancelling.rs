//! Cancelled where it is hardest to reach: in hand and not begun, and in several copies.

use std::time::Duration;

use redispatch::keys::Lane;
use redispatch::queue::{Changed, Queue};
use redispatch_testkit::LIMIT;
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;

use super::account::until;
use super::kit::{Desk, QUEUE, key, push, settings};
use super::scripts;

/// A worker whose begin never arrives: its message is claimed, and nobody has begun to send it.
#[tokio::test]
async fn what_is_claimed_and_not_begun_can_still_be_cancelled() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let begin = proxy.hold_request(scripts::hash(&redis, scripts::BEGIN).await, Then::Hang);
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&proxy.url()));
    let queue = Queue::new(QUEUE, &settings(&redis.url())).unwrap();
    push(&redis, r#"{"n":0,"id":"a"}"#).await;
    begin.struck().await;
    assert_eq!(queue.reschedule("a", 1).await.unwrap(), Changed::InHand);
    assert_eq!(queue.cancel("a", None).await.unwrap(), Changed::Done);
    assert_eq!(queue.cancel("a", None).await.unwrap(), Changed::Done, "asked again");
    assert_eq!(queue.reschedule("a", 1).await.unwrap(), Changed::Cancelled);
    push(&redis, r#"{"n":1,"id":"a"}"#).await;
    let again = vec![r#"{"n":2,"id":"a"}"#.into()];
    assert!(queue.enqueue(Lane::Pending, again).await.unwrap()[0].created);
    proxy.cut();
    assert_eq!(desk.accept(1).await, [2], "the only one that was not cancelled, nor pushed as another copy");
    let end = until(&redis, "all gone", |now| now.is_dry() && now.counter("sent") == 1).await;
    end.counters_are(&[("enqueued", 1), ("cancelled", 1), ("duplicates", 2), ("sent", 1)]);
    worker.stop().await;
}

/// One copy waits for its retry, another one in its lane, for longer than the status of a cancelled message is kept.
#[tokio::test]
async fn no_copy_of_what_was_cancelled_is_sent_however_long_it_waits() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let mut settings = settings(&redis.url());
    settings.backoff.delay = Duration::from_secs(60);
    settings.completed_retention = Duration::from_millis(50);
    let worker = desk.worker(settings.clone());
    push(&redis, r#"{"n":0,"id":"a"}"#).await;
    desk.next().await.fail();
    until(&redis, "delayed", |now| now.delayed.len() == 1).await;
    worker.stop().await;
    push(&redis, r#"{"n":1,"id":"a"}"#).await;
    let queue = Queue::new(QUEUE, &settings).unwrap();
    assert_eq!(queue.cancel("a", None).await.unwrap(), Changed::Done);
    let status = key("status:a");
    let kept = redis.command(&["PTTL", &status]).await.int();
    assert!((-1..=50).contains(&kept), "{kept}");
    if kept > 0 {
        redis.wait_until(&["EXISTS", &status], |reply| reply.int() == 0, LIMIT).await;
    }
    let other = desk.worker(settings);
    push(&redis, r#"{"n":2}"#).await;
    assert_eq!(desk.accept(1).await, [2]);
    until(&redis, "all gone", |now| now.is_dry() && now.counter("sent") == 1).await;
    redis.wait_until(&["EXISTS", &status], |reply| reply.int() == 0, LIMIT).await;
    other.stop().await;
}

/// The rest of a message that others got has the same id: it is not the message, and goes to those who have not got it.
#[tokio::test]
async fn the_rest_of_a_split_message_is_not_taken_for_the_message_itself() {
    let redis = RedisServer::start().await;
    let queue = Queue::new(QUEUE, &settings(&redis.url())).unwrap();
    push(&redis, r#"{"n":0,"id":"a","_delivery":{"recipients":["b@example.com"]}}"#).await;
    assert_eq!(queue.reschedule("a", 9_000_000_000_000).await.unwrap(), Changed::Unknown);
    assert_eq!(queue.cancel("a", None).await.unwrap(), Changed::Unknown);
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    assert_eq!(desk.accept(1).await, [0]);
    until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1).await;
    worker.stop().await;
}
