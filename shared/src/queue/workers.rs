//! Who serves the queue.

use std::collections::HashMap;

use fred::interfaces::HashesInterface;
use serde::{Deserialize, Serialize};

use super::{Queue, QueueError};

/// What a worker said of itself last. Older and newer workers may say less or more: what is missing is 0 or empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Beat {
    /// Its id: `<WORKER_ID>-<start>`.
    pub id: String,
    /// 64 random bits, new at every start.
    pub start: String,
    /// The queue it serves.
    pub queue: String,
    /// Its program's version.
    pub version: String,
    /// Its process id, on its host.
    pub pid: u32,
    /// Sends at a time.
    pub concurrency: usize,
    /// Its lease, ms. A worker beats at least every half of it, and every ten seconds.
    pub lease_ms: u64,
    /// Messages it holds.
    pub in_hand: usize,
    /// Handlers that run.
    pub sending: usize,
    /// For how long the oldest of them has been held, ms.
    pub oldest_ms: Option<u64>,
    /// When it said so, ms since 1970 by Redis's clock.
    pub at: i64,
    /// How long ago that was, ms.
    pub age_ms: i64,
}

impl Beat {
    /// It has missed three of its beats: it is gone, or cannot reach Redis.
    pub fn is_late(&self) -> bool {
        self.age_ms > 3 * (self.lease_ms as i64 / 2).clamp(1_000, 10_000)
    }
}

impl Queue {
    /// The workers that said they live within the last ten leases, by id.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn workers(&self) -> Result<Vec<Beat>, QueueError> {
        let live = self.link.client().await?;
        let beats = live.client.hgetall(self.keys.workers.clone()).await;
        let beats: HashMap<String, bytes::Bytes> = self.link.checked(&live, beats)?;
        let now = self.clock().await?;
        let read = |(id, text): (String, bytes::Bytes)| {
            let beat: Beat = serde_json::from_slice(&text).ok()?;
            Some(Beat { id, age_ms: (now - beat.at).max(0), ..beat })
        };
        let mut beats: Vec<Beat> = beats.into_iter().filter_map(read).collect();
        beats.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(beats)
    }
}
