//! What came back from Twilio, and what it means.

use std::time::Duration;

use jiff::fmt::rfc2822;
use redispatch::{Failure, Outcome, Receipt, clock};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::settings::TwilioSettings;
use super::verdicts::{Stage, meaning};
use crate::verdict::Meaning;

/// Most of an answer that is read: 64 KiB.
pub(super) const LONGEST: usize = 64 << 10;

/// Most of an answer without Twilio's JSON that is shown, in characters.
const SHOWN: usize = 120;

/// An answer: its status, what of its head counts, and its body.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    /// `Retry-After`.
    wait: Option<Duration>,
    /// `Location`.
    location: Option<String>,
    /// At most [`LONGEST`] bytes.
    body: Vec<u8>,
}

/// The fields of Twilio's documents that count here: an error, a message, or an account.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    code: Option<Value>,
    message: Option<String>,
    more_info: Option<String>,
    /// A number in an error, a word elsewhere.
    status: Option<Value>,
    sid: Option<String>,
    error_code: Option<Value>,
    error_message: Option<String>,
    /// Where a list of them was asked for.
    messages: Option<IgnoredAny>,
}

/// The sender a message was posted with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin {
    /// It came out of this setting.
    Setting(&'static str),
    /// It came out of the message.
    Message,
}

impl Answer {
    /// Reads an answer. What of its body is beyond [`LONGEST`], or got lost on the way, is left out.
    ///
    /// # Errors
    ///
    /// The body of a success got lost: whether it was one is in doubt.
    pub(super) async fn read(mut response: reqwest::Response) -> reqwest::Result<Self> {
        let status = response.status();
        let headers = response.headers();
        let (wait, location) = (retry_after(headers), text(headers, LOCATION).map(str::to_owned));
        let mut body = Vec::new();
        while body.len() < LONGEST {
            match response.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(_) if !status.is_success() => break,
                Err(error) => return Err(error),
            }
        }
        body.truncate(LONGEST);
        Ok(Self { status: status.as_u16(), wait, location, body })
    }

    /// What became of the message that was posted.
    pub(super) fn outcome(&self, settings: &TwilioSettings, origin: Origin) -> Outcome {
        let document = self.document();
        if let Some(sid) = document.as_ref().and_then(Document::accepted).filter(|_| self.is_success()) {
            return Outcome::Sent(Receipt {
                provider_id: Some(sid.to_owned()),
                provider: Some(super::NAME),
                ..Default::default()
            });
        }
        let (meaning, failure) = self.refusal(document, settings);
        match (meaning, self.wait, origin) {
            (Meaning::Throttle, wait, _) => Outcome::Throttle { failure, wait },
            (Meaning::Unavailable, wait @ Some(_), _) => Outcome::Throttle { failure, wait },
            (Meaning::Sender, _, Origin::Setting(name)) => {
                let error = format!("{}; the sender is {name}", failure.error);
                Meaning::Sender.outcome(Failure { error, ..failure }, true)
            }
            _ => meaning.outcome(failure, false),
        }
    }

    /// Whether the login works, in a few words; the answer is to a question about the account.
    ///
    /// # Errors
    ///
    /// What Twilio said.
    pub(super) fn account(&self, settings: &TwilioSettings) -> Result<String, Failure> {
        let document = self.document();
        let Some(document) = document.filter(|_| self.is_success()) else {
            return Err(self.refusal(self.document(), settings).1);
        };
        let state = document.status.as_ref().and_then(Value::as_str);
        match state {
            Some(state) if state != "active" => {
                Err(Failure::new(format!("the account in {} is {state}", settings.names.account_sid))
                    .by(super::NAME))
            }
            _ => Ok(format!("logged in at {}; nothing sent", settings.api_url)),
        }
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Twilio's JSON, where this is some.
    fn document(&self) -> Option<Document> {
        serde_json::from_slice(&self.body).ok().filter(Document::is_twilios)
    }

    fn refusal(&self, document: Option<Document>, settings: &TwilioSettings) -> (Meaning, Failure) {
        let status = self.status.to_string();
        let failure = |error: String, code: &str| Failure::new(error).with_code(code).by(super::NAME);
        // What came with a success and names no message is not about ours.
        let document = document.filter(|document| !self.is_success() || document.sid.is_some());
        let Some(document) = document else {
            let (meaning, hint) = match self.is_success() {
                true => (meaning(Stage::Answer, &["nonsense"]), String::new()),
                false => {
                    let meaning = meaning(Stage::Stranger, &[&status]);
                    let hint = format!("; is {} right?", settings.names.api_url);
                    (meaning, if meaning == Meaning::Config { hint } else { String::new() })
                }
            };
            let moved = self.location.as_deref().map(|to| format!(", moved to {to}")).unwrap_or_default();
            let error = format!("HTTP {status} without Twilio's JSON{moved}: {}{hint}", self.shown());
            return (meaning, failure(error, &status));
        };
        let (code, message) = document.fault();
        let codes = [code.as_deref(), Some(&*status)];
        let codes: Vec<_> = codes.into_iter().flatten().collect();
        let meaning = meaning(Stage::Answer, &codes);
        let number = code.as_deref().map(|code| format!(", error {code}")).unwrap_or_default();
        let page = document.more_info.as_deref().map(|page| format!(" ({page})")).unwrap_or_default();
        let hint = match codes[0] {
            "20003" | "20404" | "70051" | "401" => format!("; check {}", settings.login_names()),
            _ => String::new(),
        };
        let error = format!("HTTP {status}{number}: {}{page}{hint}", message.unwrap_or("no message"));
        (meaning, failure(error, codes[0]))
    }

    /// The start of the body, in one line.
    fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words: Vec<_> = text.split_whitespace().collect();
        let line = words.join(" ");
        match line.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{:?}…", &line[..end]),
            None => format!("{line:?}"),
        }
    }
}

impl Document {
    /// Any JSON object can be read as one; Twilio's has one of these.
    fn is_twilios(&self) -> bool {
        self.code.as_ref().is_some_and(Value::is_number)
            || (self.message.is_some() && self.status.is_some())
            || self.sid.is_some()
            || self.messages.is_some()
    }

    /// The SID of a message that was taken, and did not fail at once.
    fn accepted(&self) -> Option<&str> {
        let state = self.status.as_ref().and_then(Value::as_str).unwrap_or_default();
        self.sid.as_deref().filter(|_| !matches!(state, "failed" | "undelivered" | "canceled"))
    }

    /// Code and words of an error, or of a message that failed at once.
    fn fault(&self) -> (Option<String>, Option<&str>) {
        let number =
            |value: &Option<Value>| value.as_ref().and_then(Value::as_u64).map(|code| code.to_string());
        let message = self.message.as_deref().or(self.error_message.as_deref());
        (number(&self.code).or_else(|| number(&self.error_code)), message)
    }
}

fn text(headers: &HeaderMap, name: reqwest::header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// `Retry-After`: seconds or a date (RFC 9110, 10.2.3). A date that has passed is no wait.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, RETRY_AFTER)?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    Some(Duration::from_millis(u64::try_from(date).ok()?.saturating_sub(clock::unix_ms())))
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
