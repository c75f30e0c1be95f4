//! The Redis that queues live in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use fred::interfaces::SetsInterface;

use super::links::Links;
use super::{Queue, QueueError};
use crate::config::QueueSettings;
use crate::keys::{self, Keys};
use crate::link::Link;

/// The queues that are always there.
const BUILT_IN: [&str; 3] = ["email", "sms", "whatsapp"];

/// The Redis that queues live in, as producers and operators see it. All its queues and clones share one connection; in a
/// cluster each queue has its own, to the server it lives on.
#[derive(Clone)]
pub struct Client {
    pub(super) links: Arc<Links>,
    settings: Arc<QueueSettings>,
    names: Arc<Names>,
}

/// How long who enqueues waits for the server of `queue:queues`, which is not that of the queue.
const REGISTER_LIMIT: Duration = Duration::from_millis(500);

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
        let is_cluster = settings.redis.is_cluster();
        let links = Links::new(config, &Keys::new(&settings.prefix, BUILT_IN[0], is_cluster), is_cluster);
        Ok(Self { links: Arc::new(links), settings: Arc::new(settings), names })
    }

    /// Waits for `work`, which asks this Redis, no longer than `limit`: for callers who cannot wait as long as this
    /// client would. When time is up its connections are thrown away, and the next call connects anew.
    ///
    /// # Errors
    ///
    /// What `work` gives, else [`QueueError::Redis`]; what was asked may have been done.
    pub async fn within<T, E: From<QueueError>>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        within(self.links.all(), limit, work).await
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
        let keys = Keys::new(&self.settings.prefix, name, self.settings.redis.is_cluster());
        let link = self.links.of(name, &keys);
        Ok(Queue { name: name.to_owned(), keys, link, client: self.clone() })
    }

    /// The names of all queues, in order: `email`, `sms` and `whatsapp`, those that workers and producers made known,
    /// and those of `QUEUES`. Never looks for keys.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn queues(&self) -> Result<Vec<String>, QueueError> {
        let link = self.links.registry();
        let live = link.client().await?;
        let known = live.client.smembers(keys::queues(&self.settings.prefix)).await;
        let mut names: BTreeSet<String> = link.checked(&live, known)?;
        names.retain(|name| keys::is_queue_name(name));
        names.extend(self.named());
        Ok(names.into_iter().collect())
    }

    /// The names of the queues that are known without asking: `email`, `sms` and `whatsapp`, and those of `QUEUES`.
    pub fn named(&self) -> BTreeSet<String> {
        BUILT_IN.map(str::to_owned).into_iter().chain(self.settings.queues.iter().cloned()).collect()
    }

    /// Makes a queue known to operators. In a cluster that may have to wait until the next time: the server of
    /// `queue:queues` may be away while that of the queue is not.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be known all the same.
    pub(super) async fn register(&self, name: &str) -> Result<(), QueueError> {
        let link = self.links.registry();
        let registered = async {
            let live = link.client().await?;
            let known = live.client.sadd::<i64, _, _>(keys::queues(&self.settings.prefix), name).await;
            link.checked(&live, known)
        };
        if self.settings.redis.is_cluster() {
            let _ =
                within::<_, QueueError>(vec![link.clone()], REGISTER_LIMIT, async { Ok(registered.await?) })
                    .await;
        } else {
            registered.await?;
        }
        Ok(())
    }
}

/// Waits for `work`, and throws these connections away when time is up.
pub(super) async fn within<T, E: From<QueueError>>(
    links: Vec<Arc<Link>>,
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let used: Vec<_> = links.iter().map(|link| link.generation()).collect();
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        for (link, generation) in links.iter().zip(used) {
            generation.into_iter().for_each(|generation| link.discard(generation));
        }
        Err(QueueError::Redis(format!("Timeout: no answer within {} ms", limit.as_millis())).into())
    })
}
