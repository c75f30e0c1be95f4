//! Which delayed messages are no scheduled ones.

use bytes::Bytes;
use fred::interfaces::{HashesInterface, SortedSetsInterface};

use super::{Queue, QueueError};
use crate::message::Head;

/// Members looked at by one call, at most.
const LONGEST_STEP: i64 = 64;

/// Bytes of one answer from which on fewer members are asked for: Redis copies no more than this in a go.
const STEP_BYTES: usize = 1 << 20;

/// A delayed message that waits for its retry, not for a time its producer chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// Its name among the delayed ones, never used twice at a time.
    pub member: String,
    /// When it is due, ms since 1970 by Redis's clock.
    pub due: i64,
}

impl Queue {
    /// The first delayed message due from `from` to `to` (ms since 1970, `i64::MIN` and `MAX` for all) that is no
    /// scheduled one. Scheduled are those whose `send_at` is still to come. Reads `delayed` in steps, so what moves
    /// meanwhile may be missed; one million scheduled messages take a few seconds.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn next_retry(&self, from: i64, to: i64) -> Result<Option<Retry>, QueueError> {
        let keys = &self.keys;
        let live = self.link.client().await?;
        let now = self.clock().await?;
        let before = from.saturating_sub(1) as f64;
        let earlier = live.client.zcount(keys.delayed.clone(), f64::NEG_INFINITY, before).await;
        let (mut rank, mut step): (i64, i64) = (self.link.checked(&live, earlier)?, 8);
        loop {
            let range = live
                .client
                .zrange(keys.delayed.clone(), rank, rank + step - 1, None, false, None, true)
                .await;
            let members: Vec<(String, f64)> = self.link.checked(&live, range)?;
            if members.is_empty() {
                return Ok(None);
            }
            rank += members.len() as i64;
            let fields: Vec<&str> = members.iter().map(|(member, _)| member.as_str()).collect();
            let bytes = live.client.hmget(keys.messages.clone(), fields).await;
            let bytes: Vec<Option<Bytes>> = self.link.checked(&live, bytes)?;
            let size: usize = bytes.iter().flatten().map(Bytes::len).sum();
            step = if size > STEP_BYTES { (step / 2).max(1) } else { (2 * step).min(LONGEST_STEP) };
            for ((member, due), bytes) in members.into_iter().zip(bytes) {
                if due > to as f64 {
                    return Ok(None);
                }
                let Some(bytes) = bytes else { continue };
                let head = Head::read(&bytes, usize::MAX).unwrap_or_else(|malformed| *malformed.head);
                if head.send_at.is_none_or(|at| at <= now) {
                    return Ok(Some(Retry { member, due: due as i64 }));
                }
            }
        }
    }

    /// The delayed message that is due first, by its name and its due time. Only that one can be claimed, so as long as
    /// it is the same none of them has become a retry.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn next_due(&self) -> Result<Option<(String, i64)>, QueueError> {
        let live = self.link.client().await?;
        let first = live.client.zrange(self.keys.delayed.clone(), 0, 0, None, false, None, true).await;
        let first: Vec<(String, f64)> = self.link.checked(&live, first)?;
        Ok(first.into_iter().next().map(|(member, due)| (member, due as i64)))
    }

    /// Whether the message that is called `member` is still delayed.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn is_delayed(&self, member: &str) -> Result<bool, QueueError> {
        let live = self.link.client().await?;
        let score = live.client.zscore(self.keys.delayed.clone(), member).await;
        Ok(self.link.checked::<Option<f64>>(&live, score)?.is_some())
    }
}
