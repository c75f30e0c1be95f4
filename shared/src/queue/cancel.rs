//! Takes a message back by its id.

use std::time::Duration;

use fred::types::Value;

use super::{Queue, QueueError};
use crate::script::{self, CANCEL, TAKE_OUT};

/// How often copies are looked for that a worker's pop moves meanwhile.
const ROUNDS: u32 = 5;

/// How far from either end of a lane copies are looked for: a cancel must not cost what a long lane costs.
const REACH: i64 = 2_000;

/// How long the status of a cancelled message is kept where a copy may wait deep inside a lane.
const LONG: Duration = Duration::from_secs(30 * 86_400);

/// What came of an order about one message, given by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// It was done.
    Done,
    /// Nothing was changed: a worker has it in hand, and may have told the provider to accept it.
    InHand,
    /// Nothing was changed: it was sent.
    Sent,
    /// Nothing was changed: it was given up, and lies among the dead letters.
    Dead,
    /// Nothing was changed: it was cancelled before.
    Cancelled,
    /// Nothing was changed: no message of this id is known, waits or is delayed.
    Unknown,
}

impl Queue {
    /// Cancels the message `id` where it waits, is delayed or waits for a retry: with [`Changed::Done`] it is never
    /// sent, and neither are other copies of it that wait, until it is enqueued again. `mark`: where nobody knows the
    /// id, leave a mark for so long that drops a message of this id which is pushed yet.
    ///
    /// - What lies among the first or last 2,000 of its lane leaves it at once, what lies deeper once it comes up.
    /// - An id that no status tells of is looked for in all lanes: one to two seconds for a million messages.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be cancelled all the same. Safe to call again.
    pub async fn cancel(&self, id: &str, mark: Option<Duration>) -> Result<Changed, QueueError> {
        self.known_layout_at_last().await?;
        let mut answer = self.cancel_status(id, "", None).await?;
        if answer == "unknown" || answer == "dead" {
            let waits = !self.seek(id).await?.is_empty();
            let seen = match self.holds(id).await? {
                true => "hand",
                false if waits => "list",
                false => "",
            };
            answer = self.cancel_status(id, seen, mark).await?;
        }
        if answer == "cancelled" || answer == "again" {
            // It is settled already: what fails here, begin.lua makes good.
            let _ = self.take_out(id).await;
        }
        Ok(match answer.as_str() {
            "cancelled" | "again" => Changed::Done,
            "in_hand" => Changed::InHand,
            "sent" => Changed::Sent,
            "dead" => Changed::Dead,
            _ => Changed::Unknown,
        })
    }

    async fn cancel_status(
        &self,
        id: &str,
        seen: &str,
        mark: Option<Duration>,
    ) -> Result<String, QueueError> {
        let keys = &self.keys;
        let mut call = keys.of_messages();
        call.extend([keys.counters.clone(), keys.status(id)]);
        let mark = mark.map_or(0, |mark| i64::try_from(mark.as_millis()).unwrap_or(i64::MAX >> 10));
        let args: Vec<Value> = vec![seen.into(), mark.into()];
        Ok(script::into_text(script::run_some_times(&self.link, &CANCEL, call, args).await?))
    }

    /// Takes the copies of a cancelled message out of the lists. Once there is none, nowhere, its status may end.
    async fn take_out(&self, id: &str) -> Result<(), QueueError> {
        for _ in 0..ROUNDS {
            let (copies, everything) = self.seek_within(id, REACH, None).await?;
            if copies.is_empty() {
                // One in hand is dropped by begin.lua, which sets the TTL.
                if !self.holds(id).await? {
                    let retention = self.client.settings().completed_retention;
                    let keep = if everything { retention } else { retention.max(LONG) };
                    self.cancel_status(id, "gone", Some(keep)).await?;
                }
                break;
            }
            for copy in copies {
                let args = vec![Value::Bytes(copy.bytes)];
                let call = vec![copy.list, self.keys.status(id)];
                script::run_some_times(&self.link, &TAKE_OUT, call, args).await?;
            }
        }
        Ok(())
    }
}
