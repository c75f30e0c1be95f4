//! `stats`, once and again and again.

use std::time::Duration;

use redispatch_testkit::redis::RedisServer;
use rustix::process::Signal;
use serde_json::Value;

use crate::live::Live;
use crate::run::{command, finish, queuectl};
use crate::serving::{self, Serving};
use crate::snapshot;

/// Three queues in all states that a table shows, none of which depends on the time.
async fn fill(redis: &RedisServer) {
    for command in [
        &["LPUSH", "queue:email:pending", "{}", "{}", "{}"][..],
        &["LPUSH", "queue:email:claimed", "{}"],
        &["LPUSH", "queue:email:pending:high", "{}"],
        &["LPUSH", "queue:sms:pending:low", "{}", "{}"],
        &["LPUSH", "queue:email:dead_letter", "{}", "{}"],
        &["ZADD", "queue:whatsapp:delayed", "9999999999999", "a.1:p:0", "9999999999999", "a.2:p:0"],
        &["ZADD", "queue:email:processing", "1", "a.3:p:0:a.1"],
        &["HSET", "queue:email:counters", "sent", "1234567", "retried", "7"],
        &["HSET", "queue:email:control", "paused_until", "-1", "paused_note", "new password"],
        &[
            "HSET",
            "queue:sms:control",
            "breaker",
            "open",
            "breaker_until",
            "1",
            "breaker_why",
            "20003 Authenticate",
        ],
        &["HSET", "queue:sms:control", "throttled_until", "1"],
        &["SADD", "queue:queues", "news-of-the-week"],
    ] {
        redis.command(command).await;
    }
}

#[tokio::test]
async fn a_table_of_all_queues_and_what_keeps_them_from_moving() {
    let redis = RedisServer::start().await;
    fill(&redis).await;
    let ran = queuectl(&redis, &["stats"]).await.with_code(0);
    snapshot::fits(&ran.stdout);
    snapshot::matches("stats", &ran.stdout);
    assert_eq!(ran.stderr, "");
    let one = queuectl(&redis, &["stats", "--queue", "sms"]).await.with_code(0).stdout;
    assert!(one.contains("\nsms ") && !one.contains("TOTAL") && !one.contains("email"), "{one}");
}

#[tokio::test]
async fn json_has_every_number() {
    let redis = RedisServer::start().await;
    fill(&redis).await;
    let stats = queuectl(&redis, &["stats", "--json"]).await.with_code(0).json();
    let email = &stats["queues"]["email"];
    for (name, count) in [
        ("waiting", 5),
        ("high", 1),
        ("pending", 3),
        ("low", 0),
        ("claimed", 1),
        ("processing", 1),
        ("delayed", 0),
        ("dead_letter", 2),
        ("sent", 1_234_567),
        ("workers", 0),
        ("paused_until", -1),
    ] {
        assert_eq!(email[name], count, "{name}: {stats}");
    }
    assert_eq!(email["counters"]["retried"], 7);
    assert_eq!(email["paused_note"], "new password");
    assert_eq!(email["breaker"], Value::Null);
    assert_eq!(stats["queues"]["sms"]["breaker"]["why"], "20003 Authenticate");
    assert_eq!(stats["queues"]["sms"]["throttled_until"], Value::Null, "it is over");
    assert_eq!(stats["total"]["waiting"], 7);
    let hindered = email["hindered"].as_array().unwrap();
    assert_eq!(hindered[0], "paused until `queuectl resume`: new password");
    assert_eq!(hindered[1], "no worker lives, 5 waiting");
}

#[tokio::test]
async fn the_age_of_the_oldest_is_known_where_it_says_so() {
    let redis = RedisServer::start().await;
    let created = redispatch::clock::unix_ms() - 90_000;
    let message = format!(r#"{{"created_at":{created}}}"#);
    redis.command(&["LPUSH", "queue:email:pending", &message]).await;
    let ran = queuectl(&redis, &["stats", "-q", "email"]).await.with_code(0);
    assert!(ran.stdout.contains(" 90 s ") || ran.stdout.contains(" 91 s "), "{}", ran.stdout);
}

#[tokio::test]
async fn a_queue_with_a_worker_is_not_hindered() {
    let redis = RedisServer::start().await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::never).await;
    redis.command(&["LPUSH", "queue:email:pending", "{}"]).await;
    let stats = queuectl(&redis, &["stats", "-q", "email", "--json"]).await.with_code(0).json();
    assert_eq!(stats["queues"]["email"]["workers"], 1);
    assert_eq!(stats["queues"]["email"]["hindered"].as_array().unwrap().len(), 0);
    drop(worker);
}

fn watch(redis: &RedisServer, args: &[&str]) -> Live {
    let home = std::env::temp_dir();
    Live::start(command(&redis.url(), &home, &[&["stats", "--watch", "200ms"][..], args].concat()))
}

#[tokio::test]
async fn a_watch_tells_rates_in_lines_of_json() {
    let redis = RedisServer::start().await;
    let mut watch = watch(&redis, &["--json"]);
    let first: Value = serde_json::from_str(&watch.line().await).unwrap();
    assert_eq!(first["queues"]["email"]["in_per_second"], 0.0);
    // 30 raw pushes, of which a worker has sent 10 already
    redis.command(&["HSET", "queue:email:counters", "sent", "10"]).await;
    redis.command(&[vec!["LPUSH", "queue:email:pending"], vec!["{}"; 20]].concat()).await;
    let (mut arrived, mut left) = (0.0, 0.0);
    while left == 0.0 || arrived == 0.0 {
        let line: Value = serde_json::from_str(&watch.line().await).unwrap();
        arrived += line["queues"]["email"]["in_per_second"].as_f64().unwrap();
        left += line["total"]["out_per_second"].as_f64().unwrap();
    }
    assert!(left > 0.0 && arrived >= left, "{arrived} in, {left} out");
    watch.signal(Signal::TERM);
    assert_eq!(watch.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn a_watch_writes_blocks_where_there_is_no_terminal_and_ends_on_ctrl_c() {
    let redis = RedisServer::start().await;
    let mut watch = watch(&redis, &[]);
    for _ in 0..2 {
        let head = watch.line().await;
        assert!(head.ends_with("every 200ms"), "{head}");
        assert_eq!(watch.line().await, "");
        let header = watch.line().await;
        assert!(header.ends_with("OLDEST IN/S OUT/S"), "{header}");
        for queue in ["email", "sms", "whatsapp", "TOTAL", ""] {
            let line = watch.line().await;
            assert!(line.starts_with(queue) && !line.contains('\x1b'), "{line:?}");
        }
    }
    watch.signal(Signal::INT);
    assert_eq!(watch.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn a_watch_ends_when_nobody_reads_it() {
    let redis = RedisServer::start().await;
    let mut watch = watch(&redis, &[]);
    watch.line().await;
    watch.close_stdout();
    assert_eq!(watch.end().await.0.code(), Some(0));
}

#[tokio::test]
async fn a_watch_outlives_an_outage() {
    let mut redis = RedisServer::start().await;
    let mut watch = watch(&redis, &["--json"]);
    watch.line().await;
    redis.kill();
    watch.said("error: cannot").await;
    watch.said("looking again").await;
    redis.restart().await;
    redis.command(&["LPUSH", "queue:email:pending", "{}"]).await;
    loop {
        let line: Value = serde_json::from_str(&watch.line().await).unwrap();
        if line["queues"]["email"]["pending"] == 1 {
            return;
        }
    }
}

#[tokio::test]
async fn a_watch_draws_in_place_on_a_terminal_without_colours() {
    let redis = RedisServer::start().await;
    fill(&redis).await;
    let home = tempfile::tempdir().unwrap();
    let program = env!("CARGO_BIN_EXE_queuectl");
    let line =
        format!("stty cols 60 rows 6; timeout --preserve-status -s INT 1 {program} stats --watch 200ms");
    let mut on_terminal = tokio::process::Command::new("script");
    on_terminal
        .args(["-qec", &line, "/dev/null"])
        .env("REDIS_URL", redis.url())
        .env("TERM", "xterm-256color");
    on_terminal
        .current_dir(home.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let ran = finish(on_terminal, b"").await.with_code(0);
    let frames: Vec<&str> = ran.stdout.split("\x1b[H\x1b[J").skip(1).collect();
    assert!(frames.len() >= 2, "{ran:?}");
    for frame in frames {
        assert!(!frame.contains('\x1b'), "{frame:?}");
        assert!(
            frame.lines().count() <= 6 && frame.lines().all(|line| line.chars().count() <= 60),
            "{frame:?}"
        );
    }
}

#[tokio::test]
async fn intervals_that_are_none_are_refused() {
    let redis = RedisServer::start().await;
    for interval in ["0", "10ms", "soon"] {
        queuectl(&redis, &["stats", "--watch", interval]).await.with_code(2);
    }
}
