//! A newer version takes the queue over while this one runs.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use redispatch::config::WorkerSettings;
use redispatch::keys::{LAYOUT, Lane};
use redispatch::queue::{Cleaned, DeadAction, Pause, Queue, QueueError, Selector};
use redispatch::worker::WorkerError;
use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;

use super::account::account;
use super::kit::{Desk, Log, QUEUE, key, push_numbers, settings};

/// What a newer version writes before it changes any key.
async fn raise(redis: &RedisServer) -> String {
    let newer = (LAYOUT + 1).to_string();
    redis.command(&["HSET", &key("control"), "layout", &newer]).await;
    newer
}

/// What is in hand is seen out, so that the newer version finds nothing of the older one; nothing is claimed, and the
/// heartbeat goes, which the newer one waits for.
#[tokio::test]
async fn the_layout_is_raised_under_a_worker_that_sends() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 20).await;
    let mut desk = Desk::new();
    let settings = WorkerSettings { concurrency: 2, ..settings(&redis.url()) };
    let worker = desk.worker(settings);
    let in_hand = desk.take(2).await;
    let newer = raise(&redis).await;
    in_hand.into_iter().for_each(super::kit::Sending::accept);
    let ended = worker.ended().await;
    assert!(matches!(&ended, Err(WorkerError::Layout(found)) if *found == newer), "{ended:?}");
    let now = account(&redis).await;
    now.adds_up(20, &desk.log.numbers());
    assert_eq!(now.waiting.len(), 18);
    assert_eq!(redis.command(&["HLEN", &key("workers")]).await.int(), 0);
}

#[tokio::test]
async fn the_layout_is_raised_under_a_worker_that_sleeps() {
    let redis = RedisServer::start().await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    redis.wait_until(&["HLEN", &key("workers")], |alive| alive.int() == 1, LIMIT).await;
    raise(&redis).await;
    assert!(matches!(worker.ended().await, Err(WorkerError::Layout(_))));
    push_numbers(&redis, 1).await;
    assert_eq!(account(&redis).await.waiting.len(), 1);
    assert!(log.numbers().is_empty());
}

#[tokio::test]
async fn the_layout_is_raised_while_the_queue_is_paused() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    redis.command(&["HSET", &key("control"), "paused_until", "-1"]).await;
    let worker = Log::default().worker(settings(&redis.url()));
    redis.wait_until(&["HLEN", &key("workers")], |alive| alive.int() == 1, LIMIT).await;
    raise(&redis).await;
    assert!(matches!(worker.ended().await, Err(WorkerError::Layout(_))));
}

/// A plain push is the same in every layout.
#[tokio::test]
async fn nothing_else_of_this_version_changes_a_newer_layout() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 3).await;
    raise(&redis).await;
    let queue = Queue::new(QUEUE, &settings(&redis.url())).unwrap();
    let before = account(&redis).await.waiting.len();
    let mail = Bytes::from_static(b"{}");
    let refused = |what: &str, error: Option<QueueError>| {
        assert!(matches!(error, Some(QueueError::Layout(_))), "{what}: {error:?}");
    };
    refused("enqueue", queue.enqueue(Lane::Pending, vec![mail]).await.err());
    refused("cancel", queue.cancel("a", None).await.err());
    refused("reschedule", queue.reschedule("a", 1).await.err());
    refused("retry", queue.retry("a").await.err());
    refused("clean", queue.clean(Cleaned::Dead, Duration::ZERO, 1).await.err());
    refused("pause", queue.pause(&Pause::default()).await.err());
    refused("resume", queue.resume().await.err());
    refused("pause --intake", queue.pause_intake("").await.err());
    refused("resume --intake", queue.resume_intake().await.err());
    let moved = queue.move_dead(&Selector::default(), DeadAction::Purge, |_| ControlFlow::Continue(())).await;
    refused("dead purge", moved.err().map(|stopped| stopped.error));
    let moved = queue
        .move_dead_slowly(&Selector::default(), DeadAction::Requeue, 1.0, |_| ControlFlow::Continue(()))
        .await;
    refused("dead requeue --per-second", moved.err().map(|stopped| stopped.error));
    refused("doctor --fix", queue.mend_orphans(Duration::ZERO).await.err());
    refused("schedule rm", queue.remove_schedule("a").await.err());
    refused("export", queue.export().await.err());
    refused("import", queue.import().await.err());
    assert_eq!(account(&redis).await.waiting.len(), before);
    let keys = redis.command(&["KEYS", &key("*")]).await;
    assert_eq!(keys.array().len(), 2, "{keys:?}");
    assert_eq!(queue.stats().await.unwrap().pending, 3);
}
