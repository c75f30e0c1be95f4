//! `clean` and `retry`.

use redispatch_testkit::redis::RedisServer;

use crate::queue::{DEAD, PENDING, fill, length};
use crate::run::queuectl;

const STATUS: &str = "queue:email:status:m";

/// Sent messages `m0` to `m{count}`, the first ones long ago, the last one in a hundred years.
async fn sent(redis: &RedisServer, count: u64) {
    for n in 0..count {
        let at = if n + 1 == count { 4_900_000_000_000 } else { 1_600_000_000_000 + n };
        let line = format!(r#"{{"id":"m{n}","state":"sent","at":{at}}}"#);
        redis.command(&["LPUSH", "queue:email:recent", &line]).await;
        let at = at.to_string();
        redis.command(&["HSET", &format!("{STATUS}{n}"), "state", "sent", "at", &at]).await;
    }
}

#[tokio::test]
async fn old_sent_messages_are_forgotten_with_their_status() {
    let redis = RedisServer::start().await;
    sent(&redis, 4).await;
    let clean = ["clean", "--queue", "email", "--state", "sent", "--older-than", "24h"];
    let dry = queuectl(&redis, &[&clean[..], &["--dry-run"]].concat()).await.with_code(0);
    assert_eq!(dry.stdout, "email: would forget 3 sent messages; nothing was changed\n");
    let asked = queuectl(&redis, &clean).await.with_code(2);
    assert!(
        asked.stderr.contains("nobody is here to ask: forget 3 sent messages of email?"),
        "{}",
        asked.stderr
    );
    assert_eq!(length(&redis, "queue:email:recent").await, 4);
    let one = queuectl(&redis, &[&clean[..], &["--yes", "--limit", "1"]].concat()).await.with_code(0);
    assert_eq!(one.stdout, "email: forgot 1 sent message\n");
    assert_eq!(redis.command(&["EXISTS", &format!("{STATUS}0")]).await.int(), 0);
    assert_eq!(redis.command(&["EXISTS", &format!("{STATUS}1")]).await.int(), 1);
    let ran = queuectl(&redis, &[&clean[..], &["--yes", "--json"]].concat()).await.with_code(0);
    assert_eq!(ran.json(), serde_json::json!({"queue":"email","state":"sent","cleaned":2,"dry_run":false}));
    assert_eq!(redis.command(&["EXISTS", &format!("{STATUS}3")]).await.int(), 1);
    queuectl(&redis, &[&clean[..], &["--yes"]].concat()).await.with_code(1);
}

#[tokio::test]
async fn old_dead_letters_go_and_younger_ones_stay() {
    let redis = RedisServer::start().await;
    fill(&redis, 5).await;
    let clean =
        |older: &'static str| ["clean", "-q", "email", "--state", "dead", "--older-than", older, "--yes"];
    queuectl(&redis, &clean("36000d")).await.with_code(1);
    assert_eq!(length(&redis, DEAD).await, 5);
    let ran = queuectl(&redis, &clean("14d")).await.with_code(0);
    assert_eq!(ran.stdout, "email: forgot 5 dead letters\n");
    assert_eq!(length(&redis, DEAD).await, 0);
}

#[tokio::test]
async fn a_state_or_an_age_that_is_none_is_wrong_usage() {
    let redis = RedisServer::start().await;
    for args in [
        &["--state", "active", "--older-than", "1h"][..],
        &["--state", "sent", "--older-than", "soon"],
        &["--state", "sent"],
        &["--older-than", "1h"],
    ] {
        queuectl(&redis, &[&["clean", "--queue", "email"][..], args].concat()).await.with_code(2);
    }
}

#[tokio::test]
async fn a_dead_letter_is_tried_again_and_what_is_not_there_is_not() {
    let redis = RedisServer::start().await;
    fill(&redis, 3).await;
    let ran = queuectl(&redis, &["retry", "--queue", "email", "m1"]).await.with_code(0);
    assert_eq!(ran.stdout, "m1: goes now\n");
    assert_eq!((length(&redis, DEAD).await, length(&redis, PENDING).await), (2, 1));
    sent(&redis, 3).await;
    let ran = queuectl(&redis, &["retry", "--queue", "email", "m2", "--json"]).await.with_code(1);
    assert_eq!(ran.json(), serde_json::json!({"queue":"email","id":"m2","retried":false,"state":"sent"}));
    let ran = queuectl(&redis, &["retry", "--queue", "email", "nobody"]).await.with_code(1);
    assert_eq!(ran.stdout, "nobody: not retried: it is not known, does not wait, and is not delayed\n");
}
