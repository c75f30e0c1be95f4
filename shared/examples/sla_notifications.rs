#![allow(clippy::print_stdout, reason = "this example talks")]
//! Deadlines of tickets (SLAs): a warning before each, an alert when it is breached, nothing once the ticket is resolved.
//!
//! ```text
//! WORKER_ROLE=notification sla_notifications worker       # beside an email-worker, which sends the mails
//! sla_notifications watch T-17 2027-01-31T12:00:00Z ops@example.com
//! sla_notifications resolve T-17
//! ```
//!
//! Before a restart: `queuectl pause --intake --queue sla --note deploy`, `scripts/drain-queues --queues sla --timeout 300`,
//! restart, look for `worker:ready`, `queuectl resume --intake --queue sla`. What failed meanwhile is reprocessed by
//! `scripts/requeue-dead-letters --queue sla --all`. Nobody is told twice: the job's id is the idempotency token, and the mail's
//! id, too, so that a job which runs again finds its mail there (`COMPLETED_RETENTION_MS`, 24 hours).

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use redispatch::config::{HTTP, QUEUE, RATE, REDIS, RETRIES, ROLE, Reader, Sources, WorkerSettings};
use redispatch::job::{self, Job, JobError, NewJob};
use redispatch::keys::Lane;
use redispatch::queue::{Changed, Client, Queue, QueueError};
use redispatch::telemetry::{self, LOGS, LogSettings};
use redispatch::{Shutdown, Workers};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// So long before its deadline somebody is warned, ms.
const WARNING: i64 = 30 * 60_000;

const KINDS: [(&str, i64); 2] = [("warning", WARNING), ("breach", 0)];

#[derive(Serialize, Deserialize)]
struct Notification {
    ticket: String,
    /// `warning` or `breach`
    kind: String,
    /// RFC 3339
    deadline: String,
    to: String,
}

/// The job: hands one mail to the queue `email`. Put the adapter of your notifications here.
async fn notify(job: Job<Notification>, mails: Arc<Queue>) -> Result<(), JobError> {
    let Notification { ticket, kind, deadline, to } = &job.payload;
    let token = job.id().ok_or_else(|| JobError::unrecoverable("no id, and so no idempotency token"))?;
    if !to.contains('@') {
        return Err(JobError::unrecoverable("to: nobody can be told"));
    }
    let mail = json!({
        "id": token, "to": to,
        "subject": format!("SLA {kind}: {ticket}"),
        "body": format!("The deadline of ticket {ticket} is {deadline}."),
        "metadata": { "ticket": ticket },
    });
    let told = match mails.enqueue(Lane::High, vec![mail.to_string().into()]).await {
        Ok(told) => told.iter().any(|mail| mail.created),
        Err(QueueError::Message(why)) => return Err(JobError::unrecoverable(why)),
        // Redis is away, or the mails' intake is paused: later.
        Err(error) => return Err(error.into()),
    };
    tracing::info!(event = "worker:processed-sla-job", id = token, ticket, kind, told);
    Ok(())
}

/// Promises a warning and an alert; both are sent unless the ticket is resolved before.
async fn watch(queue: &Queue, ticket: &str, deadline: &str, to: &str) -> Result<(), Box<dyn Error>> {
    let at: Result<jiff::Timestamp, _> = deadline.parse();
    let at = at.map_err(|_| "DEADLINE: write 2027-01-31T12:00:00Z")?.as_millisecond();
    for (kind, before) in KINDS {
        let (ticket, deadline, to) = (ticket.to_owned(), deadline.to_owned(), to.to_owned());
        let token = token(&ticket, kind);
        let job = Notification { ticket, kind: kind.to_owned(), deadline, to };
        let added = queue.add(NewJob::new(&job)?.id(token).send_at(at - before)).await?;
        println!("{}: {}", added.id, if added.created { "promised" } else { "is promised already, or sent" });
    }
    Ok(())
}

async fn resolve(queue: &Queue, ticket: &str) -> Result<(), QueueError> {
    for (kind, _) in KINDS {
        let token = token(ticket, kind);
        let said = match queue.cancel(&token, None).await? {
            Changed::Done | Changed::Cancelled => "cancelled: nobody is told",
            Changed::Sent => "was sent",
            Changed::InHand => "is being sent",
            Changed::Dead => "was given up",
            _ => "nothing is known of it",
        };
        println!("{token}: {said}");
    }
    Ok(())
}

fn token(ticket: &str, kind: &str) -> String {
    format!("sla:{ticket}:{kind}")
}

async fn run() -> Result<ExitCode, Box<dyn Error>> {
    let tables = [REDIS, QUEUE, RETRIES, RATE, HTTP, ROLE, LOGS];
    let sources = Sources::from_process(&tables);
    let mut reader = Reader::new(&sources);
    let (settings, logs) = (WorkerSettings::read(&mut reader, 5), LogSettings::read(&mut reader));
    let client = Client::new(&settings)?;
    let (queue, mails) = (client.queue("sla")?, Arc::new(client.queue("email")?));
    let mut workers = Workers::new();
    workers.add("sla", "notification", settings, job::handler(move |job| notify(job, mails.clone())));
    reader.parsed("WORKER_ROLE", |roles| workers.choose(roles));
    if let Err(faults) = reader.finish() {
        return Ok(faults.exit());
    }
    telemetry::init(&logs)?;
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["worker"] => {
            client.clock().await?;
            tracing::info!(event = "worker:ready", queues = workers.queues().collect::<Vec<_>>().join(","));
            let stopped = workers.run(Shutdown::on_signals()?).await?;
            return Ok(if stopped.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        ["watch", ticket, deadline, to] => watch(&queue, ticket, deadline, to).await?,
        ["resolve", ticket] => resolve(&queue, ticket).await?,
        _ => return Err("say worker, watch TICKET DEADLINE TO, or resolve TICKET".into()),
    }
    Ok(ExitCode::SUCCESS)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    run().await.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
