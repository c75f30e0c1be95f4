//! `_delivery`: what became of a message so far, kept in the message itself.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How many attempts a message remembers.
const ATTEMPTS_KEPT: usize = 20;

/// The reserved object `_delivery`. Members this build does not know are kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// Why it was given up: `malformed`, `reject`, `expired`, `poison`, `in_doubt`, `retries_exhausted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// The outcome of the last attempt: `malformed`, `reject`, `expired`, `poison`, `in_doubt`, `retry`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<String>,
    /// The last failed attempts, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attempts: Vec<Value>,
    /// When it was given up, RFC 3339. Found in a claimed message it means: requeued by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dead_at: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) worker: Option<String>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub(crate) reference: Option<String>,
    /// Workers that died while they held it.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) crashes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lane: Option<String>,
    /// Names this copy, from when it was enqueued until it is given up: see `enqueue.lua`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stamp: Option<String>,
    /// How often it stopped everybody at no cost while others got through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) excused: Option<Excuse>,
    /// Envelope recipients still to be served; absent means all of the message's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recipients: Option<Vec<String>>,
    /// The rest of a message that nobody got: it goes on under the message's own id, not under that of a part.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) keeps_id: bool,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// How often a message has stopped everybody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Excuse {
    pub(crate) times: u32,
    /// How many messages the queue had sent in all when it was last counted.
    pub(crate) sent: u64,
}

impl Excuse {
    /// Once more, where others got through since: while nobody does, it is nobody's fault.
    pub(crate) fn once_more(self, sent: u64) -> Self {
        if sent == self.sent { self } else { Self { times: self.times.saturating_add(1), sent } }
    }
}

/// One attempt that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FailedAttempt {
    /// When, RFC 3339.
    pub at: String,
    /// What went wrong, in the provider's words where there are any.
    pub error: String,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Which provider it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
}

/// The failed attempts that a message remembers, as JSON; `[]` where there are none.
pub(crate) fn attempts(bytes: &[u8]) -> &str {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, rename = "_delivery")]
        delivery: Option<Delivery<'a>>,
    }
    #[derive(Deserialize)]
    struct Delivery<'a> {
        #[serde(borrow)]
        attempts: Option<&'a RawValue>,
    }
    let message = serde_json::from_slice::<Message<'_>>(bytes).ok();
    message.and_then(|message| message.delivery?.attempts).map_or("[]", RawValue::get)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for this shape")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Record {
    /// What a message that is to be tried again keeps: its name, history and recipients, not an earlier verdict. What
    /// was requeued by hand has all its excuses again.
    pub(crate) fn carried_on(&self) -> Self {
        Self {
            attempts: self.attempts.clone(),
            reference: self.reference.clone(),
            recipients: self.recipients.clone(),
            keeps_id: self.keeps_id,
            stamp: self.stamp.clone(),
            excused: self.excused.filter(|_| self.dead_at.is_none()),
            other: self.other.clone(),
            ..Self::default()
        }
    }

    /// Adds an attempt and forgets the oldest beyond the last 20.
    pub(crate) fn push(&mut self, attempt: &FailedAttempt) {
        self.attempts.push(serde_json::to_value(attempt).unwrap_or_default());
        let excess = self.attempts.len().saturating_sub(ATTEMPTS_KEPT);
        self.attempts.drain(..excess);
    }
}
