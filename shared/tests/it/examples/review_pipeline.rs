//! `review_pipeline`: the jobs of a system that fetches and scores reviews.

use std::path::Path;
use std::time::Duration;

use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{program, said};

const NAME: &str = "review_pipeline";
const FEED: &str = r#"[{"id":"r1","date":"2024-01-15","theme":"service","rating":4},
    {"id":"r2","date":"2024-01-20","theme":"service","rating":1},
    {"id":"r3","date":"2023-06-01","theme":"price","rating":5}]"#;

struct Pipeline {
    redis: RedisServer,
    folder: TempDir,
}

impl Pipeline {
    async fn new() -> Self {
        Self { redis: RedisServer::start().await, folder: tempfile::tempdir().unwrap() }
    }

    async fn said(&self, args: &[&str]) -> Value {
        said(NAME, &self.redis, self.folder.path(), args).await
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn worker(&self) -> Worker {
        let (url, results) = (self.redis.url(), self.path("reviews.db"));
        Worker::start(program(NAME), &["worker"], &[("REDIS_URL", &url), ("RESULTS_DB", &results)])
    }

    async fn until(&self, queue: &str, id: &str, state: &str) -> Value {
        let status = async || self.said(&["status", queue, id]).await;
        eventually(state, LIMIT, status, |status| status["state"] == state).await
    }

    /// The rows of a query, the columns of each with a blank between them.
    fn rows(&self, query: &str) -> Vec<String> {
        let database = Connection::open(Path::new(&self.path("reviews.db"))).unwrap();
        let mut query = database.prepare(query).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

fn today() -> String {
    redispatch::clock::rfc3339(redispatch::clock::unix_ms())[..10].to_owned()
}

fn texts(all: &Value) -> Vec<&str> {
    all.as_array().unwrap().iter().filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn reviews_are_fetched_and_scored() {
    let pipeline = Pipeline::new().await;
    std::fs::write(pipeline.path("feed.json"), FEED).unwrap();
    pipeline.said(&["connector", "t1", "c1", &pipeline.path("feed.json")]).await;
    let job = r#"{"tenantId":"t1","connectorId":"c1","sinceDate":"2024-01-01T00:00:00.000Z"}"#;
    let id = pipeline.said(&["ingest", job, "user-789"]).await;
    assert_eq!(id, format!("ingest:t1:c1:{}", today()));
    assert_eq!(pipeline.said(&["ingest", job, "user-789"]).await, id, "one of this id waits");
    let id = id.as_str().unwrap();
    assert_eq!(pipeline.said(&["status", "ingest_reviews", id]).await["state"], "waiting");

    let worker = pipeline.worker();
    let done = pipeline.until("ingest_reviews", id, "completed").await;
    assert_eq!((&done["attemptsMade"], &done["result"]), (&json!(1), &json!({"reviews": 2})));
    assert_eq!(texts(&done["logs"]).last(), Some(&"2 reviews since '2024-01-01T00:00:00.000Z'"));
    let run =
        r#"{"tenantId":"t1","periodStart":"2024-01-01","periodEnd":"2024-01-31","computeFixScores":true}"#;
    let id = pipeline.said(&["score", run, "user-789"]).await;
    assert_eq!(id, "score:t1:2024-01-01:2024-01-31:latest");
    let scored = pipeline.until("score_run", id.as_str().unwrap(), "completed").await;
    assert_eq!((&scored["result"], &scored["progress"]), (&json!({"themes": 1}), &json!("100")));
    let scores =
        pipeline.rows("SELECT theme || ' ' || score || ' ' || reviews || ' ' || fix_score FROM scores");
    assert_eq!(scores, ["service 2.5 2 0.5"]);

    let recent = pipeline.said(&["recent", "score_run", "t1"]).await;
    assert_eq!((&recent[0]["id"], &recent[0]["state"]), (&id, &json!("completed")));
    assert_eq!(pipeline.said(&["recent", "score_run", "t2"]).await, json!([]));
    assert_eq!(pipeline.said(&["clean", "score_run", "86400000"]).await, 0);
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}

#[tokio::test]
async fn what_can_never_succeed_fails_at_once_and_is_retried_on_demand() {
    let pipeline = Pipeline::new().await;
    let worker = pipeline.worker();
    let id = pipeline.said(&["ingest", r#"{"tenantId":"t1","connectorId":"c1"}"#, "u"]).await;
    let id = id.as_str().unwrap();
    let failed = pipeline.until("ingest_reviews", id, "failed").await;
    assert_eq!(
        (&failed["failedReason"], &failed["attemptsMade"]),
        (&json!("Connector not found"), &json!(1))
    );
    let run =
        r#"{"tenantId":"t9","periodStart":"2024-01-01","periodEnd":"2024-01-31","parameterVersionId":"v7"}"#;
    pipeline.said(&["score", run, "u"]).await;
    let failed = pipeline.until("score_run", "score:t9:2024-01-01:2024-01-31:v7", "failed").await;
    assert_eq!(failed["failedReason"], "Invalid tenant");

    std::fs::write(pipeline.path("feed.json"), FEED).unwrap();
    pipeline.said(&["connector", "t1", "c1", &pipeline.path("feed.json")]).await;
    assert_eq!(pipeline.said(&["retry", "ingest_reviews", id]).await, "Done");
    let done = pipeline.until("ingest_reviews", id, "completed").await;
    assert_eq!(done["result"], json!({"reviews": 3}));
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}

#[tokio::test]
async fn what_fails_for_now_waits_two_seconds_and_may_be_cancelled() {
    let pipeline = Pipeline::new().await;
    let worker = pipeline.worker();
    pipeline.said(&["connector", "t1", "c1", &pipeline.path("not there.json")]).await;
    let id = pipeline.said(&["ingest", r#"{"tenantId":"t1","connectorId":"c1"}"#, "u"]).await;
    let id = id.as_str().unwrap();
    let retry = worker.wait_for_event("message_retry").await.json;
    assert_eq!((&retry["queue"], &retry["id"]), (&json!("ingest_reviews"), &json!(id)));
    let delay = Duration::from_millis(retry["delay_ms"].as_u64().unwrap());
    assert!((Duration::from_millis(1_800)..=Duration::from_millis(2_200)).contains(&delay), "{delay:?}");
    let waits = pipeline.until("ingest_reviews", id, "delayed").await;
    assert!(waits["failedReason"].as_str().unwrap().contains("No such file"), "{waits}");
    assert_eq!(texts(&waits["logs"]).len(), 1);
    assert_eq!(pipeline.said(&["cancel", "ingest_reviews", id]).await, "Done");
    assert_eq!(pipeline.said(&["status", "ingest_reviews", id]).await["state"], "cancelled");
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}

#[tokio::test]
async fn ten_jobs_a_second_start_over_all_workers() {
    let pipeline = Pipeline::new().await;
    let run = |n| format!(r#"{{"tenantId":"t","periodStart":"2024-01-01","periodEnd":"x{n}"}}"#);
    let workers = [pipeline.worker(), pipeline.worker()];
    for worker in &workers {
        worker.wait_for_events("worker_ready", 2).await;
    }
    let began = std::time::Instant::now();
    for n in 0..12 {
        let message = run(n);
        let list = "queue:score_run:pending";
        pipeline.redis.command(&["LPUSH", list, &message]).await;
    }
    let dead = |reply: &redispatch_testkit::Reply| reply.int() == 12;
    pipeline.redis.wait_until(&["LLEN", "queue:score_run:dead_letter"], dead, LIMIT).await;
    let took = began.elapsed();
    assert!(took > Duration::from_millis(1_000), "12 invalid runs took {took:?}");
}

#[tokio::test]
async fn failed_jobs_are_kept_for_two_weeks() {
    let pipeline = Pipeline::new().await;
    let letter =
        |at: &str| format!(r#"{{"tenantId":"t","connectorId":"c","_delivery":{{"dead_at":"{at}"}}}}"#);
    let list = "queue:ingest_reviews:dead_letter";
    let recently = redispatch::clock::rfc3339(redispatch::clock::unix_ms() - 13 * 86_400_000);
    for at in ["2024-01-01T00:00:00.000Z", &recently] {
        pipeline.redis.command(&["LPUSH", list, &letter(at)]).await;
    }
    let worker = pipeline.worker();
    let one = |reply: &redispatch_testkit::Reply| reply.int() == 1;
    pipeline.redis.wait_until(&["LLEN", list], one, LIMIT).await;
    let left = pipeline.redis.command(&["LINDEX", list, "0"]).await;
    assert_eq!(left.text(), letter(&recently));
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}
