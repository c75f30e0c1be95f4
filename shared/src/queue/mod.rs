//! What producers and operators do with a queue, one file a verb.

mod active;
mod cancel;
mod clean;
mod client;
mod dead;
mod delayed;
mod enqueue;
mod find;
mod footprint;
mod intake;
mod lapsed;
mod links;
mod members;
mod oldest;
mod orphans;
mod pause;
mod peek;
mod recent;
mod reschedule;
mod retry;
mod retrying;
pub(crate) mod schedule;
mod seek;
mod server;
mod stats;
mod transfer;
mod types;
mod workers;

pub use active::Active;
pub use cancel::Changed;
pub use clean::Cleaned;
pub use client::Client;
pub use dead::{DeadAction, DeadLetter, DeadScan, Order, Progress, Selector, Stopped};
pub use delayed::Delayed;
pub use enqueue::Enqueued;
pub use find::{Found, Line};
pub use footprint::Footprint;
pub use intake::Intake;
pub use lapsed::Lapsed;
pub use orphans::Orphans;
pub use pause::Pause;
pub use peek::{InHand, Oldest, Plan, Waiting};
pub use recent::Ended;
pub use retrying::Retry;
pub use schedule::{Added, MAX_SCHEDULED_BYTES, Missed, Schedule, Scheduled};
pub use server::{Node, is_too_old, server_name};
pub(crate) use server::{fields, now};
pub use stats::{Breaker, Gates, Stats};
pub use transfer::{Export, Exported, Import, ImportError, Imported};
pub use types::WrongType;
pub use workers::Beat;

use std::sync::Arc;

use fred::error::Error;
use fred::interfaces::HashesInterface;
use fred::types::Value;

use crate::config::QueueSettings;
use crate::keys::{Keys, LAYOUT, is_newer};
use crate::link::Link;
pub use crate::message::FailedAttempt;
use crate::script;

/// A queue, as producers and operators see it. Cheap to use from many tasks.
pub struct Queue {
    name: String,
    keys: Keys,
    link: Arc<Link>,
    client: Client,
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
    /// The schedule cannot be used: which part of it, and why. Redis was not asked.
    #[error("unusable schedule: {0}")]
    Schedule(String),
    /// Nobody may enqueue now: somebody paused the intake, for the reason given, or `WORKER_ACCEPT_JOBS` is off here.
    /// Nothing was enqueued.
    #[error("intake is paused: {0}")]
    Intake(String),
    /// The address of Redis, or what TLS needs, is unusable. Redis was not asked.
    #[error("Redis settings: {0}")]
    Settings(String),
    /// A newer version has changed the layout of the queue's keys. Nothing was changed.
    #[error(
        "the keys of this queue have layout {0}, and this version knows {LAYOUT} at most: use the version that wrote \
         it, or a newer one"
    )]
    Layout(String),
    /// Somebody else's command changes the dead letters, until then at least: ms since 1970 by Redis's clock. Nothing
    /// was changed by this one.
    #[error("another command is at work on these dead letters")]
    Busy(i64),
    /// Redis did not answer, or refused. What was asked may have been done: with an id it is safe to ask again.
    #[error("Redis: {0}")]
    Redis(String),
}

impl QueueError {
    /// Whether Redis refused since its user may not do that.
    pub fn lacks_rights(&self) -> bool {
        // The client's own call; one within a script, as Redis 7.0 and as later ones and Valkey say it.
        let words = ["NOPERM", "The user executing the script can't", "ACL failure in script"];
        matches!(self, Self::Redis(text) if words.iter().any(|word| text.contains(word)))
    }
}

impl Queue {
    /// For all that changes the queue, or must know all of it.
    ///
    /// # Errors
    ///
    /// [`QueueError::Layout`], [`QueueError::Redis`].
    async fn known_layout(&self) -> Result<(), QueueError> {
        known(self.layout().await?)
    }

    /// The same, repeated while the answer is lost.
    ///
    /// # Errors
    ///
    /// As [`Queue::known_layout`].
    async fn known_layout_at_last(&self) -> Result<(), QueueError> {
        known(script::some_times(|| self.layout()).await?)
    }

    async fn layout(&self) -> Result<Option<String>, Error> {
        let live = self.link.client().await?;
        let layout = live.client.hget(self.keys.control.clone(), "layout").await;
        self.link.checked(&live, layout)
    }

    /// As [`Client::within`], for work that asks only this queue.
    ///
    /// # Errors
    ///
    /// As [`Client::within`].
    pub async fn within<T, E: From<QueueError>>(
        &self,
        limit: std::time::Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        client::within(vec![self.link.clone()], limit, work).await
    }
}

fn known(layout: Option<String>) -> Result<(), QueueError> {
    layout.filter(|layout| is_newer(layout)).map_or(Ok(()), |newer| Err(QueueError::Layout(newer)))
}

impl From<Error> for QueueError {
    fn from(error: Error) -> Self {
        Self::Redis(script::describe(&error))
    }
}

impl Queue {
    /// The queue `name`, in the Redis of `settings`, on a connection of its own. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`QueueError::Name`], [`QueueError::Settings`].
    pub fn new(name: &str, settings: impl Into<QueueSettings>) -> Result<Self, QueueError> {
        Client::new(settings)?.queue(name)
    }

    /// The Redis it is in.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The queue's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Ms, how long a status is kept, as scripts are told.
    fn retention(&self) -> Value {
        (self.client.settings().completed_retention.as_millis() as i64).into()
    }
}
