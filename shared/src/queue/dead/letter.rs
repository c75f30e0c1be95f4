//! What a dead letter says of itself.

use std::borrow::Cow;

use bytes::Bytes;
use fred::types::Key;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::keys::{Keys, Lane};

/// A dead letter, and what `_delivery` says of it. What was put among them by hand may say nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The whole message.
    pub bytes: Bytes,
    /// Its `id`.
    pub id: Option<String>,
    /// Its name since its first claim.
    pub reference: Option<String>,
    /// Why it was given up: `malformed`, `reject`, `expired`, `poison`, `in_doubt`, `retries_exhausted`.
    pub reason: Option<String>,
    /// The outcome of the last attempt.
    pub class: Option<String>,
    /// What the provider answered: `535`, `21211`, …
    pub code: Option<String>,
    /// Who was to send it: `smtp`, `twilio`, …
    pub provider: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// When it was given up, ms since 1970 by the worker's clock.
    pub dead_at: Option<i64>,
    /// Where it goes back to.
    pub lane: Lane,
    /// Only these are still to be served.
    pub recipients: Option<Vec<String>>,
    /// It is what is left of a message that others got, and not known by its id.
    pub is_part: bool,
    /// Where it lay when it was read from the list, 0 for the oldest: a hint, since older ones may leave.
    pub place: Option<u64>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "_delivery")]
    delivery: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Delivery<'a> {
    #[serde(borrow, rename = "ref")]
    reference: Option<Cow<'a, str>>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    class: Option<Cow<'a, str>>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    provider: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    dead_at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    lane: Option<Cow<'a, str>>,
    recipients: Option<Vec<String>>,
    #[serde(default)]
    keeps_id: bool,
}

impl DeadLetter {
    /// Reads what a message says of itself, as far as it can be read.
    pub fn read(bytes: Bytes) -> Self {
        let raw: Option<Raw<'_>> = serde_json::from_slice(&bytes).ok();
        let id = raw.as_ref().and_then(|raw| serde_json::from_str(raw.id?.get()).ok());
        let delivery: Option<Delivery<'_>> =
            raw.and_then(|raw| serde_json::from_str(raw.delivery?.get()).ok());
        let delivery = delivery.unwrap_or_default();
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        let lane = match delivery.lane.as_deref() {
            Some("high") => Lane::High,
            Some("low") => Lane::Low,
            _ => Lane::Pending,
        };
        let at = delivery.dead_at.as_deref().and_then(|at| at.parse::<jiff::Timestamp>().ok());
        Self {
            id,
            reference: owned(delivery.reference),
            reason: owned(delivery.reason),
            class: owned(delivery.class),
            code: owned(delivery.code),
            provider: owned(delivery.provider),
            error: owned(delivery.error),
            dead_at: at.map(|at| at.as_millisecond()),
            lane,
            is_part: delivery.recipients.is_some() && !delivery.keeps_id,
            recipients: delivery.recipients,
            bytes: bytes.clone(),
            place: None,
        }
    }

    /// The same, at this place.
    #[must_use]
    pub fn at(self, place: Option<u64>) -> Self {
        Self { place, ..self }
    }

    /// The status that says it waits again: that of its id, unless it is the rest of a message that others got.
    pub(super) fn status(&self, keys: &Keys) -> Option<Key> {
        let id = self.id.as_deref().filter(|id| !id.is_empty() && !self.is_part)?;
        Some(keys.status(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_is_read_as_far_as_it_can_be() {
        let letter = DeadLetter::read(Bytes::from_static(
            br#"{"id":"a","_delivery":{"reason":"reject","code":"550","error":"no \"such\" user","lane":"low","dead_at":"1970-01-01T00:00:01Z"}}"#,
        ));
        assert_eq!((letter.id.as_deref(), letter.code.as_deref()), (Some("a"), Some("550")));
        assert_eq!(letter.error.as_deref(), Some("no \"such\" user"));
        assert_eq!((letter.lane, letter.dead_at), (Lane::Low, Some(1_000)));
        for bytes in
            ["", "no JSON", "[]", r#"{"id":5}"#, r#"{"_delivery":{"code":535}}"#, r#"{"_delivery":[]}"#]
        {
            let letter = DeadLetter::read(bytes.into());
            assert_eq!((letter.id, letter.code, letter.lane), (None, None, Lane::Pending), "{bytes}");
            assert_eq!(letter.bytes, bytes);
        }
    }
}
