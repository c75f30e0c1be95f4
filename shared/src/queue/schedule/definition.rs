//! A schedule as the text that stands in Redis.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Missed, Schedule};
use crate::keys::Lane;

/// In the order in which it is written: the same schedule is always the same text. A field of a newer version makes a
/// schedule unusable rather than wrong.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition<'a> {
    pattern: String,
    #[serde(default = "utc")]
    timezone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<i64>,
    #[serde(default)]
    missed: Missed,
    #[serde(default = "pending")]
    lane: String,
    #[serde(borrow)]
    message: &'a RawValue,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn pending() -> String {
    Lane::Pending.name().to_owned()
}

impl Schedule {
    /// # Errors
    ///
    /// The message is no JSON.
    pub(super) fn to_text(&self) -> Result<String, String> {
        let definition = Definition {
            pattern: self.pattern.clone(),
            timezone: self.timezone.clone(),
            start: self.start,
            end: self.end,
            missed: self.missed,
            lane: self.lane.name().to_owned(),
            message: serde_json::from_slice(&self.message).map_err(|error| format!("message: {error}"))?,
        };
        serde_json::to_string(&definition).map_err(|error| error.to_string())
    }

    /// # Errors
    ///
    /// What cannot be read. The pattern and the time zone are not looked at.
    pub(crate) fn from_text(name: &str, text: &[u8]) -> Result<Self, String> {
        let definition: Definition<'_> =
            serde_json::from_slice(text).map_err(|error| format!("definition: {error}"))?;
        let lane = [Lane::High, Lane::Pending, Lane::Low].into_iter().find(|l| l.name() == definition.lane);
        Ok(Self {
            name: name.to_owned(),
            pattern: definition.pattern,
            timezone: definition.timezone,
            start: definition.start,
            end: definition.end,
            missed: definition.missed,
            lane: lane.ok_or_else(|| format!("lane `{}`: none of high, pending and low", definition.lane))?,
            message: definition.message.get().to_owned().into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all = Schedule {
            timezone: "Europe/Berlin".into(),
            start: Some(1),
            end: Some(2),
            missed: Missed::All,
            lane: Lane::High,
            ..Schedule::new("a", "0 1 * * *", r#"{"to": "x",  "n":1.50}"#)
        };
        for schedule in [all, Schedule::new("b", "@daily", "{}")] {
            let text = schedule.to_text().unwrap();
            assert_eq!(Schedule::from_text(&schedule.name, text.as_bytes()).unwrap(), schedule, "{text}");
        }
    }

    #[test]
    fn the_shortest_definition() {
        let read = Schedule::from_text("a", br#"{"pattern":"* * * * *","message":{}}"#).unwrap();
        assert_eq!(read, Schedule::new("a", "* * * * *", "{}"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (text, names) in [
            ("", "definition"),
            ("[]", "definition"),
            (r#"{"message":{}}"#, "pattern"),
            (r#"{"pattern":"* * * * *"}"#, "message"),
            (r#"{"pattern":"* * * * *","message":{},"missed":"some"}"#, "some"),
            (r#"{"pattern":"* * * * *","message":{},"jitter":1}"#, "jitter"),
            (r#"{"pattern":"* * * * *","message":{},"lane":"left"}"#, "left"),
        ] {
            let error = Schedule::from_text("a", text.as_bytes()).unwrap_err();
            assert!(error.contains(names), "{text}: {error}");
        }
    }
}
