//! What is to be sent later.

use bytes::Bytes;

use super::{Queue, QueueError};
use crate::keys::Lane;

/// A message that waits for its time, or for its retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delayed {
    /// Its `id`, if its producer gave one.
    pub id: Option<String>,
    /// Its name since its first claim.
    pub reference: String,
    /// When it is due, ms since 1970 by Redis's clock.
    pub due: i64,
    /// Where it goes on.
    pub lane: Lane,
    /// It waits for a time that its producer, or an operator, chose; else for a retry.
    pub scheduled: bool,
    /// Failed sends so far.
    pub retries: u32,
    /// The message.
    pub bytes: Bytes,
}

impl Queue {
    /// What is delayed, the first due in front: at most `most` (1 to 1,000) after the first `skip` of them.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn delayed(&self, skip: u64, most: u64) -> Result<Vec<Delayed>, QueueError> {
        let _ = (skip, most);
        Err(QueueError::Redis("delayed: not built yet".to_owned()))
    }
}
