//! A dead letter as the API shows it.

use redispatch::queue::DeadLetter;
use serde::Serialize;
use utoipa::ToSchema;

use crate::dead::key;
use crate::masked::{self, Glimpse};

/// Characters that are shown of what somebody may have put there by hand, and that is a word else.
const WORD: usize = 300;

/// A dead letter.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct Letter {
    /// What tells it from all others: the first 32 hex digits of the SHA-256 of its bytes
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015")]
    pub(in crate::api) key: String,
    /// Its place, 0 for the oldest: where to look for it first
    pub(in crate::api) near: u64,
    /// Its id, if it has one
    pub(in crate::api) id: Option<String>,
    /// Its name since its first claim
    pub(in crate::api) reference: Option<String>,
    /// Why it was given up
    #[schema(example = "reject")]
    reason: Option<String>,
    /// How the last attempt ended
    class: Option<String>,
    /// What the provider answered
    #[schema(example = "550")]
    code: Option<String>,
    /// Who was to send it
    #[schema(example = "smtp")]
    provider: Option<String>,
    /// What went wrong, recipients masked
    error: Option<String>,
    /// When it was given up, ms since 1970 by the worker's clock
    pub(in crate::api) dead_at: Option<i64>,
    /// Where it goes back to: `high`, `pending` or `low`
    lane: &'static str,
    /// Its size
    bytes: usize,
    /// Whom it goes to, masked; the first of several, and how many more there are
    pub(in crate::api) to: Option<String>,
    /// Its subject, recipients masked, cut where it is long
    pub(in crate::api) subject: Option<String>,
}

impl Letter {
    /// With `reveal` nobody is masked. The other half says whether it has HTML.
    pub(in crate::api) fn of(letter: &DeadLetter, reveal: bool) -> (Self, bool) {
        let Glimpse { to, subject, has_html } = Glimpse::of(&letter.bytes, reveal);
        let word = |text: &Option<String>| text.as_ref().map(|text| text.chars().take(WORD).collect());
        let error = letter.error.as_deref();
        let shown = Self {
            key: key(&letter.bytes),
            near: letter.place.unwrap_or_default(),
            id: word(&letter.id),
            reference: word(&letter.reference),
            reason: word(&letter.reason),
            class: word(&letter.class),
            code: word(&letter.code),
            provider: word(&letter.provider),
            error: if reveal { error.map(str::to_owned) } else { error.map(masked::shown) },
            dead_at: letter.dead_at,
            lane: letter.lane.name(),
            bytes: letter.bytes.len(),
            to,
            subject,
        };
        (shown, has_html)
    }
}
