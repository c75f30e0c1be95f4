//! What became of a message with an id.

use std::collections::BTreeMap;

use bytes::Bytes;
use fred::interfaces::{HashesInterface, SortedSetsInterface};

use super::{Queue, QueueError};

/// What is known of an id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// `waiting`, `sending`, `delayed`, `sent` or `dead`.
    pub state: String,
    /// Since when, ms since 1970 by Redis's clock.
    pub at: i64,
    /// All fields of the status: `state`, `at`, and `token`, `member`, `reason`, `error`, `provider_id` where they apply.
    pub fields: BTreeMap<String, String>,
    /// The message itself, while it is being sent or delayed.
    pub message: Option<Bytes>,
    /// When it is due, ms since 1970 by Redis's clock, while it is delayed.
    pub due: Option<i64>,
}

impl Queue {
    /// Looks an id up. `None` where nothing is known of it: it was never here, its retention is over, or it was pushed
    /// without the library and waits.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn find(&self, id: &str) -> Result<Option<Found>, QueueError> {
        let live = self.link.client().await?;
        let fields = live.client.hgetall(self.keys.status(id)).await;
        let fields: BTreeMap<String, String> = self.link.checked(&live, fields)?;
        let Some(state) = fields.get("state").cloned() else { return Ok(None) };
        let at = fields.get("at").and_then(|at| at.parse().ok()).unwrap_or_default();
        let place = match state.as_str() {
            "sending" => fields.get("token"),
            "delayed" => fields.get("member"),
            _ => None,
        };
        let (mut message, mut due) = (None, None);
        if let Some(place) = place {
            let bytes = live.client.hget(self.keys.messages.clone(), place.as_str()).await;
            message = self.link.checked(&live, bytes)?;
            let score = live.client.zscore(self.keys.delayed.clone(), place.as_str()).await;
            due = self.link.checked::<Option<f64>>(&live, score)?.map(|due| due as i64);
        }
        Ok(Some(Found { state, at, fields, message, due }))
    }
}
