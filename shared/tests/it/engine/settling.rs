//! Several recipients, of which some are refused.

use redispatch::{Failure, Outcome, Part, Verdict};
use redispatch_testkit::redis::RedisServer;

use super::account::{account, until};
use super::kit::{Desk, key, push, settings};

fn part(verdict: Verdict, names: &[&str]) -> Part {
    let recipients = names.iter().map(ToString::to_string).collect();
    Part { recipients, verdict, failure: Failure::new("mailbox says no").with_code(450).by("smtp") }
}

#[tokio::test]
async fn split_recipients_each_go_their_own_way_once() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    push(&redis, r#"{"n":0,"id":"a","to":["x","y","z"]}"#).await;
    let parts = vec![part(Verdict::Retry, &["y"]), part(Verdict::Reject, &["z"])];
    desk.next().await.answer(Outcome::Split { served: true, parts });
    let rest = desk.next().await;
    assert_eq!(rest.delivery.recipients(), Some(["y".to_owned()].as_slice()));
    assert_eq!(
        (rest.delivery.id(), rest.delivery.attempt()),
        (Some("a"), 2),
        "the id it has is no duplicate"
    );
    rest.accept();
    let end = until(&redis, "all settled", |now| now.is_dry() && now.counter("sent") == 2).await;
    end.counters_are(&[("sent", 2), ("retried", 1), ("dead_lettered", 1)]);
    let letter = end.dead_letter();
    assert_eq!(letter["_delivery"]["recipients"], serde_json::json!(["z"]));
    assert_eq!(letter["_delivery"]["reason"], "reject");
    assert_eq!(letter["to"], serde_json::json!(["x", "y", "z"]), "the message itself is as it was");

    // Requeued by hand it goes to that recipient only.
    redis.shell("redis-cli rpoplpush queue:q:dead_letter queue:q:pending").await;
    let again = desk.next().await;
    assert_eq!(again.delivery.recipients(), Some(["z".to_owned()].as_slice()));
    again.accept();
    let end = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") == 3).await;
    assert!(end.dead.is_empty());
    // And a second push of the id is a duplicate of the whole.
    push(&redis, r#"{"n":0,"id":"a","to":["x","y","z"]}"#).await;
    let end = until(&redis, "dropped", |now| now.counter("duplicates") == 1).await;
    assert!(end.is_dry());
    worker.stop().await;
}

#[tokio::test]
async fn a_part_that_keeps_failing_runs_out_of_retries() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    push(&redis, r#"{"n":0,"to":["x","y"]}"#).await;
    for _ in 0..3 {
        desk.next().await.answer(Outcome::Split { served: true, parts: vec![part(Verdict::Retry, &["y"])] });
    }
    let end = until(&redis, "given up", |now| now.dead.len() == 1).await;
    end.adds_up(1, &[]);
    let letter = end.dead_letter();
    assert_eq!(letter["_delivery"]["reason"], "retries_exhausted");
    assert_eq!(letter["_delivery"]["recipients"], serde_json::json!(["y"]));
    assert_eq!(letter["_delivery"]["attempts"].as_array().unwrap().len(), 3);
    worker.stop().await;
    assert_eq!(account(&redis).await, end);
    assert_eq!(redis.command(&["EXISTS", &key("messages")]).await.int(), 0);
}

#[tokio::test]
async fn a_split_that_served_nobody_is_not_sent_and_holds_its_id() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let state = async |id: &str| {
        let reply = redis.command(&["HGET", &key(&format!("status:{id}")), "state"]).await;
        reply.text().to_owned()
    };
    push(&redis, r#"{"n":0,"id":"a","to":["y","z"]}"#).await;
    let parts = vec![part(Verdict::Reject, &["z"]), part(Verdict::Retry, &["y"])];
    desk.next().await.answer(Outcome::Split { served: false, parts });
    let rest = desk.next().await;
    assert_eq!(rest.delivery.recipients(), Some(["y".to_owned()].as_slice()));
    let now = account(&redis).await;
    now.counters_are(&[("retried", 1), ("dead_lettered", 1)]);
    assert_eq!(redis.command(&["LLEN", &key("recent")]).await.int(), 0);
    push(&redis, r#"{"n":1,"id":"a"}"#).await;
    until(&redis, "dropped while the rest is in hand", |now| now.counter("duplicates") == 1).await;
    rest.fail();
    desk.next().await.accept();
    until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1).await;
    assert_eq!(state("a").await, "sent");
    push(&redis, r#"{"n":2,"id":"a"}"#).await;
    until(&redis, "dropped once it is sent", |now| now.counter("duplicates") == 2).await;

    push(&redis, r#"{"n":3,"id":"b","to":["y","z"]}"#).await;
    let parts = vec![part(Verdict::Reject, &["y"]), part(Verdict::Reject, &["z"])];
    desk.next().await.answer(Outcome::Split { served: false, parts });
    let end = until(&redis, "given up", |now| now.is_dry() && now.dead.len() == 3).await;
    end.counters_are(&[("sent", 1), ("retried", 2), ("dead_lettered", 3), ("duplicates", 2)]);
    assert_eq!(state("b").await, "dead");
    let recent = redis.command(&["LRANGE", &key("recent"), "0", "-1"]).await;
    let recent: Vec<_> = recent.array().iter().map(|entry| entry.text().to_owned()).collect();
    assert!(recent.len() == 2 && recent[0].contains(r#""state":"dead""#), "{recent:?}");
    worker.stop().await;
}

#[tokio::test]
async fn metadata_of_any_size_is_not_kept_in_recent() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    for (n, size) in [(0, 4_000), (1, 5_000), (2, 3_000_000)] {
        let metadata = format!(r#"{{"order":"{}"}}"#, "x".repeat(size));
        push(&redis, &format!(r#"{{"n":{n},"id":"{n}","metadata":{metadata}}}"#)).await;
        desk.next().await.accept();
    }
    until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 3).await;
    let recent = redis.command(&["LRANGE", &key("recent"), "0", "-1"]).await;
    let sizes: Vec<_> = recent.array().iter().map(|entry| entry.text().len()).collect();
    assert!(sizes.len() == 3 && sizes[..2].iter().all(|size| *size < 100) && sizes[2] > 4_000, "{sizes:?}");
    worker.stop().await;
}
