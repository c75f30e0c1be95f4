//! `enqueue`: from an argument, stdin and files; all or nothing where something is wrong.

use std::fmt::Write as _;

use redispatch_testkit::Reply;
use redispatch_testkit::redis::RedisServer;
use serde_json::Value;

use crate::live::Live;
use crate::run::{command, finish, queuectl, queuectl_with};
use crate::snapshot;

const MAIL: &str = r#"{"to":"user@example.com","subject":"Test","body":"..."}"#;

/// A message as the queue has it, by its place from the left.
async fn message(redis: &RedisServer, list: &str, at: &str) -> String {
    redis.command(&["LINDEX", list, at]).await.text().to_owned()
}

async fn len(redis: &RedisServer, list: &str) -> i64 {
    redis.command(&["LLEN", list]).await.int()
}

/// Mails with the ids `m0`, `m1`, …, one a line.
fn mails(count: usize) -> String {
    let mut lines = String::new();
    for n in 0..count {
        writeln!(lines, r#"{{"to":"user@example.com","body":"...","id":"m{n}"}}"#).unwrap();
    }
    lines
}

#[tokio::test]
async fn an_argument_is_one_message_and_its_id_is_told() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["enqueue", "--queue", "email", MAIL]).await.with_code(0);
    let id = ran.stdout.trim();
    let kept: Value = serde_json::from_str(&message(&redis, "queue:email:pending", "0").await).unwrap();
    assert_eq!(kept["id"], id);
    assert_eq!(kept["subject"], "Test");
    assert_eq!(ran.stderr, "");
    let json = queuectl(&redis, &["enqueue", "--queue", "email", MAIL, "--json"]).await.with_code(0).json();
    assert_eq!(json["created"], true);
    assert_eq!(len(&redis, "queue:email:pending").await, 2);
}

#[tokio::test]
async fn an_id_that_waits_is_not_enqueued_again_and_that_is_said() {
    let redis = RedisServer::start().await;
    let lines = format!("{}\n\n{}", mails(2), mails(3));
    let ran = queuectl_with(&redis, &["enqueue", "-q", "email", "-"], lines.as_bytes()).await.with_code(0);
    assert_eq!(ran.stdout, "m0\nm1\nm0 (is there already)\nm1 (is there already)\nm2\n");
    assert_eq!(ran.stderr, "3 enqueued, 2 were there already\n");
    assert_eq!(len(&redis, "queue:email:pending").await, 3);
    assert!(message(&redis, "queue:email:pending", "-1").await.contains("m0"), "the first goes first");
    let again = queuectl_with(&redis, &["enqueue", "-q", "email"], mails(1).as_bytes()).await.with_code(0);
    assert_eq!(again.stdout, "m0 (is there already)\n");
}

#[tokio::test]
async fn lanes_and_queues_of_ones_own() {
    let redis = RedisServer::start().await;
    for (lane, key) in [("high", "queue:news:pending:high"), ("low", "queue:news:pending:low")] {
        let args = ["enqueue", "-q", "news", "--lane", lane, r#"{"name":"Jo"}"#];
        let ran = queuectl(&redis, &args).await.with_code(0);
        let new = "queue `news` is new: nobody has served it yet\n";
        assert_eq!(ran.stderr, if lane == "high" { new } else { "" });
        assert_eq!(len(&redis, key).await, 1);
    }
    let queues = queuectl(&redis, &["queues"]).await.with_code(0).stdout;
    assert_eq!(queues, "email\nnews\nsms\nwhatsapp\n");
}

#[tokio::test]
async fn one_bad_line_and_nothing_is_enqueued() {
    let redis = RedisServer::start().await;
    let mut lines = mails(100);
    lines.push_str("{\"to\":\"nobody\",\"body\":\"x\"}\n\n{\"to\":\n");
    lines.push_str(r#"{"to":"a@example.com","body":"x","send_at":1700000000}"#);
    let ran = queuectl_with(&redis, &["enqueue", "-q", "email"], lines.as_bytes()).await.with_code(2);
    snapshot::matches("enqueue-faults", &ran.stderr);
    assert_eq!(ran.stdout, "");
    assert_eq!(redis.command(&["DBSIZE"]).await.int(), 0);
    // of very many the first are told
    let bad = "nonsense\n".repeat(1_000);
    let ran = queuectl_with(&redis, &["enqueue", "-q", "email"], bad.as_bytes()).await.with_code(2);
    assert!(ran.stderr.contains("line 20: ") && !ran.stderr.contains("line 21: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("… and 980 more"), "{}", ran.stderr);
    let one = queuectl(&redis, &["enqueue", "-q", "sms", r#"{"to":"x","body":"y"}"#]).await.with_code(2);
    assert!(one.stderr.contains("to: \"x\" is no phone number"), "{}", one.stderr);
    assert_eq!(redis.command(&["DBSIZE"]).await.int(), 0);
}

#[tokio::test]
async fn a_large_file_keeps_its_order_even_where_nobody_reads_the_ids() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("mails.jsonl");
    std::fs::write(&file, mails(20_000)).unwrap();
    let mut live =
        Live::start(command(&redis.url(), home.path(), &["enqueue", "-q", "email", "-f", "mails.jsonl"]));
    assert_eq!(live.line().await, "m0");
    live.close_stdout();
    assert_eq!(live.end().await.0.code(), Some(0));
    assert_eq!(len(&redis, "queue:email:pending").await, 20_000);
    let ids = ids(&redis).await;
    assert!(ids.iter().enumerate().all(|(n, id)| *id == format!("m{n}")), "out of order");
}

/// The ids in `queue:email:pending`, those that go first in front.
async fn ids(redis: &RedisServer) -> Vec<String> {
    let waiting = redis.command(&["LRANGE", "queue:email:pending", "0", "-1"]).await;
    let id = |reply: &Reply| {
        let message: Value = serde_json::from_slice(reply.bytes()).unwrap();
        message["id"].as_str().unwrap().to_owned()
    };
    waiting.array().iter().rev().map(id).collect()
}

#[tokio::test]
async fn killed_in_the_middle_and_given_again_nothing_is_there_twice() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("mails.jsonl"), mails(20_000)).unwrap();
    let args = ["enqueue", "-q", "email", "-f", "mails.jsonl"];
    let mut live = Live::start(command(&redis.url(), home.path(), &args));
    live.line().await;
    live.signal(rustix::process::Signal::KILL);
    live.end().await;
    let before = len(&redis, "queue:email:pending").await;
    assert!((200..20_000).contains(&before), "{before} were enqueued");
    let ran = finish(command(&redis.url(), home.path(), &args), b"").await.with_code(0);
    assert_eq!(ran.stderr, format!("{} enqueued, {before} were there already\n", 20_000 - before));
    let ids = ids(&redis).await;
    assert!(ids.len() == 20_000 && ids.iter().enumerate().all(|(n, id)| *id == format!("m{n}")));
}

#[tokio::test]
async fn a_redis_that_is_full_in_the_middle_leaves_a_count() {
    let redis = RedisServer::start().await;
    let used = redis.command(&["INFO", "memory"]).await;
    let used = used.text().lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().to_owned();
    let limit = (used.trim().parse::<u64>().unwrap() + 4_000_000).to_string();
    redis.command(&["CONFIG", "SET", "maxmemory", &limit]).await;
    let lines = mails(50_000);
    let args = ["enqueue", "--queue", "email", "-"];
    let ran = queuectl_with(&redis, &args, lines.as_bytes()).await.with_code(2);
    let there = len(&redis, "queue:email:pending").await;
    assert!((1..50_000).contains(&there), "{there}");
    assert_eq!(ran.stdout.lines().count() as i64, there);
    let changed =
        format!("changed: {there} enqueued; lines {} to {} of stdin may be", there + 1, there + 200);
    assert!(ran.stderr.contains(&changed) && ran.stderr.contains("OOM"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: it is safe to give the same again"), "{}", ran.stderr);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    queuectl_with(&redis, &args, lines.as_bytes()).await.with_code(0);
    assert_eq!(ids(&redis).await.len(), 50_000);
    // without ids the hint is another one
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let ran = queuectl(&redis, &["enqueue", "-q", "email", MAIL]).await.with_code(2);
    assert!(ran.stderr.contains("1 of 1 have no id: give only those again"), "{}", ran.stderr);
}

#[tokio::test]
async fn what_cannot_be_read_changes_nothing() {
    let redis = RedisServer::start().await;
    for (args, text) in [
        (&["-f", "missing.jsonl"][..], "cannot read missing.jsonl"),
        (&["-f", "/"], "cannot read /"),
        (&["-"], "no message in stdin"),
        (&["{}", "-f", "x"], "cannot be used with"),
        (&[""], "no message in the message"),
    ] {
        let ran = queuectl(&redis, &[&["enqueue", "-q", "email"][..], args].concat()).await.with_code(2);
        assert!(ran.stderr.contains(text), "{args:?}: {}", ran.stderr);
    }
    assert_eq!(redis.command(&["DBSIZE"]).await.int(), 0);
}
