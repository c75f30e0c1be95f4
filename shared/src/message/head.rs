//! The fields of a message that the queue acts upon. Everything else is the sender's business.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::record::Record;

/// What the queue reads of a message. Unknown fields are skipped without being built.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) id: Option<Box<str>>,
    /// Failed sends so far; 0 after a requeue by hand.
    pub(crate) retries: u32,
    pub(crate) max_retries: Option<u32>,
    /// Ms since 1970.
    pub(crate) send_at: Option<i64>,
    /// Ms since 1970, by its producer's clock.
    pub(crate) created_at: Option<i64>,
    /// Ms since 1970; the earlier of `expires_at` and `created_at` + `ttl_ms`.
    pub(crate) expires_at: Option<i64>,
    /// JSON text of `metadata`.
    pub(crate) metadata: Option<Box<str>>,
    /// `_delivery`, if there is one.
    pub(crate) record: Option<Box<Record>>,
}

/// Why a message cannot be used, in words for the operator who finds it among the dead letters.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// What is wrong, and with which field.
    pub reason: String,
    /// The message is no JSON object, or its `_delivery` cannot be read: it has to be wrapped to be kept.
    pub wrap: bool,
    /// What could be read all the same: its id, and what became of it so far.
    pub(crate) head: Box<Head>,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    retries: Option<&'a RawValue>,
    #[serde(borrow)]
    max_retries: Option<&'a RawValue>,
    #[serde(borrow)]
    send_at: Option<&'a RawValue>,
    #[serde(borrow)]
    expires_at: Option<&'a RawValue>,
    #[serde(borrow)]
    created_at: Option<&'a RawValue>,
    #[serde(borrow)]
    ttl_ms: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, rename = "_delivery")]
    delivery: Option<&'a RawValue>,
}

impl Head {
    /// Reads a message of at most `max_bytes`, not counting what the worker itself wrote into `_delivery`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] names the first field that is wrong.
    pub(crate) fn read(bytes: &[u8], max_bytes: usize) -> Result<Self, Malformed> {
        let wrapped = |reason: String| Malformed { reason, wrap: true, head: Box::new(identity(bytes)) };
        let raw: Result<Raw<'_>, String> = if std::str::from_utf8(bytes).is_err() {
            Err("not UTF-8".to_owned())
        } else {
            serde_json::from_slice(bytes).map_err(|error| match error.is_data() && !is_object(bytes) {
                // serde would repeat the whole of a string.
                true => "not a JSON object".to_owned(),
                false => format!("not a JSON object: {error}"),
            })
        };
        let raw =
            raw.and_then(|raw| if is_object(bytes) { Ok(raw) } else { Err("not a JSON object".to_owned()) });
        let own = raw.as_ref().ok().and_then(|raw| raw.delivery).map_or(0, |delivery| delivery.get().len());
        let size = bytes.len() - own;
        if size > max_bytes {
            let reason = format!("{size} bytes; MAX_MESSAGE_BYTES allows {max_bytes}");
            return Err(Malformed { wrap: raw.is_err(), ..wrapped(reason) });
        }
        let raw = raw.map_err(wrapped)?;
        let mut head = Head::default();
        if let Some(value) = raw.delivery {
            let record = serde_json::from_str::<Record>(value.get());
            head.record = Some(Box::new(record.map_err(|error| wrapped(format!("_delivery: {error}")))?));
        }
        let id = raw.id.map(read_id).transpose();
        let known = Head { id: id.clone().ok().flatten(), ..head.clone() };
        let fail = |reason: String| Malformed { reason, wrap: false, head: Box::new(known.clone()) };
        head.id = id.map_err(&fail)?;
        let requeued = head.record.as_ref().is_some_and(|record| record.dead_at.is_some());
        let retries = number(raw.retries, "retries", 0, 1_000_000).map_err(&fail)?.unwrap_or(0);
        head.retries = if requeued { 0 } else { retries as u32 };
        head.max_retries = number(raw.max_retries, "max_retries", 1, 1000).map_err(&fail)?.map(|n| n as u32);
        head.send_at = raw.send_at.map(|v| instant(v, "send_at")).transpose().map_err(&fail)?;
        let expires_at = raw.expires_at.map(|v| instant(v, "expires_at")).transpose().map_err(&fail)?;
        let created_at = raw.created_at.map(|v| instant(v, "created_at")).transpose().map_err(&fail)?;
        let ttl = number(raw.ttl_ms, "ttl_ms", 0, i64::MAX / 4).map_err(&fail)?;
        let outlived = match (created_at, ttl) {
            (_, None) => None,
            (None, Some(_)) => return Err(fail("ttl_ms: needs created_at, from which it counts".to_owned())),
            (Some(created), Some(ttl)) => Some(created.saturating_add(ttl)),
        };
        head.created_at = created_at;
        head.expires_at = [expires_at, outlived].into_iter().flatten().min();
        if let Some(metadata) = raw.metadata {
            if !metadata.get().starts_with('{') {
                return Err(fail("metadata: not an object".to_owned()));
            }
            head.metadata = Some(metadata.get().into());
        }
        Ok(head)
    }

    /// The rest of a message that others got: it has the same id, and a status of its own.
    pub(crate) fn is_part(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.recipients.is_some() && !record.keeps_id)
    }

    /// Crashes recorded in the message itself; none after a requeue by hand.
    pub(crate) fn crashes(&self) -> u32 {
        self.record.as_ref().filter(|record| record.dead_at.is_none()).map_or(0, |record| record.crashes)
    }
}

fn is_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().first() == Some(&b'{') && bytes.trim_ascii_end().last() == Some(&b'}')
}

/// The id and the history of a message that cannot be used, where they can be read.
fn identity(bytes: &[u8]) -> Head {
    #[derive(Deserialize)]
    struct Identity<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
        #[serde(borrow, rename = "_delivery")]
        delivery: Option<&'a RawValue>,
    }
    let Ok(raw) = serde_json::from_slice::<Identity<'_>>(bytes) else { return Head::default() };
    let record = raw.delivery.and_then(|value| serde_json::from_str(value.get()).ok());
    Head { id: raw.id.and_then(|id| read_id(id).ok()), record, ..Head::default() }
}

fn read_id(value: &RawValue) -> Result<Box<str>, String> {
    let id: Box<str> =
        serde_json::from_str(value.get()).map_err(|_| format!("id: {} is not a string", shown(value)))?;
    if id.is_empty() || id.len() > 128 || !id.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err("id: must be 1 to 128 printable ASCII characters".to_owned());
    }
    Ok(id)
}

fn number(value: Option<&RawValue>, name: &str, min: i64, max: i64) -> Result<Option<i64>, String> {
    let Some(value) = value else { return Ok(None) };
    match value.get().parse::<i64>() {
        Ok(n) if (min..=max).contains(&n) => Ok(Some(n)),
        _ => Err(format!("{name}: {} is not a whole number from {min} to {max}", shown(value))),
    }
}

/// The last instant RFC 3339 can name, ms since 1970. Larger numbers are micro- or nanoseconds, and Redis cannot
/// count a status down from them.
pub(crate) const END_OF_TIME: i64 = 253_402_300_799_999;

/// RFC 3339 with an offset, or milliseconds since 1970.
fn instant(value: &RawValue, name: &str) -> Result<i64, String> {
    if let Ok(text) = serde_json::from_str::<String>(value.get()) {
        return match text.parse::<jiff::Timestamp>() {
            Ok(at) => Ok(at.as_millisecond()),
            // "Never", as people write it; jiff's last instant is a day earlier.
            Err(_) if text.starts_with("9999-12-3") => Ok(END_OF_TIME),
            Err(_) => Err(format!("{name}: {} is not RFC 3339 with an offset", shown(value))),
        };
    }
    match value.get().parse::<i64>() {
        Ok(ms) if ms > END_OF_TIME => {
            Err(format!("{name}: {} lies after the year 9999; give milliseconds since 1970", shown(value)))
        }
        Ok(ms) if ms >= 100_000_000_000 => Ok(ms),
        Ok(_) => Err(format!("{name}: {} looks like seconds; give milliseconds since 1970", shown(value))),
        Err(_) => Err(format!("{name}: {} is neither RFC 3339 nor milliseconds since 1970", shown(value))),
    }
}

/// A value for an error text, cut to what a log line bears.
fn shown(value: &RawValue) -> String {
    let text = value.get();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
