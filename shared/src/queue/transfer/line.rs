//! The lines of an export.
//!
//! ```text
//! {"redispatch":"export","version":1,"queue":"email"}
//! {"state":"processing","name":"<token>","score":"1700000000000","message":"{\"to\":…}"}
//! {"state":"pending","message":"{\"to\":…}"}
//! {"state":"dead_letter","message_base64":"…"}
//! {"redispatch":"end","messages":3,"exact":true}
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Where a message lies, in the order of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Place {
    Processing,
    Claimed,
    High,
    Pending,
    Low,
    Delayed,
    DeadLetter,
}

/// In the order of an export.
pub(super) const PLACES: [Place; 7] = [
    Place::Processing,
    Place::Claimed,
    Place::High,
    Place::Pending,
    Place::Low,
    Place::Delayed,
    Place::DeadLetter,
];

impl Place {
    /// As `import.lua` and the lines spell it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Place::Processing => "processing",
            Place::Claimed => "claimed",
            Place::High => "high",
            Place::Pending => "pending",
            Place::Low => "low",
            Place::Delayed => "delayed",
            Place::DeadLetter => "dead_letter",
        }
    }

    /// Its messages have names and scores.
    pub(super) fn is_named(self) -> bool {
        matches!(self, Place::Processing | Place::Delayed)
    }
}

/// A message and where it lies; oldest first within each place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) place: Place,
    /// Token or member; empty in a list.
    pub(super) name: Bytes,
    /// End of the lease or due time, ms; half a millisecond is a mark.
    pub(super) score: f64,
    pub(super) bytes: Bytes,
}

/// A line of the file.
#[derive(Debug, PartialEq)]
pub(super) enum Line {
    Head { queue: String },
    Entry(Entry),
    End { messages: u64, exact: bool },
}

#[derive(Default, Serialize, Deserialize)]
struct Raw {
    #[serde(skip_serializing_if = "Option::is_none")]
    redispatch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exact: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_base64: Option<String>,
    /// As text: JSON has no infinity, and readers of JSON round.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_base64: Option<String>,
}

/// The only version there is.
const VERSION: u64 = 1;

fn text_or_base64(bytes: &Bytes) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

fn either(name: &str, text: Option<String>, base64: Option<String>) -> Result<Bytes, String> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into()),
        (None, Some(text)) => match STANDARD.decode(text) {
            Ok(bytes) => Ok(bytes.into()),
            Err(error) => Err(format!("{name}_base64: {error}")),
        },
        _ => Err(format!("exactly one of {name} and {name}_base64 is needed")),
    }
}

impl Line {
    /// The line without its end.
    pub(super) fn write(self) -> String {
        let raw = match self {
            Line::Head { queue } => Raw {
                redispatch: Some("export".to_owned()),
                version: Some(VERSION),
                queue: Some(queue),
                ..Raw::default()
            },
            Line::End { messages, exact } => Raw {
                redispatch: Some("end".to_owned()),
                messages: Some(messages),
                exact: Some(exact),
                ..Raw::default()
            },
            Line::Entry(entry) => {
                let named = entry.place.is_named();
                let (message, message_base64) = text_or_base64(&entry.bytes);
                let (name, name_base64) = text_or_base64(&entry.name);
                Raw {
                    state: Some(entry.place),
                    name: name.filter(|_| named),
                    name_base64: name_base64.filter(|_| named),
                    score: named.then(|| entry.score.to_string()),
                    message,
                    message_base64,
                    ..Raw::default()
                }
            }
        };
        serde_json::to_string(&raw).unwrap_or_default()
    }

    /// Reads a line.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        let raw: Raw =
            serde_json::from_slice(text).map_err(|error| format!("not a line of an export: {error}"))?;
        match (raw.redispatch.as_deref(), raw.state) {
            (Some("export"), None) => match (raw.version, raw.queue) {
                (Some(VERSION), Some(queue)) => Ok(Self::Head { queue }),
                _ => Err("made by a version of redispatch that this one does not know".to_owned()),
            },
            (Some("end"), None) => match raw.messages {
                Some(messages) => Ok(Self::End { messages, exact: raw.exact.unwrap_or(true) }),
                None => Err("the last line does not say how many messages there are".to_owned()),
            },
            (None, Some(place)) => {
                let bytes = either("message", raw.message, raw.message_base64)?;
                let (mut name, mut score) = (Bytes::new(), 0.0);
                if place.is_named() {
                    name = either("name", raw.name, raw.name_base64)?;
                    let number = raw.score.and_then(|text| text.parse::<f64>().ok()).filter(|n| !n.is_nan());
                    score = number.ok_or_else(|| "score: a number is needed".to_owned())?;
                }
                Ok(Self::Entry(Entry { place, name, score, bytes }))
            }
            _ => Err("not a line of an export".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [(&[u8], f64); 4] = [
        (b"a.1:p:0:b.2", 1_700_000_000_000.5),
        (b"odd \n\xff", f64::INFINITY),
        (b"-", -1e300),
        (b"x", 123_456_789.123_456_79),
    ];

    #[test]
    fn every_byte_comes_back() {
        let every_byte: Vec<u8> = (0..=255).collect();
        for bytes in
            [&b"{\"a\":1.10}"[..], b"", b"no JSON \"\\\n\t\0", "\u{202e}\u{1F600}".as_bytes(), &every_byte]
        {
            for (place, (name, score)) in PLACES.into_iter().flat_map(|place| NAMES.map(|name| (place, name)))
            {
                let named = place.is_named();
                let entry = Entry {
                    place,
                    name: if named { Bytes::copy_from_slice(name) } else { Bytes::new() },
                    score: if named { score } else { 0.0 },
                    bytes: Bytes::copy_from_slice(bytes),
                };
                let line = Line::Entry(entry.clone()).write();
                assert!(!line.contains('\n'), "{line}");
                assert_eq!(Line::read(line.as_bytes()), Ok(Line::Entry(entry)), "{line}");
            }
        }
    }

    #[test]
    fn what_is_no_line_of_an_export() {
        for text in [
            "",
            "x",
            "[]",
            "{}",
            r#"{"to":"a@example.com","body":"x"}"#,
            r#"{"state":"nowhere","message":""}"#,
            r#"{"state":"pending"}"#,
            r#"{"state":"pending","message":"a","message_base64":"YQ=="}"#,
            r#"{"state":"pending","message_base64":"?"}"#,
            r#"{"state":"delayed","message":"a","score":"1"}"#,
            r#"{"state":"delayed","message":"a","name":"a.1:p:0","score":"NaN"}"#,
            r#"{"state":"delayed","message":"a","name":"a.1:p:0"}"#,
            r#"{"redispatch":"export","version":2,"queue":"email"}"#,
            r#"{"redispatch":"end"}"#,
        ] {
            assert!(Line::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
