//! What is to be sent later.

use bytes::Bytes;
use fred::interfaces::{HashesInterface, SortedSetsInterface};

use super::{Queue, QueueError};
use crate::keys::Lane;
use crate::message::Head;

/// Messages read by one call, so that large ones do not hold Redis.
const STEP: usize = 16;

/// A message that waits for its time, or for its retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delayed {
    /// Its `id`, if its producer gave one.
    pub id: Option<String>,
    /// Its name since it was first claimed or put off.
    pub reference: String,
    /// When it is due, ms since 1970 by Redis's clock.
    pub due: i64,
    /// Where it goes on.
    pub lane: Lane,
    /// It waits for a time that its producer, or an operator, chose; else for a retry.
    pub scheduled: bool,
    /// Failed sends so far.
    pub retries: u32,
    /// The message.
    pub bytes: Bytes,
}

impl Queue {
    /// What is delayed, the first due in front: at most `most` (1 to 1,000) after the first `skip` of them.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn delayed(&self, skip: u64, most: u64) -> Result<Vec<Delayed>, QueueError> {
        let (skip, most) = (i64::try_from(skip).unwrap_or(i64::MAX >> 1), most.clamp(1, 1000) as i64);
        let live = self.link.client().await?;
        let keys = &self.keys;
        let range =
            live.client.zrange(keys.delayed.clone(), skip, skip + most - 1, None, false, None, true).await;
        let members: Vec<(String, f64)> = self.link.checked(&live, range)?;
        let mut delayed = Vec::with_capacity(members.len());
        for some in members.chunks(STEP) {
            let names: Vec<&str> = some.iter().map(|(member, _)| member.as_str()).collect();
            let read = live.client.hmget(keys.messages.clone(), names).await;
            let bytes: Vec<Option<Bytes>> = self.link.checked(&live, read)?;
            // A member without bytes is an orphan, and no message.
            delayed.extend(some.iter().zip(bytes).filter_map(|(member, bytes)| Some(look(member, bytes?))));
        }
        Ok(delayed)
    }
}

fn look((member, due): &(String, f64), bytes: Bytes) -> Delayed {
    let head = Head::read(&bytes, usize::MAX).unwrap_or_else(|malformed| *malformed.head);
    let mut parts = member.split(':');
    let reference = parts.next().unwrap_or_default().to_owned();
    let lane = Lane::from_letter(parts.next().unwrap_or_default());
    let due = *due as i64;
    Delayed {
        id: head.id.map(Into::into),
        reference,
        due,
        lane,
        // A retry is due at a time that nobody chose.
        scheduled: head.send_at == Some(due),
        retries: head.retries,
        bytes,
    }
}
