//! Which `status` a message writes to, and what it leaves in `recent`.

use serde::Serialize;
use serde_json::value::RawValue;

use super::hand::Held;
use crate::clock;

/// The id under which a message is sent once: its own, or for the rest of a split message its own and its
/// recipients, so that what the original sent does not make the rest a duplicate. `·` is in no producer's id.
pub(crate) fn status_id(held: &Held) -> Option<String> {
    let id = held.head.id.as_deref()?;
    let part = held.head.record.as_ref().filter(|record| !record.keeps_id);
    match part.and_then(|record| record.recipients.as_deref()) {
        Some(recipients) => Some(part_id(id, recipients)),
        None => Some(id.to_owned()),
    }
}

/// The id of the part of message `id` that goes to `recipients`.
pub(crate) fn part_id(id: &str, recipients: &[String]) -> String {
    let hash = fred::util::sha1_hash(&recipients.join("\n"));
    format!("{id}·{}", &hash[..12])
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    state: &'static str,
    at: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

/// Metadata beyond this many bytes stays out of `recent`, which keeps 1,000 lines for a glance.
const METADATA_BYTES: usize = 4096;

/// A line for `recent`: id (the reference where the producer gave none), state, time, metadata where it is small.
pub(crate) fn recent_entry(held: &Held, state: &'static str) -> String {
    let entry = Entry {
        id: held.head.id.as_deref().unwrap_or(held.token.reference()),
        state,
        at: clock::unix_ms(),
        metadata: held
            .head
            .metadata
            .as_deref()
            .filter(|text| text.len() <= METADATA_BYTES)
            .and_then(|text| serde_json::from_str(text).ok()),
    };
    serde_json::to_string(&entry).unwrap_or_default()
}
