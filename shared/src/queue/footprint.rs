//! How much memory messages take.

use fred::interfaces::{HashesInterface, ListInterface};

use super::{Queue, QueueError};

/// Entries of a key that Redis measures to estimate it.
const SAMPLES: &str = "20";

/// Messages of a queue and the memory they take, both estimated while the queue goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Messages, dead letters too.
    pub messages: u64,
    /// Bytes, those that Redis needs around them included.
    pub bytes: u64,
}

impl Queue {
    /// Estimates what the queue's messages take. `None` where the server does not let itself be asked.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn footprint(&self) -> Result<Option<Footprint>, QueueError> {
        let live = self.link.client().await?;
        let keys = &self.keys;
        let mut all = Footprint::default();
        for list in [&keys.claimed, &keys.high, &keys.pending, &keys.low, &keys.dead_letter] {
            all.messages += self.link.checked::<u64>(&live, live.client.llen(list.clone()).await)?;
        }
        all.messages += self.link.checked::<u64>(&live, live.client.hlen(keys.messages.clone()).await)?;
        for (key, _) in keys.with_types().into_iter().take(8) {
            let args = vec!["USAGE".into(), key.into(), "SAMPLES".into(), SAMPLES.into()];
            match self.ask::<Option<u64>>("MEMORY", args).await? {
                Some(bytes) => all.bytes += bytes.unwrap_or(0),
                None => return Ok(None),
            }
        }
        Ok(Some(all))
    }
}
