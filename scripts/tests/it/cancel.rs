//! `cancel`: what is taken back is never sent, and what cannot be is said.

use std::time::Duration;

use redispatch::{Delivery, Failure, Outcome};
use redispatch_testkit::LIMIT;
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use serde_json::Value;

use crate::run::{Ran, command, finish, queuectl};
use crate::serving::{self, Serving};

/// A mail with an id.
pub(crate) fn mail(id: &str) -> String {
    format!(r#"{{"to":"jo@example.com","body":"x","id":"{id}"}}"#)
}

/// A mail that is not sent in this millennium.
pub(crate) fn scheduled(id: &str) -> String {
    format!(r#"{{"to":"jo@example.com","body":"x","id":"{id}","send_at":"2999-01-01T00:00:00Z"}}"#)
}

pub(crate) async fn enqueue(redis: &RedisServer, message: &str) {
    queuectl(redis, &["enqueue", "-q", "email", message]).await.with_code(0);
}

/// Waits until the status of `id` is `state`.
pub(crate) async fn becomes(redis: &RedisServer, id: &str, state: &str) {
    let status = format!("queue:email:status:{id}");
    let is =
        |reply: &redispatch_testkit::Reply| *reply != redispatch_testkit::Reply::Nil && reply.text() == state;
    redis.wait_until(&["HGET", &status, "state"], is, LIMIT).await;
}

/// Waits until nothing waits, is delayed or in hand.
pub(crate) async fn empty(redis: &RedisServer) {
    queuectl(redis, &["drain", "--queues", "email", "--scheduled"]).await.with_code(0);
}

/// How many messages were sent.
pub(crate) async fn sent(redis: &RedisServer) -> i64 {
    match redis.command(&["HGET", "queue:email:counters", "sent"]).await {
        redispatch_testkit::Reply::Nil => 0,
        count => count.text().parse().unwrap(),
    }
}

async fn cancel(redis: &RedisServer, ids: &[&str]) -> Ran {
    queuectl(redis, &[&["cancel", "--queue", "email"][..], ids].concat()).await
}

#[tokio::test]
async fn what_waits_or_is_delayed_is_never_sent_and_its_id_is_free() {
    async fn busy(delivery: Delivery) -> Outcome {
        match delivery.payload::<Value>() {
            Ok(message) if message["id"] == "retry" => Outcome::Retry(Failure::new("450 busy")),
            _ => serving::sent(delivery).await,
        }
    }
    let redis = RedisServer::start().await;
    enqueue(&redis, &mail("retry")).await;
    let worker = Serving::start(&redis, "email", Duration::from_secs(3600), busy).await;
    becomes(&redis, "retry", "delayed").await;
    worker.stop().await;
    enqueue(&redis, &mail("waits")).await;
    enqueue(&redis, &scheduled("later")).await;
    enqueue(&redis, &mail("stays")).await;
    let ran = cancel(&redis, &["waits", "later", "retry"]).await.with_code(0);
    assert_eq!(ran.stdout, "waits: cancelled\nlater: cancelled\nretry: cancelled\n");
    assert_eq!(ran.stderr, "");
    let again = cancel(&redis, &["waits"]).await.with_code(0);
    assert_eq!(again.stdout, "waits: cancelled\n");
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::sent).await;
    empty(&redis).await;
    assert_eq!(sent(&redis).await, 1, "only the one that stays");
    // the id is free
    enqueue(&redis, &mail("waits")).await;
    becomes(&redis, "waits", "sent").await;
    assert_eq!(sent(&redis).await, 2);
    worker.stop().await;
}

#[tokio::test]
async fn what_is_in_hand_sent_dead_or_unknown_is_refused_with_what_to_do() {
    async fn desk(delivery: Delivery) -> Outcome {
        match delivery.payload::<Value>().unwrap()["id"].as_str().unwrap() {
            "sent" => serving::sent(delivery).await,
            "dead" => Outcome::Reject(Failure::new("550 no such user")),
            _ => serving::never(delivery).await,
        }
    }
    let redis = RedisServer::start().await;
    for id in ["sent", "dead", "held"] {
        enqueue(&redis, &mail(id)).await;
    }
    let _worker = Serving::start(&redis, "email", Duration::ZERO, desk).await;
    for (id, state) in [("sent", "sent"), ("dead", "dead"), ("held", "sending")] {
        becomes(&redis, id, state).await;
    }
    for (id, said, hint) in [
        ("held", "is in a worker's hands", "hint: `queuectl show --queue email held`"),
        ("sent", "was sent", "nothing takes a sent message back"),
        ("dead", "was given up", "hint: `queuectl dead show --queue email dead`"),
        ("nobody", "is not known", "queuectl cancel --queue email nobody --mark 1h"),
    ] {
        let ran = cancel(&redis, &[id]).await.with_code(1);
        assert!(ran.stdout.starts_with(&format!("{id}: not cancelled: it {said}")), "{ran:?}");
        assert!(ran.stderr.contains(hint), "{ran:?}");
    }
    // one of several is enough for the exit code, and the others are done
    enqueue(&redis, &scheduled("later")).await;
    let ran = queuectl(&redis, &["cancel", "-q", "email", "sent", "later", "--json"]).await.with_code(1);
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = lines.iter().map(|line| (&line["id"], &line["cancelled"], &line["state"])).collect();
    let expected = [("sent", false, "sent"), ("later", true, "cancelled")];
    for ((id, is_done, state), (wanted, wanted_done, wanted_state)) in told.iter().zip(expected) {
        assert_eq!(
            (**id == *wanted, **is_done == wanted_done, **state == *wanted_state),
            (true, true, true),
            "{lines:?}"
        );
    }
    assert_eq!(redis.command(&["ZCARD", "queue:email:processing"]).await.int(), 1, "what is in hand stays");
    assert_eq!(redis.command(&["ZCARD", "queue:email:delayed"]).await.int(), 0);
}

#[tokio::test]
async fn a_mark_drops_what_is_still_to_come() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["cancel", "-q", "email", "order-1", "--mark", "1h"]).await.with_code(0);
    assert!(ran.stdout.starts_with("order-1: "), "{ran:?}");
    redis.command(&["LPUSH", "queue:email:pending", &mail("order-1"), &mail("order-2")]).await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::sent).await;
    becomes(&redis, "order-2", "sent").await;
    empty(&redis).await;
    assert_eq!(sent(&redis).await, 1, "the marked one is dropped");
    worker.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_and_asked_for_again_is_done() {
    let redis = RedisServer::start().await;
    enqueue(&redis, &scheduled("order-1")).await;
    let proxy = Proxy::start(redis.addr());
    let home = tempfile::tempdir().unwrap();
    let lost = proxy.lose_reply("status:order-1", Then::Close);
    let args = ["cancel", "-q", "email", "order-1"];
    let first = finish(command(&proxy.url(), home.path(), &args), b"").await;
    lost.struck().await;
    assert!(first.code == 0 || first.stderr.contains("this one may be"), "{first:?}");
    cancel(&redis, &["order-1"]).await.with_code(0);
    assert_eq!(redis.command(&["ZCARD", "queue:email:delayed"]).await.int(), 0);
}

#[tokio::test]
async fn a_misspelt_queue_is_no_queue_without_the_message() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["cancel", "-q", "emial", "order-1"]).await.with_code(2);
    assert!(ran.stderr.contains("there is no queue `emial`"), "{ran:?}");
    queuectl(&redis, &["cancel", "-q", "email"]).await.with_code(2);
    queuectl(&redis, &["cancel", "-q", "email", "order-1", "--mark", "0"]).await.with_code(2);
}
