//! What producers and operators need to know of a queue.

use std::time::Duration;

use super::{Reader, RedisSettings, RedisUrl, WorkerSettings, worker};

/// All that producers and operators go by; a part of [`WorkerSettings`].
#[derive(Debug, Clone)]
pub struct QueueSettings {
    /// How to reach Redis.
    pub redis: RedisSettings,
    /// First part of every key: `[a-z0-9_:-]{1,64}`, `queue` by default.
    pub prefix: String,
    /// Queues fed only by raw pushes, which nothing else makes known.
    pub queues: Vec<String>,
    /// Largest message, 1 KiB to 512 MiB.
    pub max_message_bytes: usize,
    /// How long the status of a message is kept that waits or was sent, up to a year; 0 keeps none.
    pub completed_retention: Duration,
    /// Whether what uses these settings may enqueue.
    pub accept_jobs: bool,
}

impl QueueSettings {
    /// The defaults, for the Redis at `redis_url`.
    pub fn new(redis_url: RedisUrl) -> Self {
        (&WorkerSettings::new(redis_url)).into()
    }

    /// Reads the table [`REDIS`](super::REDIS) and what is needed of [`QUEUE`](super::QUEUE). What cannot be used is
    /// a placeholder, and a fault of `reader`; what only workers need is not looked at.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        Self {
            redis: RedisSettings::read(reader),
            prefix: worker::read_prefix(reader),
            queues: worker::read_queues(reader),
            max_message_bytes: reader.number("MAX_MESSAGE_BYTES"),
            completed_retention: reader.millis("COMPLETED_RETENTION_MS"),
            accept_jobs: reader.yes_no("WORKER_ACCEPT_JOBS"),
        }
    }
}

impl From<&WorkerSettings> for QueueSettings {
    fn from(settings: &WorkerSettings) -> Self {
        Self {
            redis: settings.redis.clone(),
            prefix: settings.prefix.clone(),
            queues: settings.queues.clone(),
            max_message_bytes: settings.max_message_bytes,
            completed_retention: settings.completed_retention,
            accept_jobs: settings.accept_jobs,
        }
    }
}
