//! Whether the keys of a queue are what they must be.

use fred::interfaces::KeysInterface;

use super::{Queue, QueueError};

/// A key that holds something else than it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongType {
    /// Its name.
    pub key: String,
    /// What it holds: `string`, `list`, `set`, `zset`, `hash`, `stream`, …
    pub holds: String,
    /// What it must hold.
    pub must: &'static str,
}

impl Queue {
    /// The keys of the queue, and `queue:queues`, that are of a wrong type. A key that is not there is not wrong.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn wrong_types(&self) -> Result<Vec<WrongType>, QueueError> {
        let mut wrong = Vec::new();
        let registry = self.keys.queues();
        for (key, must) in self.keys.with_types() {
            let link = if key == registry { self.client.links.registry() } else { &self.link };
            let live = link.client().await?;
            let holds = live.client.r#type(key.clone()).await;
            let holds: String = link.checked(&live, holds)?;
            if holds != must && holds != "none" {
                wrong.push(WrongType {
                    key: String::from_utf8_lossy(key.as_bytes()).into_owned(),
                    holds,
                    must,
                });
            }
        }
        Ok(wrong)
    }
}
