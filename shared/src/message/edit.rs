//! Changes a message's `retries` and `_delivery` and keeps every other byte: digits, key order, white space.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::Record;
use crate::clock;

#[derive(Deserialize)]
struct Spans<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    retries: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_delivery", deserialize_with = "present")]
    delivery: Option<&'a RawValue>,
}

/// A `null` is there too, and has to be replaced rather than given a twin.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(value).map(Some)
}

/// The message with `_delivery` set to `record`, and `retries` too where one is given.
///
/// - Takes: a JSON object as [`super::Head::read`] accepts it.
/// - Gives: the edited bytes; those of [`wrap_raw`] where they are no JSON object after all.
pub(crate) fn edit(bytes: &Bytes, retries: Option<u32>, record: &Record) -> Bytes {
    let Some(spans) = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.trim_ascii_start().starts_with('{'))
        .and_then(|text| serde_json::from_str::<Spans<'_>>(text).ok())
    else {
        return wrap_raw(bytes, record);
    };
    let record = serde_json::to_string(record).unwrap_or_else(|_| "{}".to_owned());
    let retries = retries.map(|n| n.to_string());
    replace(bytes, [("retries", spans.retries, retries), ("_delivery", spans.delivery, Some(record))])
}

/// The message with `send_at` set to `at`, ms since 1970: as RFC 3339, or as a number where it was one.
///
/// - Takes: a JSON object as [`super::Head::read`] accepts it, else it comes back as it was.
pub(crate) fn set_send_at(bytes: &Bytes, at: i64) -> Bytes {
    #[derive(Deserialize)]
    struct SendAt<'a> {
        #[serde(borrow, default, deserialize_with = "present")]
        send_at: Option<&'a RawValue>,
    }
    let Ok(SendAt { send_at }) = serde_json::from_slice(bytes) else { return bytes.clone() };
    let is_number = send_at.is_some_and(|value| value.get().starts_with(|c: char| c.is_ascii_digit()));
    let new = if is_number { at.to_string() } else { format!("\"{}\"", clock::rfc3339(at.unsigned_abs())) };
    replace(bytes, [("send_at", send_at, Some(new))])
}

/// The object `bytes` with new values: in place of the old ones, which are borrowed from it, else at its end.
fn replace<const N: usize>(bytes: &Bytes, values: [(&str, Option<&RawValue>, Option<String>); N]) -> Bytes {
    let mut edits = Vec::new();
    let mut added = String::new();
    for (name, old, new) in values {
        match (old, new) {
            (Some(old), Some(new)) => edits.push((span(bytes, old), new)),
            (None, Some(new)) => added.push_str(&format!(",\"{name}\":{new}")),
            (_, None) => {}
        }
    }
    edits.sort_by_key(|(span, _)| span.start);
    let mut out = Vec::with_capacity(bytes.len() + added.len() + 64);
    let mut from = 0;
    for (span, new) in edits {
        out.extend_from_slice(&bytes[from..span.start]);
        out.extend_from_slice(new.as_bytes());
        from = span.end;
    }
    let end = bytes.iter().rposition(|b| *b == b'}').unwrap_or(bytes.len());
    out.extend_from_slice(&bytes[from..end]);
    let empty = out.trim_ascii() == b"{";
    out.extend_from_slice(added.strip_prefix(',').filter(|_| empty).unwrap_or(&added).as_bytes());
    out.extend_from_slice(&bytes[end..]);
    out.into()
}

/// The message with the id `id` in front, or in place of an `id` that is `null`.
///
/// - Takes: a JSON object without an id of its own, as [`super::Head::read`] accepts it; `id` needs no escapes.
pub(crate) fn add_id(bytes: &Bytes, id: &str) -> Bytes {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow, default, deserialize_with = "present")]
        id: Option<&'a RawValue>,
    }
    let (at, new) = match serde_json::from_slice::<Id<'_>>(bytes) {
        Ok(Id { id: Some(null) }) => (span(bytes, null), format!("\"{id}\"")),
        _ => {
            let inside = bytes.iter().position(|b| *b == b'{').map_or(0, |at| at + 1);
            let separator = if bytes[inside..].trim_ascii() == b"}" { "" } else { "," };
            (inside..inside, format!("\"id\":\"{id}\"{separator}"))
        }
    };
    [&bytes[..at.start], new.as_bytes(), &bytes[at.end..]].concat().into()
}

/// What was no JSON object, kept inside one beside `_delivery`: as text, or as base64 where it is no UTF-8.
pub(crate) fn wrap_raw(bytes: &[u8], record: &Record) -> Bytes {
    let record = serde_json::to_value(record).unwrap_or_default();
    let wrapped = match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::json!({ "raw": text, "_delivery": record }),
        Err(_) => {
            use base64::Engine;
            let text = base64::engine::general_purpose::STANDARD.encode(bytes);
            serde_json::json!({ "raw_base64": text, "_delivery": record })
        }
    };
    wrapped.to_string().into()
}

/// Where in `bytes` a value borrowed from them lies.
fn span(bytes: &[u8], value: &RawValue) -> std::ops::Range<usize> {
    let start = value.get().as_ptr() as usize - bytes.as_ptr() as usize;
    start..start + value.get().len()
}
