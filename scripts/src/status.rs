//! What became of a message with an id, as `show --json` and the HTTP API say it.

use redispatch::queue::{FailedAttempt, Found, Line};
use redispatch::telemetry::mask;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::masked::masked;

/// What became of a message. Times are ms since 1970, unless they say otherwise.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    pub(crate) queue: String,
    pub(crate) id: String,
    /// `waiting`, `sending`, `delayed`, `sent`, `dead` or `cancelled`; a hint, no proof
    #[schema(example = "sent")]
    pub(crate) state: String,
    /// Since when
    pub(crate) at: i64,
    /// When it was enqueued, where that was done through library, queuectl or HTTP
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) enqueued_at: Option<i64>,
    /// When its attempt began, while it is being sent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) began: Option<i64>,
    /// When it was sent, given up or cancelled
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<i64>,
    /// Attempts so far
    pub(crate) attempts: u32,
    /// When it is due, while it is delayed
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) due: Option<i64>,
    /// When its lease ends unless it is renewed, while it is being sent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lease_ends: Option<i64>,
    /// Why it was given up
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What went wrong last, in the provider's words, recipients masked
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The provider's code
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// Which provider it was
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
    /// What the provider calls it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider_id: Option<String>,
    /// What came of it, where its handler said
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Value>,
    /// How far its handler says it is
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) progress: Option<Value>,
    /// The last failed attempts, oldest first: 20 at most
    pub(crate) log: Vec<Attempt>,
    /// What its handler wrote down, oldest first
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) lines: Vec<LogLine>,
}

/// One attempt that failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attempt {
    /// When, RFC 3339
    pub(crate) at: String,
    /// What went wrong, recipients masked
    pub(crate) error: String,
    /// The provider's code
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    /// Which provider it was
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
}

/// Something that a handler wrote down about its message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogLine {
    /// When, RFC 3339
    pub(crate) at: String,
    /// What, recipients masked
    pub(crate) line: String,
}

impl Status {
    /// Of the message `id` of `queue`. With `reveal` nobody is masked.
    pub(crate) fn of(queue: &str, id: &str, found: &Found, reveal: bool) -> Self {
        let shown = |text: &str| if reveal { text.to_owned() } else { mask::text(text).into_owned() };
        let last = found.log.last().filter(|_| matches!(found.state.as_str(), "delayed" | "dead"));
        let json = |text: &String| match reveal {
            true => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            false => masked(text.as_bytes()).unwrap_or_else(|| shown(text).into()),
        };
        let attempt = |FailedAttempt { at, error, code, provider }: &FailedAttempt| Attempt {
            at: at.clone(),
            error: shown(error),
            code: code.clone(),
            provider: provider.clone(),
        };
        Self {
            queue: queue.to_owned(),
            id: id.to_owned(),
            state: found.state.clone(),
            at: found.at,
            enqueued_at: found.enqueued_at,
            began: (found.state == "sending").then_some(found.at),
            ended: matches!(found.state.as_str(), "sent" | "dead" | "cancelled").then_some(found.at),
            attempts: found.attempts,
            due: found.due,
            lease_ends: found.lease_ends,
            reason: found.reason.clone(),
            error: found.error.as_deref().map(shown),
            code: last.and_then(|attempt| attempt.code.clone()),
            provider: last.and_then(|attempt| attempt.provider.clone()),
            // A server's words may name the recipient; what is only an id is left whole.
            provider_id: found.provider_id.as_ref().map(|id| match id.contains('@') {
                true => shown(id),
                false => id.clone(),
            }),
            result: found.result.as_ref().map(json),
            progress: found.progress.as_ref().map(json),
            log: found.log.iter().map(attempt).collect(),
            lines: found
                .lines
                .iter()
                .map(|Line { at, line }| LogLine { at: at.clone(), line: shown(line) })
                .collect(),
        }
    }
}
