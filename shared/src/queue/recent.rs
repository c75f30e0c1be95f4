//! What ended lately.

use fred::interfaces::ListInterface;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Queue, QueueError};
use crate::clock;

/// Messages in hand that are looked through for those of a tenant.
const IN_HAND: usize = 1_000;

/// A line of `recent`: a message that was sent or given up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ended {
    /// Its `id`, or its reference where its producer gave none.
    pub id: String,
    /// `sent` or `dead`; of [`Queue::recent_of`] `sending` too.
    pub state: String,
    /// When, ms since 1970 by the worker's clock; of one in hand when it was asked for.
    pub at: u64,
    /// As its producer gave it, where that is no more than 4 KiB.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
}

impl Ended {
    /// Whose it is: `tenant` in its metadata, where that is a text.
    pub fn tenant(&self) -> Option<String> {
        tenant(self.metadata.as_deref()?)
    }
}

pub(super) fn tenant(metadata: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Metadata {
        tenant: String,
    }
    serde_json::from_str::<Metadata>(metadata.get()).ok().map(|metadata| metadata.tenant)
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

    /// The newest messages of one tenant (`metadata.tenant`), at most `most`: those in hand, then those of
    /// [`Queue::recent`], which are the last 1,000 of all tenants. [`Queue::find`] knows more of each.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn recent_of(&self, tenant: &str, most: usize) -> Result<Vec<Ended>, QueueError> {
        let in_hand = self.active(IN_HAND).await?.into_iter().map(|active| Ended {
            id: active.id,
            state: "sending".to_owned(),
            at: clock::unix_ms(),
            metadata: active.metadata,
        });
        let all = in_hand.chain(self.recent().await?);
        Ok(all.filter(|job| job.tenant().as_deref() == Some(tenant)).take(most).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_a_text_in_the_metadata() {
        let of = |line: &str| serde_json::from_str::<Ended>(line).unwrap().tenant();
        assert_eq!(
            of(r#"{"id":"a","state":"sent","at":1,"metadata":{"tenant":"t\n1","x":2}}"#).as_deref(),
            Some("t\n1")
        );
        for none in [r#"{"tenant":5}"#, r#"{"Tenant":"t"}"#, r#""tenant""#, "null"] {
            assert_eq!(
                of(&format!(r#"{{"id":"a","state":"sent","at":1,"metadata":{none}}}"#)),
                None,
                "{none}"
            );
        }
        assert_eq!(of(r#"{"id":"a","state":"dead","at":1}"#), None);
    }
}
