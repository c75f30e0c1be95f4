//! `pause` and `resume`.

use redispatch_testkit::redis::RedisServer;

use crate::run::queuectl;

#[tokio::test]
async fn a_pause_lasts_until_resume() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["pause", "--queue", "email", "--note", "new password"]).await.with_code(0);
    assert_eq!(ran.stdout, "email: paused until `queuectl resume --queue email`\n");
    let control = redis.command(&["HMGET", "queue:email:control", "paused_until", "paused_note"]).await;
    let fields: Vec<_> = control.array().iter().map(redispatch_testkit::Reply::text).collect();
    assert_eq!(fields, ["-1", "new password"]);
    queuectl(&redis, &["resume", "--queue", "email"]).await.with_code(0);
    assert_eq!(redis.command(&["EXISTS", "queue:email:control"]).await.int(), 0);
    let again = queuectl(&redis, &["resume", "-q", "email"]).await.with_code(1);
    assert_eq!(again.stdout, "email: was not paused\n");
}

#[tokio::test]
async fn a_pause_may_end_by_itself() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["pause", "--queue", "email", "--for", "15m", "--json"]).await.with_code(0);
    let until = ran.json()["paused_until"].as_i64().unwrap();
    let now = redispatch::clock::unix_ms() as i64;
    assert!((880_000..=900_000).contains(&(until - now)), "{}", until - now);
    let kept = redis.command(&["HGET", "queue:email:control", "paused_until"]).await;
    assert_eq!(kept.text(), until.to_string());
}

#[tokio::test]
async fn what_is_no_queue_is_refused() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["pause", "--queue", "E mail"]).await.with_code(2);
    assert!(ran.stderr.contains("`E mail` is no queue name"), "{}", ran.stderr);
    queuectl(&redis, &["pause"]).await.with_code(2);
}
