//! Why SNS has not taken a message, out of what the SDK says.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_sns::config::http::HttpResponse;
use aws_sdk_sns::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sns::operation::RequestId as _;
use redispatch::{Failure, Outcome};

use super::NAME;
use super::gate::Passage;
use super::verdicts::meaning;
use crate::verdict::Meaning;

/// Nothing can be sent before this is mended.
const NOT_READY: &str =
    "no AWS credentials (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile or role)";

/// What came instead of a receipt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nothing left: no credentials, no signature.
    Prepare,
    /// No connection was there to carry the request.
    Connect,
    /// An answer that is no receipt.
    Refused {
        /// Of its error document: `InvalidParameter`.
        code: Option<String>,
        status: u16,
    },
    /// The answer never came, or not whole.
    NoAnswer,
}

/// A failed call.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) cause: Cause,
    /// In the provider's words where there are any.
    text: String,
    /// How long the provider asked to wait.
    wait: Option<Duration>,
}

impl Fault {
    pub(super) fn new<E>(error: &SdkError<E, HttpResponse>, passage: Passage) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let refused = |raw: &HttpResponse, code: Option<&str>| Cause::Refused {
            code: code.map(str::to_owned),
            status: raw.status().as_u16(),
        };
        let (cause, text) = match error {
            SdkError::ServiceError(answer) => {
                let (meta, status) = (answer.err().meta(), answer.raw().status().as_u16());
                let mut text = match (meta.code(), meta.message()) {
                    (Some(code), Some(message)) => format!("{code}: {message}"),
                    (Some(code), None) => code.to_owned(),
                    (None, _) if (200..300).contains(&status) => {
                        format!("HTTP {status} without a receipt: {}", below(error))
                    }
                    (None, _) => format!("HTTP {status} without an error document"),
                };
                if let Some(id) = meta.request_id() {
                    let _ = write!(text, " (request {id})");
                }
                (refused(answer.raw(), meta.code()), text)
            }
            SdkError::ResponseError(answer) if answer.raw().status().as_u16() >= 300 => {
                (refused(answer.raw(), None), format!("HTTP {}: {}", answer.raw().status(), below(error)))
            }
            _ => match passage {
                Passage::Nowhere => (Cause::Prepare, format!("{NOT_READY}: {}", below(error))),
                Passage::Waiting | Passage::Refused => (Cause::Connect, below(error)),
                Passage::Left => (Cause::NoAnswer, below(error)),
            },
        };
        let wait = error.raw_response().and_then(wait);
        Self { cause, text, wait }
    }

    pub(super) fn failure(&self) -> Failure {
        let failure = Failure::new(&self.text).by(NAME);
        match &self.cause {
            Cause::Refused { code: Some(code), .. } => failure.with_code(code),
            Cause::Refused { code: None, status } => failure.with_code(status),
            Cause::Prepare | Cause::Connect | Cause::NoAnswer => failure,
        }
    }

    /// `to_topic`: it was published to a topic; `topic_is_ours`: to the one of the settings.
    pub(super) fn outcome(&self, to_topic: bool, topic_is_ours: bool) -> Outcome {
        match meaning(&self.cause, to_topic) {
            Meaning::Throttle => Outcome::Throttle { failure: self.failure(), wait: self.wait },
            meaning => meaning.outcome(self.failure(), topic_is_ours),
        }
    }
}

/// `Retry-After` in seconds.
fn wait(answer: &HttpResponse) -> Option<Duration> {
    answer.headers().get("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// What lies below the SDK's own words, each said once, on one line.
fn below(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut next = error.source();
    while let Some(error) = next {
        let said = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        if said != "other" && !text.contains(&said) {
            let separator = if text.is_empty() { "" } else { ": " };
            let _ = write!(text, "{separator}{said}");
        }
        next = error.source();
    }
    text
}
