//! What became of a message with an id.

use std::collections::BTreeMap;

use bytes::Bytes;
use fred::interfaces::{HashesInterface, SortedSetsInterface};
use serde::{Deserialize, Serialize};

use super::{Queue, QueueError};
use crate::message::FailedAttempt;
use crate::worker::Token;

/// What is known of an id. Times are ms since 1970 by Redis's clock.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// `waiting`, `sending`, `delayed`, `sent`, `dead` or `cancelled`.
    pub state: String,
    /// Since when: while it is being sent, when this attempt began.
    pub at: i64,
    /// When it was enqueued, where that was done through library, `queuectl` or HTTP.
    pub enqueued_at: Option<i64>,
    /// Attempts so far.
    pub attempts: u32,
    /// The last failed attempts, oldest first: 20 at most.
    pub log: Vec<FailedAttempt>,
    /// What went wrong last, while it is delayed or dead.
    pub error: Option<String>,
    /// Why it was given up: `reject`, `retries_exhausted`, …
    pub reason: Option<String>,
    /// What the provider calls it, once it was sent.
    pub provider_id: Option<String>,
    /// What came of it, JSON, where its handler said.
    pub result: Option<String>,
    /// How far its handler says it is.
    pub progress: Option<String>,
    /// What its handler wrote down, oldest first.
    pub lines: Vec<Line>,
    /// All fields of the status as they are.
    pub fields: BTreeMap<String, String>,
    /// The message itself, while it is being sent or delayed.
    pub message: Option<Bytes>,
    /// When it is due, while it is delayed.
    pub due: Option<i64>,
    /// When its lease ends unless it is renewed, while it is being sent.
    pub lease_ends: Option<i64>,
    /// Start id of the worker that holds it, while it is being sent: the end of the worker's id.
    pub taker: Option<String>,
}

/// Something that a handler wrote down about its message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Line {
    /// When, RFC 3339.
    pub at: String,
    /// What.
    pub line: String,
}

impl Found {
    fn read(state: String, mut fields: BTreeMap<String, String>) -> Self {
        if !matches!(state.as_str(), "dead" | "delayed") {
            // Of an earlier attempt, which was not the last.
            fields.retain(|name, _| name != "reason" && name != "error");
        }
        let text = |name| fields.get(name).filter(|text: &&String| !text.is_empty()).cloned();
        let number = |name| text(name).and_then(|text| text.parse::<i64>().ok());
        let log: Vec<FailedAttempt> =
            text("log").and_then(|log| serde_json::from_str(&log).ok()).unwrap_or_default();
        let last = log.last().filter(|_| matches!(state.as_str(), "dead" | "delayed"));
        let lines = text("lines").unwrap_or_default();
        Self {
            at: number("at").unwrap_or_default(),
            enqueued_at: number("enqueued_at"),
            attempts: number("attempts").and_then(|n| n.try_into().ok()).unwrap_or_default(),
            error: text("error").or(last.map(|attempt| attempt.error.clone())),
            log,
            reason: text("reason"),
            provider_id: text("provider_id"),
            result: text("result"),
            progress: text("progress"),
            lines: lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            state,
            fields,
            ..Self::default()
        }
    }
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
        let mut found = Found::read(state, fields);
        let place = match found.state.as_str() {
            "sending" => found.fields.get("token"),
            "delayed" => found.fields.get("member"),
            _ => None,
        };
        let Some(place) = place.cloned() else { return Ok(Some(found)) };
        let bytes = live.client.hget(self.keys.messages.clone(), place.as_str()).await;
        found.message = self.link.checked(&live, bytes)?;
        let delayed = found.state == "delayed";
        let set = if delayed { &self.keys.delayed } else { &self.keys.processing };
        let score = live.client.zscore(set.clone(), place.as_str()).await;
        let score = self.link.checked::<Option<f64>>(&live, score)?.map(|score| score.floor() as i64);
        if delayed {
            found.due = score;
        } else {
            found.lease_ends = score;
            let token = score.and_then(|_| Token::parse(&place));
            found.taker = token.map(|token| token.taker().to_owned());
        }
        Ok(Some(found))
    }
}
