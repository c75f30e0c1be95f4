//! The numbers of all queues, gathered once for all who ask at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use redispatch::queue::{Client, Queue, QueueError};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::REDIS_LIMIT;
use super::error::{ApiError, Cause};
use crate::glance::Glance;

/// The numbers of all queues, of nearly one instant.
pub(super) struct Snapshot {
    /// By name, each with the age of its oldest waiting message, ms, where that is known.
    pub(super) queues: Vec<(Glance, Option<u64>)>,
    /// Queues that cannot be counted, with what was said.
    pub(super) broken: Vec<(String, Cause)>,
    /// Bytes Redis uses; `None` where it does not say, and for a cluster.
    pub(super) memory_used: Option<u64>,
    /// Bytes Redis may use; `None` where it does not say, or there is no limit.
    pub(super) memory_limit: Option<u64>,
}

impl Snapshot {
    /// The names of its queues.
    fn names(&self) -> BTreeSet<String> {
        let counted = self.queues.iter().map(|(glance, _)| &glance.queue);
        counted.chain(self.broken.iter().map(|(name, _)| name)).cloned().collect()
    }
}

/// The last snapshot. Only one is made at a time.
#[derive(Default)]
pub(super) struct Snapshots(Mutex<Option<Made>>);

/// A snapshot, and when it was made.
struct Made {
    began: Instant,
    done: Instant,
    snapshot: Arc<Snapshot>,
}

impl Snapshots {
    /// A snapshot that was begun no longer than `max_age` before this call, or was still being made then: a hundred who
    /// ask at once cost Redis no more than two.
    pub(super) async fn get(&self, client: &Client, max_age: Duration) -> Result<Arc<Snapshot>, ApiError> {
        let asked = Instant::now();
        // Whoever waits for a turn has not asked Redis yet, and breaks no connection that others use.
        let turn = timeout(REDIS_LIMIT, self.0.lock()).await;
        let mut last =
            turn.map_err(|_| QueueError::Redis("Timeout: others wait for an answer too".to_owned()))?;
        if let Some(Made { began, done, snapshot }) = &*last
            && (*began + max_age >= asked || *done >= asked)
        {
            return Ok(snapshot.clone());
        }
        let began = Instant::now();
        let known = last.as_ref().map(|made| made.snapshot.names()).unwrap_or_default();
        // In tenths of a second, so that whoever shows why there was no answer shows the same words each time.
        let left = REDIS_LIMIT.saturating_sub(asked.elapsed()).as_millis() as u64;
        let limit = Duration::from_millis(left.next_multiple_of(100));
        let snapshot = client.within(limit, gather(client, known, limit)).await?;
        let snapshot = Arc::new(snapshot);
        *last = Some(Made { began, done: Instant::now(), snapshot: snapshot.clone() });
        Ok(snapshot)
    }
}

/// In a cluster a server may be away while others answer: those who ask hear of the others, and of the queues `known`
/// before where the list of all is away.
async fn gather(client: &Client, known: BTreeSet<String>, limit: Duration) -> Result<Snapshot, ApiError> {
    let is_cluster = client.settings().redis.is_cluster();
    let limit = limit * 2 / 3;
    let (names, memory) = if is_cluster {
        let names = client.queues_within(limit / 2).await.ok();
        let names = names.unwrap_or_else(|| client.named().union(&known).cloned().collect());
        (names, BTreeMap::new())
    } else {
        (client.queues().await?, client.info("memory").await?)
    };
    let bytes = |name| memory.get(name).and_then(|text| text.parse::<u64>().ok());
    let (memory_used, memory_limit) = (bytes("used_memory"), bytes("maxmemory").filter(|limit| *limit > 0));
    let counted = join_all(names.into_iter().map(|name| async {
        let counted = match client.queue(&name) {
            Ok(queue) if is_cluster => queue.within(limit / 2, count(&queue)).await,
            Ok(queue) => count(&queue).await,
            Err(error) => Err(error),
        };
        (name, counted)
    }));
    let (mut queues, mut broken) = (Vec::new(), Vec::new());
    let mut away = None;
    for (name, counted) in counted.await {
        match counted.map_err(ApiError::from) {
            Ok(numbers) => queues.push(numbers),
            Err(ApiError { problem, cause: Some(cause), .. }) if problem.code == "broken_queue" => {
                broken.push((name, cause))
            }
            Err(error) if is_cluster => {
                broken.extend(error.cause.clone().map(|cause| (name, cause)));
                away = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    match away {
        Some(error) if queues.is_empty() => Err(error),
        _ => Ok(Snapshot { queues, broken, memory_used, memory_limit }),
    }
}

async fn count(queue: &Queue) -> Result<(Glance, Option<u64>), QueueError> {
    tokio::try_join!(Glance::take(queue), queue.oldest_waiting_ms())
}
