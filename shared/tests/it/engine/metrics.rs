//! What a worker counts of what it does.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch::{Failure, Outcome, Part, Receipt, Verdict};
use redispatch_testkit::prometheus::assert_good_metrics;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Port, eventually, http};

use super::account::until;
use super::kit::{Desk, key, push, settings};

/// Every sample of a worker's metrics that has moved, without the metrics of time.
async fn moved(port: &Port) -> Vec<String> {
    let text = http::get(port.addr(), "/metrics").await.expect("an answer").body;
    let moved = text
        .lines()
        .filter(|line| line.starts_with("redispatch_") && line.contains("_total{") && !line.ends_with(" 0"));
    let mut moved: Vec<_> = moved.filter(|line| !line.contains("round_trips")).map(str::to_owned).collect();
    moved.sort();
    moved
}

#[tokio::test]
async fn every_transition_counts_once_where_it_belongs() {
    let redis = RedisServer::start().await;
    let port = Port::reserve();
    let mut desk = Desk::new();
    let worker = desk.worker(WorkerSettings {
        http_addr: Some(port.addr()),
        concurrency: 1,
        max_retries: 2,
        ..settings(&redis.url())
    });
    let failure = || Failure::new("no").by("pigeon");
    let receipt = |provider| Outcome::Sent(Receipt { provider, ..Receipt::default() });
    let part = |verdict| Part { recipients: vec!["a".to_owned()], verdict, failure: failure() };
    for outcomes in [
        vec![receipt(Some("pigeon"))],
        vec![receipt(None)],
        vec![Outcome::Retry(failure()), Outcome::Retry(failure())],
        vec![Outcome::Reject(failure())],
        vec![Outcome::Postpone(failure()), receipt(Some("pigeon"))],
        vec![Outcome::InDoubt(failure()), receipt(Some("pigeon"))],
        vec![Outcome::Split { served: true, parts: vec![part(Verdict::Reject)] }],
    ] {
        push(&redis, r#"{"n":0,"created_at":1700000000000}"#).await;
        for outcome in outcomes {
            desk.next().await.answer(outcome);
        }
        until(&redis, "settled", |now| {
            now.processing.is_empty() && now.waiting.is_empty() && now.delayed.is_empty()
        })
        .await;
    }
    push(&redis, r#"{"n":0,"id":"a"}"#).await;
    desk.next().await.accept();
    push(&redis, r#"{"n":0,"id":"a"}"#).await;
    push(&redis, "what?").await;
    push(&redis, r#"{"n":0,"expires_at":1700000000000}"#).await;
    redis.command(&["ZADD", &key("delayed"), "1", "x.1:p:0"]).await;
    push(&redis, r#"{"n":0}"#).await;
    let stale = desk.next().await;
    redis.command(&["DEL", &key("messages")]).await;
    stale.accept();
    let expected = [
        r#"redispatch_claimed_messages_total{queue="q"} 15"#,
        r#"redispatch_dead_lettered_messages_total{queue="q",class="expired"} 1"#,
        r#"redispatch_dead_lettered_messages_total{queue="q",class="malformed"} 1"#,
        r#"redispatch_dead_lettered_messages_total{queue="q",class="reject"} 2"#,
        r#"redispatch_dead_lettered_messages_total{queue="q",class="retry"} 1"#,
        r#"redispatch_duplicate_messages_total{queue="q"} 1"#,
        r#"redispatch_orphans_total{queue="q"} 1"#,
        r#"redispatch_retried_messages_total{queue="q"} 2"#,
        r#"redispatch_sent_messages_total{queue="q",transport="pigeon"} 4"#,
        r#"redispatch_sent_messages_total{queue="q",transport="unknown"} 3"#,
        r#"redispatch_stale_settles_total{queue="q"} 1"#,
    ];
    eventually("all is counted", LIMIT, async || moved(&port).await, |now| now[..] == expected[..]).await;
    let answer = http::get(port.addr(), "/metrics").await.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain; version=0.0.4"));
    assert!(
        answer.body.contains("redispatch_queue_latency_seconds_count{queue=\"q\"} 5\n"),
        "{}",
        answer.body
    );
    assert!(
        answer.body.contains("redispatch_send_duration_seconds_count{queue=\"q\"} 12\n"),
        "{}",
        answer.body
    );
    assert_good_metrics(&answer.body).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_takeover_counts_with_the_worker_that_took_over() {
    let redis = RedisServer::start().await;
    let port = Port::reserve();
    push(&redis, r#"{"n":0}"#).await;
    let mut first = Desk::new();
    let lease = Duration::from_secs(1);
    let dies = first.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    first.next().await;
    dies.kill();
    let mut second = Desk::new();
    let http_addr = Some(port.addr());
    let worker = second.worker(WorkerSettings { lease, http_addr, ..settings(&redis.url()) });
    second.next().await.accept();
    let taken_over = r#"redispatch_taken_over_messages_total{queue="q"} 1"#.to_owned();
    eventually("it is counted", LIMIT, async || moved(&port).await, |now| now.contains(&taken_over)).await;
    worker.stop().await;
}
