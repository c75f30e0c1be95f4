//! What ended lately.

use fred::interfaces::ListInterface;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Queue, QueueError};

/// A line of `recent`: a message that was sent or given up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ended {
    /// Its `id`, or its reference where its producer gave none.
    pub id: String,
    /// `sent` or `dead`.
    pub state: String,
    /// When, ms since 1970 by the worker's clock.
    pub at: u64,
    /// As its producer gave it, where that is no more than 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

impl Queue {
    /// The last messages that ended, newest first. No more than 1,000 are remembered, and of a burst of messages with
    /// neither `id` nor `metadata` not every one.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn recent(&self) -> Result<Vec<Ended>, QueueError> {
        let live = self.link.client().await?;
        let lines = live.client.lrange(self.keys.recent.clone(), 0, 999).await;
        let lines: Vec<bytes::Bytes> = self.link.checked(&live, lines)?;
        // What somebody else put there is left out.
        Ok(lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}
