#![allow(clippy::print_stdout, reason = "this example talks")]
//! Reviews are fetched from connectors (`ingest_reviews`), and scored by theme (`score_run`). Try it, with a Redis at
//! REDIS_URL and `alias run='cargo run -q -p redispatch --example review_pipeline --'`:
//!
//! ```text
//! echo '[{"id":"r1","date":"2024-01-15","theme":"service","rating":4}]' > feed.json
//! run connector tenant-123 connector-456 feed.json     # a row in RESULTS_DB (reviews.db)
//! run worker &                                          # as many as wanted; WORKER_ID tells them apart
//! run ingest '{"tenantId":"tenant-123","connectorId":"connector-456","sinceDate":"2024-01-01"}' user-789
//! run score '{"tenantId":"tenant-123","periodStart":"2024-01-01","periodEnd":"2024-01-31"}' user-789
//! ```

use std::process::ExitCode;
use std::time::Duration;

use redispatch::config::{Backoff, QueueSettings, RateLimit, Reader, Sources, TABLES, WorkerSettings};
use redispatch::job::{self, Job, JobError, NewJob};
use redispatch::queue::{Changed, Cleaned, Client, QueueError};
use redispatch::telemetry::{self, LogSettings};
use redispatch::{Shutdown, Workers, clock};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

type Answer<T> = Result<T, QueueError>;
const HOUR: Duration = Duration::from_secs(60 * 60);
const INGEST: Kind = Kind { name: "ingest_reviews", attempts: 5, delay_s: 2, concurrency: 3, kept_days: 14 };
const SCORE: Kind = Kind { name: "score_run", attempts: 3, delay_s: 5, concurrency: 2, kept_days: 30 };

struct Kind {
    name: &'static str,
    attempts: u32,
    delay_s: u64,
    concurrency: usize,
    kept_days: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct IngestReviews {
    tenant_id: String,
    connector_id: String,
    since_date: Option<String>,
    #[serde(default)]
    force_full_sync: bool,
    max_reviews: Option<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScoreRun {
    tenant_id: String,
    period_start: String,
    period_end: String,
    parameter_version_id: Option<String>,
    rule_set_version_id: Option<String>,
    #[serde(default)]
    compute_fix_scores: bool,
    fix_scores_since: Option<String>,
}

#[derive(Deserialize)]
struct Review {
    id: String,
    date: String,
    theme: String,
    rating: f64,
}

/// Both jobs may run twice: rows are replaced, not added.
async fn ingest(job: Job<IngestReviews>) -> Result<Value, JobError> {
    let IngestReviews { tenant_id, connector_id, since_date, force_full_sync, max_reviews } = &job.payload;
    let connector = "SELECT feed, last_synced_at FROM connectors WHERE tenant = ? AND id = ?";
    let row = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?));
    let connector = database()?.query_row(connector, [tenant_id, connector_id], row).optional()?;
    let Some((feed, last_synced_at)) = connector else {
        return Err(JobError::unrecoverable("Connector not found"));
    };
    let since = since_date.clone().or(last_synced_at.filter(|_| !force_full_sync)).unwrap_or_default();
    let _ = job.log(&format!("fetching {feed}, attempt {}", job.attempt())).await;
    let mut reviews: Vec<Review> = serde_json::from_slice(&tokio::fs::read(&feed).await?)?;
    reviews.retain(|review| review.date.as_str() >= day(&since));
    reviews.truncate(max_reviews.unwrap_or(usize::MAX));
    store(tenant_id, connector_id, &reviews)?;
    let _ = job.log(&format!("{} reviews since '{since}'", reviews.len())).await;
    Ok(json!({ "reviews": reviews.len() }))
}

fn store(tenant: &str, connector: &str, reviews: &[Review]) -> rusqlite::Result<()> {
    let mut database = database()?;
    let rows = database.transaction()?;
    for Review { id, date, theme, rating } in reviews {
        let row = params![tenant, connector, id, date, theme, rating];
        rows.execute("INSERT OR REPLACE INTO reviews VALUES (?, ?, ?, ?, ?, ?)", row)?;
    }
    let synced = "UPDATE connectors SET last_synced_at = ? WHERE tenant = ? AND id = ?";
    rows.execute(synced, params![today(), tenant, connector])?;
    rows.commit()
}

async fn score(job: Job<ScoreRun>) -> Result<Value, JobError> {
    let run = &job.payload;
    let known = "SELECT count(*) FROM connectors WHERE tenant = ?";
    if database()?.query_row(known, [&run.tenant_id], |row| row.get::<_, i64>(0))? == 0 {
        return Err(JobError::unrecoverable("Invalid tenant"));
    }
    let _ = job.progress(10.0).await;
    let (start, end) = (day(&run.period_start), day(&run.period_end));
    // A FixScore: the share of good reviews since a date.
    let fix_since = run.fix_scores_since.as_deref().map_or(start, day);
    let themes = database()?.execute(
        "INSERT OR REPLACE INTO scores SELECT ?1, theme, avg(rating), count(*),
            CASE WHEN ?5 THEN avg(rating >= 4) FILTER (WHERE date >= ?6) END
         FROM reviews WHERE tenant = ?2 AND date BETWEEN ?3 AND ?4 GROUP BY theme",
        params![job.id(), run.tenant_id, start, end, run.compute_fix_scores, fix_since],
    )?;
    let _ = job.progress(100.0).await;
    Ok(json!({ "themes": themes }))
}

async fn enqueue_ingest_reviews(client: &Client, job: &IngestReviews, by: &str) -> Answer<String> {
    let id = format!("ingest:{}:{}:{}", job.tenant_id, job.connector_id, today());
    let job = NewJob::new(job)?.id(id).tenant(&job.tenant_id).metadata("triggeredById", by);
    Ok(client.queue(INGEST.name)?.add(job).await?.id)
}

async fn enqueue_score_run(client: &Client, job: &ScoreRun, by: &str) -> Answer<String> {
    let version = job.parameter_version_id.as_deref().unwrap_or("latest");
    let id = format!("score:{}:{}:{}:{version}", job.tenant_id, job.period_start, job.period_end);
    let job = NewJob::new(job)?.id(id).tenant(&job.tenant_id).metadata("triggeredById", by);
    Ok(client.queue(SCORE.name)?.add(job).await?.id)
}

async fn get_job_status(client: &Client, queue: &str, id: &str) -> Answer<Option<Value>> {
    let found = client.queue(queue)?.find(id).await?;
    Ok(found.map(|found| {
        let logs: Vec<_> = found.lines.iter().map(|line| &line.line).collect();
        let result: Option<Value> = found.result.and_then(|result| serde_json::from_str(&result).ok());
        json!({ "state": state(&found.state), "failedReason": found.error, "attemptsMade": found.attempts,
            "logs": logs, "progress": found.progress, "result": result })
    }))
}

async fn get_recent_jobs(client: &Client, queue: &str, tenant: &str) -> Answer<Vec<Value>> {
    let jobs = client.queue(queue)?.recent_of(tenant, 20).await?;
    Ok(jobs.iter().map(|job| json!({ "id": job.id, "state": state(&job.state), "at": job.at })).collect())
}

async fn retry_job(client: &Client, queue: &str, id: &str) -> Answer<Changed> {
    client.queue(queue)?.retry(id).await
}

async fn cancel_job(client: &Client, queue: &str, id: &str) -> Answer<Changed> {
    client.queue(queue)?.cancel(id, None).await
}

async fn clean_old_jobs(client: &Client, queue: &str, older_than_ms: u64) -> Answer<u64> {
    let (queue, older_than) = (client.queue(queue)?, Duration::from_millis(older_than_ms));
    let completed = queue.clean(Cleaned::Sent, older_than, u64::MAX).await?;
    Ok(completed + queue.clean(Cleaned::Dead, older_than, u64::MAX).await?)
}

/// BullMQ's word for a state of ours.
fn state(ours: &str) -> &str {
    match ours {
        "sending" => "active",
        "sent" => "completed",
        "dead" => "failed",
        other => other,
    }
}

/// The day of an ISO date, with a time or without.
fn day(date: &str) -> &str {
    date.get(..10).unwrap_or(date)
}

fn today() -> String {
    day(&clock::rfc3339(clock::unix_ms())).to_owned()
}

fn database() -> rusqlite::Result<Connection> {
    let database = Connection::open(std::env::var("RESULTS_DB").unwrap_or("reviews.db".to_owned()))?;
    database.busy_timeout(Duration::from_secs(5))?;
    database.execute_batch(
        "CREATE TABLE IF NOT EXISTS connectors (tenant, id, feed, last_synced_at, PRIMARY KEY (tenant, id));
         CREATE TABLE IF NOT EXISTS reviews
            (tenant, connector, id, date, theme, rating, PRIMARY KEY (tenant, connector, id));
         CREATE TABLE IF NOT EXISTS scores (run, theme, score, reviews, fix_score, PRIMARY KEY (run, theme));",
    )?;
    Ok(database)
}

/// After failed attempt n a job waits for the first delay × 2ⁿ⁻¹, ± 10 %: 2, 4, 8, 16 s, and 5, 10 s. In each queue ten
/// jobs a second start, over all its workers.
async fn work(settings: WorkerSettings, client: Client) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let of = |kind: &Kind| WorkerSettings {
        max_retries: kind.attempts,
        concurrency: kind.concurrency,
        backoff: Backoff { delay: Duration::from_secs(kind.delay_s), ..settings.backoff },
        rate_limit: Some(RateLimit { max: 10, duration: Duration::from_secs(1) }),
        failed_retention: 24 * HOUR * kind.kept_days,
        ..settings.clone()
    };
    let mut workers = Workers::new();
    workers.add(INGEST.name, "ingest", of(&INGEST), job::handler(ingest));
    workers.add(SCORE.name, "score", of(&SCORE), job::handler(score));
    // Dead letters stay until somebody cleans up.
    let cleaning = tokio::spawn(async move {
        for kind in [INGEST, SCORE].iter().cycle() {
            if let Ok(queue) = client.queue(kind.name) {
                let _ = queue.clean(Cleaned::Dead, 24 * HOUR * kind.kept_days, u64::MAX).await;
            }
            tokio::time::sleep(HOUR / 2).await;
        }
    });
    let stopped = workers.run(Shutdown::on_signals()?).await?;
    cleaning.abort();
    Ok(if stopped.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let sources = Sources::from_process(TABLES);
    let mut reader = Reader::new(&sources);
    let (settings, logs) = (WorkerSettings::read(&mut reader, 3), LogSettings::read(&mut reader));
    if let Err(faults) = reader.finish() {
        return Ok(faults.exit());
    }
    telemetry::init(&logs)?;
    let client = Client::new(QueueSettings::from(&settings))?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    let told = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["worker"] => return work(settings, client).await,
        ["connector", tenant, id, feed] => {
            let row = "INSERT OR REPLACE INTO connectors VALUES (?, ?, ?, NULL)";
            json!(database()?.execute(row, [tenant, id, feed])?)
        }
        ["ingest", job, by] => json!(enqueue_ingest_reviews(&client, &serde_json::from_str(job)?, by).await?),
        ["score", job, by] => json!(enqueue_score_run(&client, &serde_json::from_str(job)?, by).await?),
        ["status", queue, id] => json!(get_job_status(&client, queue, id).await?),
        ["recent", queue, tenant] => json!(get_recent_jobs(&client, queue, tenant).await?),
        ["retry", queue, id] => json!(format!("{:?}", retry_job(&client, queue, id).await?)),
        ["cancel", queue, id] => json!(format!("{:?}", cancel_job(&client, queue, id).await?)),
        ["clean", queue, ms] => json!(clean_old_jobs(&client, queue, ms.parse()?).await?),
        _ => Err("worker | connector | ingest | score | status | recent | retry | cancel | clean")?,
    };
    println!("{told}");
    Ok(ExitCode::SUCCESS)
}
