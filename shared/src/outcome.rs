//! What a sender may answer about one message, and nothing else.

use std::time::Duration;

/// How one attempt to send a message ended. The engine turns each into exactly one transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider accepted the message for every recipient.
    Sent(Receipt),
    /// This message failed for now: it waits for its backoff and spends a retry.
    Retry(Failure),
    /// The provider failed, and surely did not accept: an HTTP 5xx, an answer that is none. As [`Outcome::Retry`], until
    /// different messages fail like this in a row: then the breaker opens, and no more retries are spent.
    Unavailable(Failure),
    /// No connection to the provider could be made, which is no message's fault: it waits for `RETRY_DELAY_MS` at no
    /// cost, and the breaker opens when this happens in a row.
    Unreachable(Failure),
    /// Not now, for a reason that concerns neither the message nor the others: it waits for `RETRY_DELAY_MS` at no cost.
    Postpone(Failure),
    /// The provider asks everybody to wait. Nobody claims until then; no retry is spent.
    Throttle {
        /// What the provider said.
        failure: Failure,
        /// How long it asked for; `None` leaves the wait to the engine.
        wait: Option<Duration>,
    },
    /// This message will never be accepted: it is dead-lettered.
    Reject(Failure),
    /// Something out of the settings was refused (credentials, an account): the message goes back at no cost and the
    /// breaker opens.
    Config(Failure),
    /// The sender out of the settings was refused, which may be for this message's recipient only: it waits at no
    /// cost, and the breaker opens once a second message is refused alike.
    DefaultSender(Failure),
    /// The provider may or may not have accepted: its answer never came.
    InDoubt(Failure),
    /// Recipients of one message ended differently.
    Split {
        /// Whether anybody got the message: those who are in no part.
        served: bool,
        /// Those who did not get it.
        parts: Vec<Part>,
    },
    /// `Delivery::confirm` failed and the sender stopped before the
    /// provider could accept: surely not sent, and at no cost.
    Unconfirmed,
}

/// What the provider said when it accepted a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The provider's name for the message (an SMTP queue id, a Twilio SID).
    pub provider_id: Option<String>,
    /// Which provider it was: `smtp`, `file`, `null`, `twilio`, …
    pub provider: Option<&'static str>,
    /// What came of the work, JSON, for the status of a message with an id: at most 64 KiB are kept.
    pub result: Option<Box<str>>,
}

impl Receipt {
    /// It tells nothing that a status would keep.
    pub(crate) fn is_bare(&self) -> bool {
        self.provider_id.is_none() && self.result.is_none()
    }
}

/// Some recipients of a message, and why they did not get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Envelope addresses, as they were given to the provider.
    pub recipients: Vec<String>,
    /// Whether to try them again.
    pub verdict: Verdict,
    /// What the provider said about them.
    pub failure: Failure,
}

/// What is to become of the recipients of a [`Part`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Refused for now: try them again later.
    Retry,
    /// Refused for good: dead-letter them.
    Reject,
    /// The answer about them never came.
    InDoubt,
}

/// Why a message was not sent. Kept in `_delivery` and logged with recipients masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong, in the provider's words where there are any.
    pub error: String,
    /// The provider's code: `550`, `21211`, …
    pub code: Option<String>,
    /// Which provider said so: `smtp`, `twilio`, …
    pub provider: Option<&'static str>,
    /// The message itself is unusable (not this queue's shape), rather than refused by a provider.
    pub malformed: bool,
}

impl Failure {
    /// A failure without a provider's code.
    pub fn new(error: impl Into<String>) -> Self {
        Self { error: error.into(), code: None, provider: None, malformed: false }
    }

    /// The message does not have the shape of its queue.
    pub fn malformed(error: impl Into<String>) -> Self {
        Self { malformed: true, ..Self::new(error) }
    }

    /// The same failure with the provider's code.
    #[must_use]
    pub fn with_code(mut self, code: impl ToString) -> Self {
        self.code = Some(code.to_string());
        self
    }

    /// The same failure as said by `provider`.
    #[must_use]
    pub fn by(mut self, provider: &'static str) -> Self {
        self.provider = Some(provider);
        self
    }
}
