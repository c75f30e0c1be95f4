//! The program `email-worker` with a real Redis and a scripted SMTP server. Every test ends with a count of what
//! went in, what came out and what is left.

mod crashes;
mod faults;
mod foreign;
mod freezes;
mod health;
mod hostile;
mod ids;
mod many_ids;
mod modes;
mod named;
mod recipients;
mod redis_cli;
mod schedules;
mod shutdown;
mod transports;

use std::process::Output;

use redispatch_testkit::LIMIT;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::smtp::{Offers, Received, SmtpServer};
use serde_json::Value;

use crate::queue::{Left, NOTHING, Queue};

const PROGRAM: &str = env!("CARGO_BIN_EXE_email-worker");

const PENDING: &str = "queue:email:pending";
const DEAD: &str = "queue:email:dead_letter";

/// Quick retries and polls; everything else as by default.
const QUICK: [(&str, &str); 7] = [
    ("SMTP_HOST", "127.0.0.1"),
    ("SMTP_TLS", "none"),
    ("SMTP_FROM", "sender@example.com"),
    ("RETRY_DELAY_MS", "50"),
    ("RETRY_JITTER", "0"),
    ("POLL_INTERVAL_MS", "50"),
    ("LOG_FORMAT", "json"),
];

/// Takes over quickly.
const SHORT_LEASE: (&str, &str) = ("PROCESSING_TIMEOUT_MS", "1000");

/// A Redis and an SMTP server of one test.
struct Site {
    redis: RedisServer,
    smtp: SmtpServer,
}

impl Site {
    async fn start() -> Self {
        Self::offering(Offers::default()).await
    }

    async fn offering(offers: Offers) -> Self {
        Self { redis: RedisServer::start().await, smtp: SmtpServer::start_with(offers).await }
    }

    /// A worker of this site, ready. Later settings win over earlier ones.
    async fn worker(&self, settings: &[(&str, &str)]) -> Worker {
        let worker = self.worker_at(&self.redis.url(), settings);
        worker.wait_for_event("worker_ready").await;
        worker
    }

    /// A worker whose Redis is at `redis`, ready or not.
    fn worker_at(&self, redis: &str, settings: &[(&str, &str)]) -> Worker {
        let port = self.smtp.port().to_string();
        let own = [("REDIS_URL", redis), ("SMTP_PORT", &port)];
        Worker::start(PROGRAM, &[], &[&QUICK[..], &own, settings].concat())
    }

    /// Puts a message where producers put it.
    async fn push(&self, message: impl AsRef<[u8]>) {
        self.redis.command(&[b"LPUSH", PENDING.as_bytes(), message.as_ref()]).await.int();
    }

    /// A message to `name` at example.com.
    async fn push_to(&self, name: &str) {
        self.push(message_to(name)).await;
    }

    fn queue(&self) -> Queue<'_> {
        Queue { redis: &self.redis, name: "email" }
    }

    async fn left(&self) -> Left {
        self.queue().left().await
    }

    /// Waits until no message is on its way any more, and gives how many dead letters there are.
    async fn settled(&self) -> i64 {
        self.queue().settled().await
    }

    /// The dead letters, newest first.
    async fn dead_letters(&self) -> Vec<Value> {
        self.queue().dead_letters().await
    }

    /// One of `queue:email:counters`.
    async fn counter(&self, name: &str) -> u64 {
        self.queue().counter(name).await
    }

    /// Every mail taken, once `count` are there and nothing is on its way any more.
    async fn mails(&self, count: usize) -> Vec<Received> {
        self.smtp.received(count).await;
        self.settled().await;
        let mails = self.smtp.received(count).await;
        assert_eq!(mails.len(), count, "{mails:#?}");
        mails
    }
}

fn message_to(name: &str) -> String {
    format!(r#"{{"to":"{name}@example.com","subject":"Test","body":"Hello {name}"}}"#)
}

/// Everybody who got a mail, once for each mail, sorted.
fn served(mails: &[Received]) -> Vec<String> {
    let mut all: Vec<_> = mails.iter().flat_map(|mail| mail.recipients.clone()).collect();
    all.sort();
    all
}

/// The value of a header, unfolded; panics where there is none.
fn header(mail: &Received, name: &str) -> String {
    let text = String::from_utf8_lossy(&mail.data).replace("\r\n ", " ");
    let prefix = format!("{name}: ");
    let value = text.lines().take_while(|line| !line.is_empty()).find_map(|line| line.strip_prefix(&prefix));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
}

/// Asks a worker to stop, which has to end well.
async fn stop(worker: &Worker) {
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}

/// Runs the program to its end, in an empty folder.
async fn output(args: &[&str], env: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = tokio::process::Command::new(PROGRAM);
    command.args(args).env_clear().envs(env.iter().copied()).current_dir(folder.path()).kill_on_drop(true);
    tokio::time::timeout(LIMIT, command.output()).await.expect("it ends").expect("it starts")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
