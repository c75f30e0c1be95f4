//! Schedules: messages that are put into a queue at the times of a cron pattern. Any worker of the queue fires them.

mod add;
mod definition;
pub(crate) mod due;
pub(crate) mod list;
mod remove;
pub(crate) mod times;

#[cfg(test)]
mod times_tests;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use add::Added;
pub use list::Scheduled;

use crate::keys::Lane;
use crate::message::Head;

/// Largest message of a schedule, bytes, where `MAX_MESSAGE_BYTES` is no smaller: every worker reads all schedules of its queue once a second.
pub const MAX_SCHEDULED_BYTES: usize = 100_000;

/// A message that is put into a queue again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// `[A-Za-z0-9_.-]{1,64}`, unique in its queue.
    pub name: String,
    /// A cron pattern: minute, hour, day of month, month, day of week, and seconds in front where there are six fields;
    /// or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    pub pattern: String,
    /// An IANA time zone such as `Europe/Berlin`, by whose clock the pattern goes.
    pub timezone: String,
    /// No firing before it, ms since 1970.
    pub start: Option<i64>,
    /// No firing after it, ms since 1970.
    pub end: Option<i64>,
    /// What becomes of firings that are more than a minute late.
    pub missed: Missed,
    /// Where the messages go.
    pub lane: Lane,
    /// A JSON object of at most [`MAX_SCHEDULED_BYTES`]. Each firing gets an `id` of its own, so there is none in it, and
    /// none of `send_at`, `created_at`, `expires_at` and `_delivery`.
    pub message: Bytes,
}

/// What becomes of firings that are more than a minute late, since no worker ran or the intake was paused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Missed {
    /// They are dropped.
    Skip,
    /// The latest of them runs, the others are dropped. All of them are where one that is on time is due as well.
    #[default]
    One,
    /// Each of them runs, in order.
    All,
}

impl Schedule {
    /// A schedule in UTC, without start and end, that makes one missed firing good, in [`Lane::Pending`].
    pub fn new(name: &str, pattern: &str, message: impl Into<Bytes>) -> Self {
        Self {
            name: name.to_owned(),
            pattern: pattern.to_owned(),
            timezone: "UTC".to_owned(),
            start: None,
            end: None,
            missed: Missed::One,
            lane: Lane::Pending,
            message: message.into(),
        }
    }

    /// Its times, where all of it can be used and its message is one of at most `max_bytes`.
    ///
    /// # Errors
    ///
    /// The first part that is wrong, and why.
    pub(crate) fn usable(&self, max_bytes: usize) -> Result<times::Times, String> {
        if !is_name(&self.name) {
            let name = self.name.escape_debug();
            return Err(format!("name `{name}`: use 1 to 64 of a-z, A-Z, 0-9, _, . and -"));
        }
        let times = times::Times::new(&self.pattern, &self.timezone, self.start, self.end)?;
        let head = Head::read(&self.message, max_bytes.min(MAX_SCHEDULED_BYTES));
        let head = head.map_err(|malformed| format!("message: {}", malformed.reason))?;
        let fixed = [
            ("id", head.id.is_some()),
            ("send_at", head.send_at.is_some()),
            ("created_at", head.created_at.is_some()),
            ("expires_at", head.expires_at.is_some()),
            ("_delivery", head.record.is_some()),
        ];
        match fixed.iter().find(|(_, is_there)| *is_there) {
            Some((field, _)) => {
                Err(format!("message: leave `{field}` out; it belongs to one message, and this makes many"))
            }
            None => Ok(times),
        }
    }

    /// The id of the message that it makes at `at`, ms since 1970: the same whoever fires it.
    pub(crate) fn firing(&self, at: i64) -> String {
        let at = jiff::Timestamp::from_millisecond(at).map_or_else(|_| at.to_string(), |at| at.to_string());
        format!("cron:{}:{at}", self.name)
    }
}

/// Whether `name` may be a schedule's name.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}
