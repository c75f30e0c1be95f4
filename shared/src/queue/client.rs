//! The Redis that queues live in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fred::interfaces::SetsInterface;
use tokio::time::Instant;

use super::links::Links;
use super::{Queue, QueueError};
use crate::config::QueueSettings;
use crate::keys::{self, Keys};
use crate::link::{Link, UNANSWERED};

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

/// How long nobody waits for it again.
const REGISTER_AGAIN: Duration = Duration::from_secs(30);

/// Names that are never used twice, as references and stamps, and those of queues that are known.
struct Names {
    start: String,
    last: AtomicU64,
    /// Queues of a cluster that this client made known (`None`), or is to try again from then on.
    registered: Mutex<BTreeMap<String, Option<Instant>>>,
}

impl Names {
    fn is_to_be_registered(&self, name: &str) -> bool {
        let mut registered = self.registered.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due =
            registered.get(name).is_none_or(|again| again.is_some_and(|again| Instant::now() >= again));
        if is_due {
            registered.insert(name.to_owned(), Some(Instant::now() + REGISTER_AGAIN));
        }
        is_due
    }

    fn registered(&self, name: &str) {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), None);
    }
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
        let names = Arc::new(Names {
            start: crate::worker::start_id(),
            last: AtomicU64::new(0),
            registered: Mutex::default(),
        });
        let is_cluster = settings.redis.is_cluster();
        let links = Links::new(config, &Keys::new(&settings.prefix, BUILT_IN[0], is_cluster), is_cluster);
        Ok(Self { links: Arc::new(links), settings: Arc::new(settings), names })
    }

    /// Waits for `work`, which asks this Redis, no longer than `limit`: for callers who cannot wait as long as this
    /// client would. When time is up the connections it still waits for are thrown away, and the next call connects anew.
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

    /// As [`Client::queues`], within `limit`.
    ///
    /// # Errors
    ///
    /// As [`Client::queues`].
    pub async fn queues_within(&self, limit: Duration) -> Result<Vec<String>, QueueError> {
        within(vec![self.links.registry().clone()], limit, self.queues()).await
    }

    /// Makes a queue known to operators. In a cluster, where the server of `queue:queues` may be away while that of the
    /// queue is not, once and no longer than [`REGISTER_LIMIT`], and now and then until that has succeeded.
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
        if !self.settings.redis.is_cluster() {
            registered.await?;
        } else if self.names.is_to_be_registered(name) {
            let registered = async { Ok::<_, QueueError>(registered.await?) };
            if within(vec![link.clone()], REGISTER_LIMIT, registered).await.is_ok() {
                self.names.registered(name);
            }
        }
        Ok(())
    }
}

/// Waits for `work`, and throws the connection away when time is up; of several those that it still waits for.
pub(super) async fn within<T, E: From<QueueError>>(
    links: Vec<Arc<Link>>,
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let used: Vec<_> = links.iter().map(|link| link.generation()).collect();
    let calls = Arc::<Mutex<BTreeMap<usize, usize>>>::default();
    let work = Box::pin(UNANSWERED.scope(calls.clone(), work));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        for (link, generation) in
            links.iter().zip(used).filter(|(link, _)| links.len() == 1 || link.is_waited_for(&calls))
        {
            generation.into_iter().for_each(|generation| link.discard(generation));
        }
        Err(QueueError::Redis(format!("Timeout: no answer within {} ms", limit.as_millis())).into())
    })
}
