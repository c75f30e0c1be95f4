//! What is to be sent later.

use bytes::Bytes;

use super::{Queue, QueueError};
use crate::keys::Lane;
use crate::message::Head;

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
        let delayed = self.members(&self.keys.delayed, skip, skip + most - 1).await?;
        Ok(delayed.into_iter().map(|(member, bytes)| look(&member, bytes)).collect())
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
