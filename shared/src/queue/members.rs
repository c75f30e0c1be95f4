//! Reads messages that are in hand, or delayed.

use bytes::Bytes;
use fred::interfaces::{HashesInterface, SortedSetsInterface};
use fred::types::Key;

use super::{Queue, QueueError};

/// Messages read by one call, so that large ones do not hold Redis.
const STEP: usize = 16;

impl Queue {
    /// The members of `set` from the `first` to the `last` (from 0, by their scores), each with its score.
    pub(super) async fn scored(
        &self,
        set: &Key,
        first: i64,
        last: i64,
    ) -> Result<Vec<(String, f64)>, QueueError> {
        let live = self.link.client().await?;
        let range = live.client.zrange(set.clone(), first, last, None, false, None, true).await;
        Ok(self.link.checked(&live, range)?)
    }

    /// As [`Queue::scored`], each with the bytes of its message.
    pub(super) async fn members(
        &self,
        set: &Key,
        first: i64,
        last: i64,
    ) -> Result<Vec<((String, f64), Bytes)>, QueueError> {
        self.with_bytes(self.scored(set, first, last).await?).await
    }

    /// `members` with the bytes of their messages. One without bytes is an orphan, and no message.
    pub(super) async fn with_bytes(
        &self,
        members: Vec<(String, f64)>,
    ) -> Result<Vec<((String, f64), Bytes)>, QueueError> {
        let live = self.link.client().await?;
        let mut bytes: Vec<Option<Bytes>> = Vec::with_capacity(members.len());
        for some in members.chunks(STEP) {
            let names: Vec<&str> = some.iter().map(|(member, _)| member.as_str()).collect();
            let read = live.client.hmget(self.keys.messages.clone(), names).await;
            bytes.extend(self.link.checked::<Vec<Option<Bytes>>>(&live, read)?);
        }
        Ok(members.into_iter().zip(bytes).filter_map(|(member, bytes)| Some((member, bytes?))).collect())
    }
}
