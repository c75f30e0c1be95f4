#![allow(clippy::print_stdout, clippy::disallowed_names, reason = "this example talks, of foo and bar too")]
//! The queues of a clinic in one process, or in one for each priority. Try it, with a Redis at REDIS_URL (or REDIS_HOST,
//! REDIS_PORT …) and `alias run='cargo run -q -p redispatch --example clinic_queues --'`:
//!
//! ```text
//! run worker &                      # all queues; WORKER_ROLE=high those of high priority; QUEUE_CONCURRENCY=5 each
//! run trigger                       # aggregates yesterday's corrections now, rather than at 1:00
//! run trigger 2024-01-01T00:00:00.000Z 2024-01-31T23:59:59.999Z
//! run my-new-job hello 42
//! queuectl serve &                  # POST and GET /api/admin/jobs/correction-aggregation
//! curl -H 'Content-Type: application/json' -d '{"type":"daily"}' 127.0.0.1:8000/api/admin/jobs/correction-aggregation
//! queuectl enqueue --queue patient-reminders '{"channel":"sms","to":"+15550001111","text":"Tomorrow at 9:00"}'
//! ```
//!
//! What priorities mean: queues never wait for each other, since each has a concurrency of its own. Where they compete
//! for a machine, give each priority processes, or a Redis, of its own. Within a queue the lanes decide: `high` goes
//! before `pending`, and that three times as often as `low`.

use std::process::ExitCode;
use std::time::Duration;

use redispatch::config::{QueueSettings, ROLE, Reader, Sources, TABLES, WorkerSettings};
use redispatch::job::{self, Job, JobError, NewJob};
use redispatch::queue::{Client, QueueError, Schedule};
use redispatch::telemetry::{self, LogSettings};
use redispatch::{Shutdown, Workers, clock};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tracing::{error, info};

const AGGREGATION: &str = "correction-aggregation";
/// The queues that send what is written, and the workers of redispatch that do it.
const CHANNELS: [(&str, &str); 3] =
    [("email-notifications", "email"), ("sms-notifications", "sms"), ("whatsapp-messages", "whatsapp")];
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum Aggregation {
    Daily,
    Range { start_date: String, end_date: String },
}

/// Something that a patient is to be told: a reminder, a result, a refill.
#[derive(Serialize, Deserialize)]
struct Notice {
    /// `email`, `sms` or `whatsapp`
    channel: String,
    to: String,
    text: String,
}

#[derive(Serialize, Deserialize)]
struct Outgoing {
    to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    body: String,
}

#[derive(Serialize, Deserialize)]
struct MyJobData {
    foo: String,
    bar: i64,
}

#[derive(Serialize)]
struct MyJobResult {
    success: bool,
    message: String,
}

fn name<P>(job: &Job<P>) -> String {
    job.id().unwrap_or(job.reference()).to_owned()
}

async fn correction_aggregation(job: Job<Aggregation>) -> Result<Value, JobError> {
    let id = name(&job);
    info!(event = "correction_aggregation_job_start", jobId = id);
    match aggregate(&job.payload).await {
        Ok(corrections) => {
            info!(event = "correction_aggregation_job_complete", jobId = id, processed = true);
            Ok(json!({ "processed": true, "corrections": corrections }))
        }
        Err(error) => {
            error!(event = "correction_aggregation_job_error", jobId = id, %error);
            Err(error)
        }
    }
}

/// Writes the corrections of a time (lines of `corrections.jsonl` with a field `at`) into a file of training data. A
/// second run writes the same file.
async fn aggregate(what: &Aggregation) -> Result<usize, JobError> {
    let (start, end) = match what {
        Aggregation::Range { start_date, end_date } => (start_date.clone(), end_date.clone()),
        Aggregation::Daily => {
            let day = clock::rfc3339(clock::unix_ms() - DAY_MS)[..10].to_owned();
            (format!("{day}T00:00:00.000Z"), format!("{day}T23:59:59.999Z"))
        }
    };
    if start > end {
        return Err(JobError::unrecoverable(format!("endDate {end} is before startDate {start}")));
    }
    let all = tokio::fs::read_to_string("corrections.jsonl").await?;
    let is_meant = |line: &&str| {
        let correction: Value = serde_json::from_str(line).unwrap_or_default();
        correction["at"].as_str().is_some_and(|at| (start.as_str()..=end.as_str()).contains(&at))
    };
    let lines: Vec<&str> = all.lines().filter(is_meant).collect();
    tokio::fs::write(format!("training-{}.jsonl", start.replace(':', "")), lines.join("\n")).await?;
    Ok(lines.len())
}

/// Hands a notice to the queue of its channel, under an id of its own: a second run hands over nothing.
async fn tell(queue: &str, job: Job<Notice>, client: Client) -> Result<(), JobError> {
    let Notice { channel, to, text } = &job.payload;
    let Some((next, _)) = CHANNELS.into_iter().find(|(_, known)| known == channel) else {
        return Err(JobError::unrecoverable(format!("no channel `{channel}`")));
    };
    let subject = (channel == "email").then(|| queue.replace('-', " "));
    let outgoing = NewJob::new(&Outgoing { to: to.clone(), subject, body: text.clone() })?;
    client.queue(next)?.add(outgoing.id(format!("{queue}:{}", name(&job)))).await?;
    Ok(())
}

/// Hands a message to the worker that sends such ones.
async fn send(job: Job<Outgoing>, worker: &str, client: Client) -> Result<(), JobError> {
    client.queue(worker)?.add(NewJob::new(&job.payload)?.id(name(&job))).await?;
    Ok(())
}

/// A queue of your own: this, its two types, and its line in `work`.
async fn my_new_job(job: Job<MyJobData>) -> Result<MyJobResult, JobError> {
    let (id, MyJobData { foo, bar }) = (name(&job), &job.payload);
    info!(event = "my_job_start", jobId = id, foo, bar);
    if *bar < 0 {
        error!(event = "my_job_error", jobId = id, error = "bar is negative");
        return Err(JobError::failed("bar is negative"));
    }
    Ok(MyJobResult { success: true, message: "Job completed".to_owned() })
}

/// What all queues have in common: how their jobs ended is logged.
fn add<P, R, F>(
    workers: &mut Workers,
    (queue, priority): (&str, &str),
    settings: &WorkerSettings,
    work: impl Fn(Job<P>) -> F + Send + Sync + 'static,
) where
    P: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    F: Future<Output = Result<R, JobError>> + Send + 'static,
{
    let handler = job::handler(move |job: Job<P>| {
        let (id, ended) = (name(&job), work(job));
        async move {
            let ended = ended.await;
            match &ended {
                Ok(_) => info!(event = "worker_job_completed", jobId = id),
                Err(error) => error!(event = "worker_job_failed", jobId = id, %error),
            }
            ended
        }
    });
    workers.add(queue, priority, settings.clone(), handler);
}

/// All workers. `worker_started` is logged by each itself.
fn all(settings: &WorkerSettings, client: &Client) -> Workers {
    let mut workers = Workers::new();
    for queue in ["patient-reminders", "lab-results", "prescription-refills"] {
        let priority = if queue == "prescription-refills" { "medium" } else { "high" };
        let client = client.clone();
        add(&mut workers, (queue, priority), settings, move |job| tell(queue, job, client.clone()));
    }
    add(&mut workers, (AGGREGATION, "medium"), settings, correction_aggregation);
    for (queue, worker) in CHANNELS {
        let client = client.clone();
        add(&mut workers, (queue, "low"), settings, move |job| send(job, worker, client.clone()));
    }
    add(&mut workers, ("my-new-job", "low"), settings, my_new_job);
    workers
}

/// Whoever comes first adds it; it fires once, however many workers there are.
async fn schedule(client: Client) {
    let schedule = Schedule::new("daily-aggregation", "0 1 * * *", r#"{"type":"daily"}"#);
    while let Err(error) = async { client.queue(AGGREGATION)?.add_schedule(&schedule).await }.await {
        error!(event = "schedule_error", %error);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn trigger_immediate_correction_aggregation(
    client: &Client,
    what: &Aggregation,
) -> Result<String, QueueError> {
    Ok(client.queue(AGGREGATION)?.add(NewJob::new(what)?).await?.id)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let sources = Sources::from_process(&[TABLES, &[ROLE]].concat());
    let mut reader = Reader::new(&sources);
    let (settings, logs) = (WorkerSettings::read(&mut reader, 5), LogSettings::read(&mut reader));
    let client = Client::new(QueueSettings::from(&settings))?;
    let mut workers = all(&settings, &client);
    reader.parsed("WORKER_ROLE", |roles| workers.choose(roles));
    if let Err(faults) = reader.finish() {
        return Ok(faults.exit());
    }
    telemetry::init(&logs)?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    let id = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["worker"] => {
            workers.queues().for_each(|queue| info!(event = "queue_initialized", queueName = queue));
            if workers.queues().any(|queue| queue == AGGREGATION) {
                tokio::spawn(schedule(client));
            }
            workers.as_service();
            let stopped = workers.run(Shutdown::on_signals()?).await?;
            return Ok(if stopped.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        ["trigger"] => trigger_immediate_correction_aggregation(&client, &Aggregation::Daily).await?,
        ["trigger", start, end] => {
            let range = Aggregation::Range { start_date: start.to_owned(), end_date: end.to_owned() };
            trigger_immediate_correction_aggregation(&client, &range).await?
        }
        ["my-new-job", foo, bar] => {
            let job = NewJob::new(&MyJobData { foo: foo.to_owned(), bar: bar.parse()? })?;
            client.queue("my-new-job")?.add(job).await?.id
        }
        _ => Err("worker | trigger [START END] | my-new-job FOO BAR")?,
    };
    println!("{}", json!({ "jobId": id }));
    Ok(ExitCode::SUCCESS)
}
