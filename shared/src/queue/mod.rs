//! What producers and operators do with a queue, one file a verb.

mod enqueue;
mod peek;
mod stats;

pub use enqueue::Enqueued;
pub use peek::{Plan, Waiting};
pub use stats::{Breaker, Gates, Stats};

use fred::error::Error;

use crate::config::{RedisSettings, WorkerSettings};
use crate::keys::{Keys, is_queue_name};
use crate::link::Link;
use crate::script;

/// A queue, as producers and operators see it. Cheap to use from many tasks.
pub struct Queue {
    name: String,
    keys: Keys,
    link: Link,
    retention: std::time::Duration,
}

/// Why a queue could not be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The queue's name has another shape than `[a-z0-9_-]{1,64}`. Redis was not asked.
    #[error("`{0}` is no queue name: use 1 to 64 of a-z, 0-9, _ and -")]
    Name(String),
    /// The message is not one that a worker could take. Redis was not asked.
    #[error("unusable message: {0}")]
    Message(String),
    /// The address of Redis, or what TLS needs, is unusable. Redis was not asked.
    #[error("Redis settings: {0}")]
    Settings(String),
    /// Redis did not answer, or refused. What was asked may have been done: with an id it is safe to ask again.
    #[error("Redis: {0}")]
    Redis(String),
}

impl From<Error> for QueueError {
    fn from(error: Error) -> Self {
        Self::Redis(script::describe(&error))
    }
}

impl Queue {
    /// The queue `name`, in the Redis of `settings`. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`QueueError::Name`], [`QueueError::Settings`].
    pub fn new(name: &str, settings: &WorkerSettings) -> Result<Self, QueueError> {
        if !is_queue_name(name) {
            return Err(QueueError::Name(name.to_owned()));
        }
        let redis: &RedisSettings = &settings.redis;
        let config = redis.to_fred().map_err(|fault| QueueError::Settings(fault.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            keys: Keys::new(&settings.prefix, name, redis.is_cluster()),
            link: Link::new(config, "queue"),
            retention: settings.completed_retention,
        })
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}
