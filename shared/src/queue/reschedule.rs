//! Changes when a message is sent, by its id.

use bytes::Bytes;
use fred::types::{Key, Value};

use super::{Changed, Queue, QueueError};
use crate::clock;
use crate::message::{END_OF_TIME, Head, set_send_at};
use crate::script::{self, RESCHEDULE};

/// How often a message is looked for that others move meanwhile.
const TRIES: u32 = 20;

/// A message that can be rescheduled.
struct Place {
    /// The list that it waits in, where, from the left, and its stamp; `None` where it is delayed.
    list: Option<(Key, i64, String)>,
    /// Its name among the delayed ones, now or then.
    member: String,
    bytes: Bytes,
    due: Option<i64>,
}

impl Queue {
    /// Sends the message `id` at `at` (ms since 1970), earlier or later than it would be, where it waits, is delayed or
    /// waits for a retry. Its `send_at` becomes that, too. A time that is over means: now.
    ///
    /// # Errors
    ///
    /// - [`QueueError::Message`]: it expires before that; nothing was changed.
    /// - [`QueueError::Redis`]; it may be done all the same. Safe to call again.
    pub async fn reschedule(&self, id: &str, at: i64) -> Result<Changed, QueueError> {
        self.known_layout_at_last().await?;
        let at = at.clamp(0, END_OF_TIME);
        for _ in 0..TRIES {
            let place = match self.place(id).await? {
                Some(Ok(place)) => place,
                Some(Err(changed)) => return Ok(changed),
                None => continue,
            };
            let head = Head::read(&place.bytes, usize::MAX);
            let head = head.map_err(|malformed| QueueError::Message(malformed.reason))?;
            if let Some(expires) = head.expires_at.filter(|expires| *expires <= at) {
                let expires = clock::rfc3339(expires.unsigned_abs());
                return Err(QueueError::Message(format!("it expires at {expires}, before it would be sent")));
            }
            if place.due == Some(at) && head.send_at == Some(at) {
                return Ok(Changed::Done);
            }
            if self.put_off(id, place, at).await? {
                return Ok(Changed::Done);
            }
        }
        Ok(Changed::InHand)
    }

    /// Where the message is; else what keeps it from being rescheduled. `None` where it moved meanwhile.
    async fn place(&self, id: &str) -> Result<Option<Result<Place, Changed>>, QueueError> {
        let found = self.find(id).await?.unwrap_or_default();
        match (found.state.as_str(), found.message) {
            ("sent", _) => return Ok(Some(Err(Changed::Sent))),
            ("cancelled", _) => return Ok(Some(Err(Changed::Cancelled))),
            ("sending", Some(_)) => return Ok(Some(Err(Changed::InHand))),
            ("delayed", Some(bytes)) => {
                let member = found.fields.get("member").cloned().unwrap_or_default();
                return Ok(Some(Ok(Place { list: None, member, bytes, due: found.due })));
            }
            _ => {}
        }
        // Of several copies only that one may be sent.
        let only = found.fields.get("stamp").and_then(|stamp| stamp.strip_prefix('!'));
        let copies = self.seek(id).await?;
        let copy = copies.into_iter().find(|copy| {
            // A dead letter that was requeued by hand has none.
            let requeued = found.state == "dead" && copy.stamp.is_empty();
            only.is_none_or(|only| copy.stamp == only || requeued)
        });
        if let Some(copy) = copy {
            let member = format!("{}:{}:0", self.client.new_name(), copy.lane.letter());
            let list = Some((copy.list, copy.place, copy.stamp));
            return Ok(Some(Ok(Place { list, member, bytes: copy.bytes, due: None })));
        }
        if self.holds(id).await? {
            return Ok(Some(Err(Changed::InHand)));
        }
        // It was claimed, and ended, while the lists were looked through.
        let now = self.find(id).await?.unwrap_or_default();
        let has_moved = (&now.state, now.at) != (&found.state, found.at);
        let nowhere = if found.state == "dead" { Changed::Dead } else { Changed::Unknown };
        Ok((!has_moved).then_some(Err(nowhere)))
    }

    /// False where it is not there any more.
    async fn put_off(&self, id: &str, place: Place, at: i64) -> Result<bool, QueueError> {
        let keys = &self.keys;
        let (list, index, stamp) = place.list.unwrap_or((keys.pending.clone(), -1, String::new()));
        let call = vec![keys.messages.clone(), keys.delayed.clone(), keys.status(id), list];
        let args: Vec<Value> = vec![
            place.member.into(),
            Value::Bytes(place.bytes.clone()),
            Value::Bytes(set_send_at(&place.bytes, at)),
            at.into(),
            self.retention(),
            index.into(),
            stamp.into(),
        ];
        let answer = script::run_some_times(&self.link, &RESCHEDULE, call, args).await?;
        Ok(script::into_text(answer) == "done")
    }
}
