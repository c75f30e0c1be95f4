//! Why a worker could not run.

use crate::keys::LAYOUT;

/// Why a worker could not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The queue's name has another shape than `[a-z0-9_-]{1,64}`.
    #[error("`{0}` is no queue name: use 1 to 64 of a-z, 0-9, _ and -")]
    QueueName(String),
    /// The address of Redis, or what TLS needs, is unusable, or it cannot be reached. Nothing was started.
    #[error("Redis: {0}")]
    Redis(String),
    /// The server is older than Redis 7.0. Nothing was started.
    #[error("{0} is too old: Redis or Valkey 7.0 or newer is needed")]
    Version(String),
    /// Redis may throw messages away when its memory is full. Nothing was started.
    #[error(
        "Redis runs with maxmemory-policy `{0}` and a memory limit, so it may evict messages; \
         set `maxmemory-policy noeviction`, or ALLOW_EVICTION=yes to run all the same"
    )]
    Eviction(String),
    /// A newer version has written down another layout of the queue's keys, before this worker started or since: it has
    /// seen out what it had in hand.
    #[error(
        "the keys of this queue have layout {0}, and this version knows {LAYOUT} at most: run the version that wrote \
         it, or a newer one"
    )]
    Layout(String),
    /// The URL is that of a single server, and what answers there is a cluster. Nothing was started.
    #[error(
        "this Redis is a cluster: write its URL as redis-cluster://, so that the keys of a queue stay together"
    )]
    Cluster,
    /// A part of the worker ended that never ends by itself. What was in hand will be taken over.
    #[error("the {0} ended unexpectedly; what this worker held will be taken over by another one")]
    Broken(&'static str),
    /// The address of `HTTP_ADDR` cannot be served at: this host has none like it, or does not give it to this user.
    /// Nothing was started.
    #[error("cannot serve health and metrics at HTTP_ADDR={addr}: {error}")]
    Http {
        /// The address.
        addr: std::net::SocketAddr,
        /// What the host said.
        error: std::io::Error,
    },
    /// The host gives no thread for the lease keeper. Nothing was started.
    #[error("cannot start the lease keeper: {0}")]
    Keeper(#[from] std::io::Error),
    /// Of several queues in one process the same one was added twice. Nothing was started.
    #[error("the queue `{0}` was added twice")]
    Twice(String),
    /// One of several queues in one process failed; the others were drained.
    #[error("queue `{queue}`: {error}")]
    Queue {
        /// Which one.
        queue: String,
        /// Why.
        error: Box<WorkerError>,
    },
}
