//! The settings of a worker's engine.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Fault, Kind, Otherwise::*, Reader, RedisSettings, RedisUrl, Setting, Table, check, http_addr};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The longest lease there can be; an end further away than this was written by a broken clock.
pub(crate) const LONGEST_LEASE: Duration = Duration::from_secs(3600);

/// The settings of [`WorkerSettings`] about the queue itself.
pub const QUEUE: Table = Table {
    heading: "Queue",
    settings: &[
        Setting::new("QUEUE_PREFIX", Kind::Text, Value("queue"), "First part of every key"),
        Setting::new("QUEUES", Kind::Text, Nothing, "Comma list of more queues to make known to operators"),
        Setting::new(
            "WORKER_QUEUE",
            Kind::Text,
            Derived("email, sms, whatsapp"),
            "Queue this program serves, of a channel that is split into several",
        ),
        Setting::new(
            "WORKER_ID",
            Kind::Text,
            Derived("host name"),
            "Part of the worker's id in logs and statistics",
        ),
        Setting::new(
            "CONCURRENCY",
            Kind::Number(1, 10_000),
            Derived("10 email, 5 sms, 5 whatsapp"),
            "Sends at a time",
        )
        .alias("QUEUE_CONCURRENCY"),
        Setting::new(
            "MAX_MESSAGE_BYTES",
            Kind::Number(1_024, 536_870_912),
            Value("10485760"),
            "Largest message",
        ),
        Setting::new(
            "POLL_INTERVAL_MS",
            Kind::Millis(10, 60_000),
            Value("1000"),
            "Longest wait before an idle worker looks for due and stale messages; new ones wake it at once",
        ),
        Setting::new(
            "SHUTDOWN_TIMEOUT_MS",
            Kind::Millis(0, HOUR_MS),
            Value("25000"),
            "How long sends may still run after SIGTERM",
        ),
        Setting::new(
            "COMPLETED_RETENTION_MS",
            Kind::Millis(0, 365 * DAY_MS),
            Value("86400000"),
            "How long the status of a sent message is kept",
        ),
        Setting::new(
            "FAILED_RETENTION_MS",
            Kind::Millis(0, 365 * DAY_MS),
            Value("604800000"),
            "How long the status of a dead letter is kept",
        ),
        Setting::new(
            "WORKER_ACCEPT_JOBS",
            Kind::YesNo,
            Value("yes"),
            "Whether library, queuectl and HTTP may enqueue",
        ),
        Setting::new("ALLOW_EVICTION", Kind::YesNo, Value("no"), "Start even where Redis may evict any key"),
    ],
};

/// The settings of [`WorkerSettings`] about failures and time limits.
pub const RETRIES: Table = Table {
    heading: "Retries and time limits",
    settings: &[
        Setting::new(
            "MAX_RETRIES",
            Kind::Number(1, 1_000),
            Value("3"),
            "Failed sends until a message is given up",
        ),
        Setting::new(
            "RETRY_DELAY_MS",
            Kind::Millis(0, DAY_MS),
            Value("5000"),
            "Wait after the first failed send",
        ),
        Setting::new(
            "RETRY_BACKOFF",
            Kind::Choice(&["exponential", "fixed"]),
            Value("exponential"),
            "Whether the wait doubles each time",
        ),
        Setting::new("RETRY_MAX_DELAY_MS", Kind::Millis(0, 7 * DAY_MS), Value("3600000"), "Longest wait"),
        Setting::new("RETRY_JITTER", Kind::Fraction(0.0, 1.0), Value("0.1"), "Random part of the wait"),
        Setting::new(
            "PROCESSING_TIMEOUT_MS",
            Kind::Millis(1_000, LONGEST_LEASE.as_millis() as u64),
            Value("30000"),
            "The lease: how long after a worker died its messages are taken over; renewed while the send runs",
        ),
        Setting::new(
            "SEND_TIMEOUT_MS",
            Kind::Millis(100, DAY_MS),
            Value("60000"),
            "Longest time of one attempt",
        ),
        Setting::new(
            "MAX_CRASHES",
            Kind::Number(1, 1_000),
            Value("3"),
            "Workers a message may take down with it until it is given up",
        ),
        Setting::new(
            "ON_IN_DOUBT",
            Kind::Choice(&["retry", "dead_letter"]),
            Value("retry"),
            "What to do when the provider's answer never came",
        ),
    ],
};

/// The setting of [`WorkerSettings::rate_limit`].
pub const RATE: Table = Table {
    heading: "Rate limit",
    settings: &[
        Setting::new(
            "RATE_LIMIT_MAX",
            Kind::Number(1, 1_000_000),
            Nothing,
            "Messages in RATE_LIMIT_DURATION_MS, over all workers of the queue, evenly spaced; an SMS counts its parts",
        ),
        Setting::new(
            "RATE_LIMIT_DURATION_MS",
            Kind::Millis(1, DAY_MS),
            Value("1000"),
            "The time that RATE_LIMIT_MAX is about",
        ),
    ],
};

/// The setting of a process that serves several queues, for [`Workers::choose`](crate::Workers::choose).
pub const ROLE: Table = Table {
    heading: "Several queues in one process",
    settings: &[Setting::new(
        "WORKER_ROLE",
        Kind::Text,
        Nothing,
        "Comma list of roles or queues to serve, in programs of your own with several; all where it is not set",
    )],
};

/// All that the engine of a worker goes by.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// How to reach Redis.
    pub redis: RedisSettings,
    /// First part of every key: `[a-z0-9_:-]{1,64}`, `queue` by default.
    pub prefix: String,
    /// Queues fed only by raw pushes, which nothing else makes known.
    pub queues: Vec<String>,
    /// Part of the worker's id: `[A-Za-z0-9._-]{1,64}`, the host name by default.
    pub worker_id: String,
    /// Sends at a time, 1 to 10,000.
    pub concurrency: usize,
    /// Failed sends until a message is given up, 1 to 1,000: 3 means three sends in all.
    pub max_retries: u32,
    /// How long a failed message waits.
    pub backoff: Backoff,
    /// How long a claim holds without renewal, 1 s to 1 h.
    pub lease: Duration,
    /// Longest time of one attempt, 100 ms to a day.
    pub send_timeout: Duration,
    /// Takeovers until a message is given up as poison, 1 to 1,000.
    pub max_crashes: u32,
    /// What to do when the provider's answer never came.
    pub on_in_doubt: OnInDoubt,
    /// Largest message, 1 KiB to 512 MiB.
    pub max_message_bytes: usize,
    /// Longest wait before an idle worker looks for due and stale messages, 10 ms to 1 min.
    pub poll_interval: Duration,
    /// How long sends may still run after SIGTERM, up to 1 h; 0 stops at once.
    pub shutdown_timeout: Duration,
    /// How long the status of a sent message is kept, up to a year; 0 keeps none.
    pub completed_retention: Duration,
    /// How long the status of a dead letter is kept, up to a year; 0 keeps none.
    pub failed_retention: Duration,
    /// Whether what uses these settings may enqueue.
    pub accept_jobs: bool,
    /// Start even where Redis may evict any key.
    pub allow_eviction: bool,
    /// How fast all workers of the queue together may send; `None` for as fast as they can.
    pub rate_limit: Option<RateLimit>,
    /// Where `/healthz`, `/readyz` and `/metrics` of this worker are answered; `None` for nowhere.
    pub http_addr: Option<SocketAddr>,
}

/// How many messages may be sent in how long, evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Messages, 1 to 1,000,000.
    pub max: u32,
    /// In this time, 1 ms to a day.
    pub duration: Duration,
}

/// How long a failed message waits for its next attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The wait after the first failed send, up to a day.
    pub delay: Duration,
    /// Whether it grows.
    pub kind: BackoffKind,
    /// Longest wait, up to a week.
    pub max_delay: Duration,
    /// Random part of the wait, 0 to 1.
    pub jitter: f64,
}

/// Whether the wait between attempts grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackoffKind {
    /// Always the same.
    Fixed,
    /// Twice as long each time.
    Exponential,
}

/// What to do with a message whose provider may or may not have accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnInDoubt {
    /// Send it again: never lost, perhaps twice.
    Retry,
    /// Dead-letter it: never twice, perhaps not sent.
    DeadLetter,
}

impl WorkerSettings {
    /// The defaults, 10 sends at a time, for the Redis at `redis_url`; change what you need by struct update.
    pub fn new(redis_url: RedisUrl) -> Self {
        Self {
            redis: RedisSettings::new(redis_url),
            prefix: "queue".to_owned(),
            queues: Vec::new(),
            worker_id: host_name(),
            concurrency: 10,
            max_retries: 3,
            backoff: Backoff {
                delay: Duration::from_secs(5),
                kind: BackoffKind::Exponential,
                max_delay: Duration::from_secs(3_600),
                jitter: 0.1,
            },
            lease: Duration::from_secs(30),
            send_timeout: Duration::from_secs(60),
            max_crashes: 3,
            on_in_doubt: OnInDoubt::Retry,
            max_message_bytes: 10 * 1024 * 1024,
            poll_interval: Duration::from_secs(1),
            shutdown_timeout: Duration::from_secs(25),
            completed_retention: Duration::from_millis(DAY_MS),
            failed_retention: Duration::from_millis(7 * DAY_MS),
            accept_jobs: true,
            allow_eviction: false,
            rate_limit: None,
            http_addr: None,
        }
    }

    /// Reads the tables [`REDIS`](super::REDIS), [`QUEUE`], [`RETRIES`], [`RATE`] and [`HTTP`](super::HTTP). What
    /// cannot be used is a placeholder, and a fault of `reader`.
    pub fn read(reader: &mut Reader<'_>, default_concurrency: usize) -> Self {
        let settings = Self {
            redis: RedisSettings::read(reader),
            prefix: read_prefix(reader),
            queues: read_queues(reader),
            worker_id: reader.parsed("WORKER_ID", worker_id).unwrap_or_else(host_name),
            concurrency: reader.number_if_set("CONCURRENCY").unwrap_or(default_concurrency),
            max_retries: reader.number("MAX_RETRIES"),
            backoff: Backoff {
                delay: reader.millis("RETRY_DELAY_MS"),
                kind: reader
                    .choice(
                        "RETRY_BACKOFF",
                        &[("exponential", BackoffKind::Exponential), ("fixed", BackoffKind::Fixed)],
                    )
                    .unwrap_or(BackoffKind::Exponential),
                max_delay: reader.millis("RETRY_MAX_DELAY_MS"),
                jitter: reader.fraction("RETRY_JITTER"),
            },
            lease: reader.millis("PROCESSING_TIMEOUT_MS"),
            send_timeout: reader.millis("SEND_TIMEOUT_MS"),
            max_crashes: reader.number("MAX_CRASHES"),
            on_in_doubt: reader
                .choice("ON_IN_DOUBT", &[("retry", OnInDoubt::Retry), ("dead_letter", OnInDoubt::DeadLetter)])
                .unwrap_or(OnInDoubt::Retry),
            max_message_bytes: reader.number("MAX_MESSAGE_BYTES"),
            poll_interval: reader.millis("POLL_INTERVAL_MS"),
            shutdown_timeout: reader.millis("SHUTDOWN_TIMEOUT_MS"),
            completed_retention: reader.millis("COMPLETED_RETENTION_MS"),
            failed_retention: reader.millis("FAILED_RETENTION_MS"),
            accept_jobs: reader.yes_no("WORKER_ACCEPT_JOBS"),
            allow_eviction: reader.yes_no("ALLOW_EVICTION"),
            rate_limit: rate_limit(reader),
            http_addr: http_addr(reader),
        };
        if settings.backoff.max_delay < settings.backoff.delay && !reader.has_fault_of("RETRY_MAX_DELAY_MS") {
            let cure = "raise RETRY_MAX_DELAY_MS or lower RETRY_DELAY_MS";
            reader.fault(Fault::new("RETRY_DELAY_MS", "is above RETRY_MAX_DELAY_MS", cure));
        }
        settings
    }
}

fn rate_limit(reader: &mut Reader<'_>) -> Option<RateLimit> {
    let duration = reader.millis("RATE_LIMIT_DURATION_MS");
    reader.number_if_set("RATE_LIMIT_MAX").map(|max| RateLimit { max, duration })
}

/// `WORKER_QUEUE`, or else the queue that has the name of the `channel`.
pub fn worker_queue(reader: &mut Reader<'_>, channel: &str) -> String {
    reader.parsed("WORKER_QUEUE", check::queue_name).unwrap_or_else(|| channel.to_owned())
}

pub(super) fn read_prefix(reader: &mut Reader<'_>) -> String {
    reader.parsed("QUEUE_PREFIX", prefix).unwrap_or_default()
}

pub(super) fn read_queues(reader: &mut Reader<'_>) -> Vec<String> {
    reader.parsed("QUEUES", queues).unwrap_or_default()
}

fn prefix(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_:-".contains(c);
    check::only(text, allowed, "write up to 64 of a-z, 0-9, _ : and -")
}

fn queues(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(check::queue_name).collect()
}

fn in_worker_id(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

fn worker_id(text: &str) -> Result<String, String> {
    check::only(text, in_worker_id, "write up to 64 of A-Z, a-z, 0-9, . _ and -")
}

fn host_name() -> String {
    let uname = rustix::system::uname();
    let name: String = uname
        .nodename()
        .to_string_lossy()
        .chars()
        .map(|c| if in_worker_id(c) { c } else { '-' })
        .take(64)
        .collect();
    if name.is_empty() { "localhost".to_owned() } else { name }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
