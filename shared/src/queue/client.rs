//! The Redis that queues live in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use fred::interfaces::SetsInterface;

use super::{Queue, QueueError};
use crate::config::QueueSettings;
use crate::keys::{self, Keys};
use crate::link::Link;

/// The queues that are always there.
const BUILT_IN: [&str; 3] = ["email", "sms", "whatsapp"];

/// The Redis that queues live in, as producers and operators see it. All its queues and clones share one connection.
#[derive(Clone)]
pub struct Client {
    pub(super) link: Arc<Link>,
    settings: Arc<QueueSettings>,
    names: Arc<Names>,
}

/// Names that are never used twice, as references and stamps.
struct Names {
    start: String,
    last: AtomicU64,
}

impl Client {
    /// The Redis of `settings`. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`QueueError::Settings`].
    pub fn new(settings: impl Into<QueueSettings>) -> Result<Self, QueueError> {
        let settings = settings.into();
        let config = settings.redis.to_fred().map_err(|fault| QueueError::Settings(fault.to_string()))?;
        let names = Arc::new(Names { start: crate::worker::start_id(), last: AtomicU64::new(0) });
        Ok(Self { link: Arc::new(Link::new(config, "queue")), settings: Arc::new(settings), names })
    }

    /// Waits for `work`, which asks this Redis, no longer than `limit`: for callers who cannot wait as long as this
    /// client would. When time is up the connection is thrown away, and the next call connects anew.
    ///
    /// # Errors
    ///
    /// What `work` gives, else [`QueueError::Redis`]; what was asked may have been done.
    pub async fn within<T, E: From<QueueError>>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let used = self.link.generation();
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            used.into_iter().for_each(|generation| self.link.discard(generation));
            Err(QueueError::Redis(format!("Timeout: no answer within {} ms", limit.as_millis())).into())
        })
    }

    /// A name that nobody else has: `<start>.<n>`, as references are.
    pub(super) fn new_name(&self) -> String {
        format!("{}.{}", self.names.start, self.names.last.fetch_add(1, Relaxed) + 1)
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &QueueSettings {
        &self.settings
    }

    /// The queue `name`, whether there is anything in it or not.
    ///
    /// # Errors
    ///
    /// [`QueueError::Name`].
    pub fn queue(&self, name: &str) -> Result<Queue, QueueError> {
        if !keys::is_queue_name(name) {
            return Err(QueueError::Name(name.to_owned()));
        }
        Ok(Queue {
            name: name.to_owned(),
            keys: Keys::new(&self.settings.prefix, name, self.settings.redis.is_cluster()),
            link: self.link.clone(),
            client: self.clone(),
        })
    }

    /// The names of all queues, in order: `email`, `sms` and `whatsapp`, those that workers and producers made known,
    /// and those of `QUEUES`. Never looks for keys.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn queues(&self) -> Result<Vec<String>, QueueError> {
        let live = self.link.client().await?;
        let known = live.client.smembers(keys::queues(&self.settings.prefix)).await;
        let mut names: BTreeSet<String> = self.link.checked(&live, known)?;
        names.retain(|name| keys::is_queue_name(name));
        names.extend(BUILT_IN.map(str::to_owned));
        names.extend(self.settings.queues.iter().cloned());
        Ok(names.into_iter().collect())
    }
}
