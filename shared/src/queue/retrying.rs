//! Which delayed messages are no scheduled ones.

use bytes::Bytes;
use fred::interfaces::{HashesInterface, SortedSetsInterface};

use super::{Queue, QueueError};
use crate::message::Head;

/// Members looked at by one call.
const STEP: i64 = 200;

/// Delayed messages that wait for their retry, not for a time their producer chose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retrying {
    /// How many were found.
    pub count: u64,
    /// When the first of them is due, ms since 1970 by Redis's clock.
    pub first_due: Option<i64>,
}

impl Queue {
    /// Looks for delayed messages that are no scheduled ones, and stops after `most` of them. Scheduled are those
    /// whose `send_at` is still to come. Reads `delayed` in steps, so what moves meanwhile may be missed.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn retrying(&self, most: u64) -> Result<Retrying, QueueError> {
        let keys = &self.keys;
        let live = self.link.client().await?;
        let now = self.client.clock().await?;
        let mut found = Retrying::default();
        let mut from = 0;
        while found.count < most {
            let range = live
                .client
                .zrange(keys.delayed.clone(), from, from + STEP - 1, None, false, None, true)
                .await;
            let members: Vec<(String, f64)> = self.link.checked(&live, range)?;
            if members.is_empty() {
                break;
            }
            from += members.len() as i64;
            let fields: Vec<&str> = members.iter().map(|(member, _)| member.as_str()).collect();
            let bytes = live.client.hmget(keys.messages.clone(), fields).await;
            let bytes: Vec<Option<Bytes>> = self.link.checked(&live, bytes)?;
            for ((_, due), bytes) in members.iter().zip(bytes) {
                let Some(bytes) = bytes else { continue };
                let head = Head::read(&bytes, usize::MAX).unwrap_or_else(|malformed| *malformed.head);
                if head.send_at.is_none_or(|at| at <= now) {
                    found.count += 1;
                    found.first_due.get_or_insert(*due as i64);
                }
            }
        }
        Ok(found)
    }
}
