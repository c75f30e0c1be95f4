//! What became of a message with an id.

use std::collections::BTreeMap;

use bytes::Bytes;
use fred::interfaces::{HashesInterface, SortedSetsInterface};

use super::{Queue, QueueError};
use crate::worker::Token;

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
    /// When its lease ends unless it is renewed, ms since 1970 by Redis's clock, while it is being sent.
    pub lease_ends: Option<i64>,
    /// Start id of the worker that holds it, while it is being sent: the end of the worker's id.
    pub taker: Option<String>,
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
        let mut fields: BTreeMap<String, String> = self.link.checked(&live, fields)?;
        let Some(state) = fields.get("state").cloned() else { return Ok(None) };
        if !matches!(state.as_str(), "dead" | "delayed") {
            // Of an earlier attempt, which was not the last.
            fields.retain(|name, _| name != "reason" && name != "error");
        }
        let at = fields.get("at").and_then(|at| at.parse().ok()).unwrap_or_default();
        let place = match state.as_str() {
            "sending" => fields.get("token"),
            "delayed" => fields.get("member"),
            _ => None,
        };
        let (mut message, mut due, mut lease_ends) = (None, None, None);
        if let Some(place) = place {
            let bytes = live.client.hget(self.keys.messages.clone(), place.as_str()).await;
            message = self.link.checked(&live, bytes)?;
            let delayed = state == "delayed";
            let (set, score) = if delayed {
                (&self.keys.delayed, &mut due)
            } else {
                (&self.keys.processing, &mut lease_ends)
            };
            let found = live.client.zscore(set.clone(), place.as_str()).await;
            *score = self.link.checked::<Option<f64>>(&live, found)?.map(|score| score.floor() as i64);
        }
        let token = place.filter(|_| lease_ends.is_some()).and_then(|place| Token::parse(place));
        let taker = token.map(|token| token.taker().to_owned());
        Ok(Some(Found { state, at, fields, message, due, lease_ends, taker }))
    }
}
