//! How long the oldest message has waited, where that can be known.

use bytes::Bytes;
use fred::interfaces::{HashesInterface, ListInterface};
use futures::future::join_all;

use super::{Queue, QueueError};
use crate::message::Head;

impl Queue {
    /// How long the oldest waiting message has waited, ms, by its `created_at` or, where it was enqueued with an id
    /// through the library, by its status. `None` where nothing waits, or nothing says since when.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn oldest_waiting_ms(&self) -> Result<Option<u64>, QueueError> {
        let keys = &self.keys;
        let live = self.link.client().await?;
        let mut since: Option<i64> = None;
        let lanes = [&keys.claimed, &keys.high, &keys.pending, &keys.low];
        let oldest = lanes.map(|lane| live.client.lindex::<Option<Bytes>, _>(lane.clone(), -1));
        for oldest in join_all(oldest).await {
            let Some(bytes) = self.link.checked(&live, oldest)? else { continue };
            let Ok(head) = Head::read(&bytes, usize::MAX) else { continue };
            let mut known = head.created_at;
            if let (None, Some(id)) = (known, &head.id) {
                let fields = live.client.hmget(keys.status(id), vec!["state", "at"]).await;
                let fields: (Option<String>, Option<i64>) = self.link.checked(&live, fields)?;
                known = fields.1.filter(|_| fields.0.as_deref() == Some("waiting"));
            }
            since = since.into_iter().chain(known).min();
        }
        let Some(since) = since else { return Ok(None) };
        Ok(Some(self.clock().await?.saturating_sub(since).max(0).unsigned_abs()))
    }
}
