//! Leases that are over and that nobody has taken.

use std::time::Duration;

use fred::interfaces::SortedSetsInterface;

use super::{Queue, QueueError};

/// Messages whose worker let go of them, and that no other one has taken over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lapsed {
    /// How many.
    pub count: u64,
    /// When the first of these leases ended, ms since 1970 by Redis's clock.
    pub since: Option<i64>,
}

impl Queue {
    /// Counts the leases that ended longer than `ago` ago.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn lapsed(&self, ago: Duration) -> Result<Lapsed, QueueError> {
        let live = self.link.client().await?;
        let before = self.clock().await? - ago.as_millis() as i64;
        let key = &self.keys.processing;
        let count = live.client.zcount(key.clone(), f64::NEG_INFINITY, before as f64).await;
        let count: u64 = self.link.checked(&live, count)?;
        let first = live.client.zrange(key.clone(), 0, 0, None, false, None, true).await;
        let first: Vec<(String, f64)> = self.link.checked(&live, first)?;
        let since = first.first().map(|(_, ends)| ends.floor() as i64).filter(|_| count > 0);
        Ok(Lapsed { count, since })
    }
}
