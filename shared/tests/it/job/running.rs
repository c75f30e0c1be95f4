//! What a job is given, and what becomes of what it says.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch::job::JobError;
use redispatch::queue::{Order, Queue};
use redispatch::{Outcome, Receipt};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};

use super::kit::{Bench, job, queue, until_state};
use crate::engine::kit::{key, push, settings};

/// The field of a status, and nothing where there is none.
async fn field(redis: &RedisServer, id: &str, name: &str) -> String {
    match redis.command(&["HGET", &key(&format!("status:{id}")), name]).await {
        redispatch_testkit::Reply::Nil => String::new(),
        value => value.text().to_owned(),
    }
}

/// The only dead letter: its reason, error and provider.
async fn dead(queue: &Queue) -> [Option<String>; 3] {
    let letters = async || queue.dead_letters(Order::Newest).await.unwrap().next().await.unwrap();
    let letters = eventually("a dead letter", LIMIT, letters, |letters| !letters.is_empty()).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    let letter = letters.into_iter().next().unwrap();
    [letter.reason, letter.error, letter.provider]
}

fn texts(all: [&str; 3]) -> [Option<String>; 3] {
    all.map(|text| Some(text.to_owned()))
}

#[tokio::test]
async fn a_job_knows_its_payload_and_whose_it_is() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let worker = bench.worker(settings(&redis.url()));
    let queue = queue(&redis);
    let added = queue.add(job(7).id("task:7").tenant("t1").metadata("by", "u-9")).await.unwrap();
    assert_eq!((added.id.as_str(), added.created), ("task:7", true));
    let started = bench.next().await;
    assert_eq!((started.job.payload.n, started.job.id(), started.job.attempt()), (7, Some("task:7"), 1));
    assert_eq!(started.job.tenant().as_deref(), Some("t1"));
    assert_eq!(started.job.delivery().metadata("by"), Some("u-9".into()));
    let again = queue.add(job(8).id("task:7")).await.unwrap();
    assert_eq!((again.id.as_str(), again.created), ("task:7", false), "one of this id runs");
    started.done();
    until_state(&queue, "task:7", "sent").await;
    // Pushed by another language.
    push(&redis, r#"{"n":9,"other":[1]}"#).await;
    let started = bench.next().await;
    assert_eq!((started.job.payload.n, started.job.id(), started.job.tenant()), (9, None, None));
    assert!(!started.job.log("nobody can ask for it").await.unwrap());
    started.done();
    worker.stop().await;
}

#[tokio::test]
async fn log_lines_and_progress_are_kept_over_attempts() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let worker = bench.worker(settings(&redis.url()));
    let queue = queue(&redis);
    queue.add(job(1).id("a")).await.unwrap();
    let first = bench.next().await;
    assert!(first.job.log("looked\nfor \"reviews\"").await.unwrap());
    assert!(first.job.progress(12.5).await.unwrap());
    assert!(!first.job.progress(f64::NAN).await.unwrap());
    assert_eq!(field(&redis, "a", "progress").await, "12.5");
    let job = first.job.clone();
    first.answer(Err(JobError::failed("the shop is shut")));
    let second = bench.next().await;
    assert_eq!(second.job.attempt(), 2);
    assert!(!job.log("from the grave").await.unwrap(), "the first attempt is over");
    assert!(second.job.log("found 12").await.unwrap());
    assert!(second.job.progress(100.0).await.unwrap());
    second.done();
    let found = until_state(&queue, "a", "sent").await;
    let lines: Vec<_> = found.lines.iter().map(|line| line.line.as_str()).collect();
    assert_eq!(lines, ["looked\nfor \"reviews\"", "found 12"]);
    assert!(found.lines.iter().all(|line| line.at.starts_with("20") && line.at.ends_with('Z')));
    assert_eq!((found.progress.as_deref(), found.attempts), (Some("100"), 2));
    worker.stop().await;
}

#[tokio::test]
async fn what_a_dead_worker_wrote_down_is_kept() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let short = WorkerSettings { lease: Duration::from_secs(1), ..settings(&redis.url()) };
    let dies = bench.worker(short.clone());
    let queue = queue(&redis);
    queue.add(job(1).id("a")).await.unwrap();
    assert!(bench.next().await.job.log("half of it").await.unwrap());
    dies.kill();
    let worker = bench.worker(short);
    bench.next().await.answer(Err(Outcome::Sent(Receipt::default()).into()));
    let found = until_state(&queue, "a", "sent").await;
    assert_eq!(found.lines.len(), 1, "{found:?}");
    worker.stop().await;
}

#[tokio::test]
async fn a_job_that_lost_its_lease_says_nothing() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let lease = Duration::from_secs(1);
    let worker = bench.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    let queue = queue(&redis);
    queue.add(job(1).id("a")).await.unwrap();
    let lost = bench.next().await;
    // As a takeover does it: the bytes lie under another token.
    let token = field(&redis, "a", "token").await;
    let bytes = redis.command(&["HGET", &key("messages"), &token]).await.text().to_owned();
    redis.command(&["HDEL", &key("messages"), &token]).await;
    redis.command(&["HSET", &key("messages"), "x.1:p:1:x.2", &bytes]).await;
    assert!(!lost.job.log("late").await.unwrap());
    assert!(!lost.job.progress(1.0).await.unwrap());
    assert_eq!(field(&redis, "a", "lines").await + &field(&redis, "a", "progress").await, "");
    lost.done();
    worker.stop().await;
}

#[tokio::test]
async fn a_result_is_what_its_worker_answers() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let worker = bench.worker(settings(&redis.url()));
    let queue = queue(&redis);
    queue.add(job(21).id("a")).await.unwrap();
    bench.next().await.done();
    let found = until_state(&queue, "a", "sent").await;
    assert_eq!(found.result.as_deref(), Some(r#"{"doubled":42}"#));
    worker.stop().await;
}

#[tokio::test]
async fn what_will_never_succeed_is_dead_lettered_at_once() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let worker = bench.worker(settings(&redis.url()));
    let queue = queue(&redis);
    queue.add(job(1).id("a").max_retries(9)).await.unwrap();
    bench.next().await.answer(Err(JobError::unrecoverable("Connector not found")));
    assert_eq!(dead(&queue).await, texts(["reject", "Connector not found", "job"]));
    worker.stop().await;
}

#[tokio::test]
async fn any_error_is_tried_again_until_the_attempts_are_used_up() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let worker = bench.worker(settings(&redis.url()));
    let queue = queue(&redis);
    queue.add(job(1).id("a").max_retries(2)).await.unwrap();
    for attempt in 1..=2 {
        let started = bench.next().await;
        assert_eq!(started.job.attempt(), attempt);
        started.answer(Err("x".parse::<i32>().unwrap_err().into()));
    }
    assert_eq!(dead(&queue).await, texts(["retries_exhausted", "invalid digit found in string", "job"]));
    worker.stop().await;
}

#[tokio::test]
async fn what_is_no_such_payload_is_malformed_and_runs_nothing() {
    let (redis, bench) = (RedisServer::start().await, Bench::new());
    let worker = bench.worker(settings(&redis.url()));
    push(&redis, r#"{"id":"a","n":"seven"}"#).await;
    let [reason, error, provider] = dead(&queue(&redis)).await;
    assert_eq!((reason.as_deref(), provider), (Some("malformed"), None));
    assert!(error.unwrap().contains("invalid type: string \"seven\""));
    worker.stop().await;
}

#[tokio::test]
async fn a_job_may_wait_at_no_cost() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let worker = bench.worker(settings(&redis.url()));
    queue(&redis).add(job(1).id("a").max_retries(1)).await.unwrap();
    let wait = Outcome::Postpone(redispatch::Failure::new("the shop opens at nine"));
    bench.next().await.answer(Err(wait.into()));
    let again = bench.next().await;
    assert_eq!(again.job.attempt(), 1);
    again.done();
    worker.stop().await;
}

#[tokio::test]
async fn a_job_that_ends_for_the_shutdown_costs_nothing() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let limit = Duration::from_millis(200);
    let worker = bench.worker(WorkerSettings { shutdown_timeout: limit, ..settings(&redis.url()) });
    queue(&redis).add(job(1).id("a").max_retries(1)).await.unwrap();
    let started = bench.next().await;
    let job = started.job.clone();
    let stopping = async move { started.answer(Err(job.time_is_up().await.into())) };
    tokio::join!(worker.stop(), stopping);
    assert_eq!(redis.command(&["LLEN", &key("pending")]).await.int(), 1);
    let second = bench.worker(settings(&redis.url()));
    let again = bench.next().await;
    assert_eq!(again.job.attempt(), 1);
    again.done();
    second.stop().await;
}
