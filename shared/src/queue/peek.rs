//! Looks at messages that wait, or are being sent, and takes none.

use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::ListInterface;
use fred::types::Key;
use tokio::time::Instant;

use super::dead::{FIRST, STRETCH, stretch};
use super::{Queue, QueueError};
use crate::clock;
use crate::keys::Lane;
use crate::message::Head;
use crate::outcome::Failure;
use crate::worker::Token;

/// Bytes of each list that one look reads, about.
const MOST_BYTES: usize = 8 << 20;

/// How far from either end of a lane a message is looked for by its id.
const REACH: i64 = 10_000;

/// A message that waits, and what a worker that claimed it now would do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Where it waits.
    pub lane: Lane,
    /// As its producer pushed it.
    pub bytes: Bytes,
    /// Its `id`.
    pub id: Option<String>,
    /// The only recipients that are still to be served, where an earlier attempt served the others.
    pub recipients: Option<Vec<String>>,
    /// What comes of it.
    pub plan: Plan,
}

/// What a worker would do with a message before any provider sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Send it.
    Send,
    /// Put it aside until this time, ms since 1970.
    Park(i64),
    /// Dead-letter it: it is malformed, or expired.
    GiveUp(Failure),
}

impl Waiting {
    /// Looks at a message that waits in `lane`, or that somebody means to put there; `max_bytes` is the size from which
    /// it is refused.
    pub fn look(lane: Lane, bytes: Bytes, max_bytes: usize) -> Self {
        let head = match Head::read(&bytes, max_bytes) {
            Ok(head) => head,
            Err(malformed) => {
                let plan = Plan::GiveUp(Failure::malformed(malformed.reason));
                return Self { lane, bytes, id: malformed.head.id.map(Into::into), recipients: None, plan };
            }
        };
        let now = clock::unix_ms() as i64;
        let plan = match head.send_at {
            _ if head.expires_at.is_some_and(|at| at <= now) => Plan::GiveUp(Failure::new("expired")),
            Some(at) if at > now => Plan::Park(at),
            _ => Plan::Send,
        };
        let recipients = head.record.and_then(|record| record.recipients);
        Self { lane, bytes, id: head.id.map(Into::into), recipients, plan }
    }
}

/// Some of the messages that wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oldest {
    /// The oldest of `claimed`, `pending:high`, `pending` and `pending:low`, in this order.
    pub messages: Vec<Waiting>,
    /// How many wait in all.
    pub total: u64,
}

/// A message in a worker's hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InHand {
    /// Its name since its first claim.
    pub reference: String,
    /// Its `id`.
    pub id: Option<String>,
    /// The message.
    pub bytes: Bytes,
}

impl Queue {
    /// The oldest messages of `claimed`, `pending:high`, `pending` and `pending:low`, in this order and `most` in all.
    /// Nothing is claimed; `max_bytes` is the size from which a message is refused.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn peek(&self, most: usize, max_bytes: usize) -> Result<Vec<Waiting>, QueueError> {
        let mut waiting = Vec::new();
        for (lane, list) in self.waiting_lists() {
            let room = most.saturating_sub(waiting.len());
            let oldest = self.oldest_of(list, 0, room, usize::MAX).await?;
            waiting.extend(oldest.into_iter().map(|bytes| Waiting::look(lane, bytes, max_bytes)));
        }
        Ok(waiting)
    }

    /// The oldest messages of each of these lists: after the first `skip` of each at most `most`, and fewer where they
    /// are of many megabytes.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn oldest_waiting(&self, skip: u64, most: usize) -> Result<Oldest, QueueError> {
        let max_bytes = self.client().settings().max_message_bytes;
        let (mut messages, mut total) = (Vec::new(), 0);
        for (lane, list) in self.waiting_lists() {
            let live = self.link.client().await?;
            total += self.link.checked::<u64>(&live, live.client.llen(list.clone()).await)?;
            let oldest = self.oldest_of(list, skip, most, MOST_BYTES).await?;
            messages.extend(oldest.into_iter().map(|bytes| Waiting::look(lane, bytes, max_bytes)));
        }
        Ok(Oldest { messages, total })
    }

    /// A message that waits, by its `id`: looked for among the first and the last 10,000 of each lane, and no longer than
    /// `limit`.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn find_waiting(&self, id: &str, limit: Duration) -> Result<Option<Waiting>, QueueError> {
        let (copies, _) = self.seek_within(id, REACH, Some(Instant::now() + limit)).await?;
        let max_bytes = self.client().settings().max_message_bytes;
        Ok(copies.into_iter().next().map(|copy| Waiting::look(copy.lane, copy.bytes, max_bytes)))
    }

    /// What is being sent, those whose lease ends first in front: at most `most` (1 to 1,000) after the first `skip`.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn in_hand(&self, skip: u64, most: u64) -> Result<Vec<InHand>, QueueError> {
        let (skip, most) = (i64::try_from(skip).unwrap_or(i64::MAX >> 1), most.clamp(1, 1000) as i64);
        let held = self.members(&self.keys.processing, skip, skip + most - 1).await?;
        let look = |((token, _), bytes): ((String, f64), Bytes)| {
            let head = Head::read(&bytes, usize::MAX).unwrap_or_else(|malformed| *malformed.head);
            let reference = Token::parse(&token)?.reference().to_owned();
            Some(InHand { reference, id: head.id.map(Into::into), bytes })
        };
        Ok(held.into_iter().filter_map(look).collect())
    }

    fn waiting_lists(&self) -> [(Lane, &Key); 4] {
        let keys = &self.keys;
        [
            (Lane::Pending, &keys.claimed),
            (Lane::High, &keys.high),
            (Lane::Pending, &keys.pending),
            (Lane::Low, &keys.low),
        ]
    }

    /// The oldest of a list, in stretches that do not hold Redis.
    async fn oldest_of(
        &self,
        list: &Key,
        skip: u64,
        most: usize,
        max_bytes: usize,
    ) -> Result<Vec<Bytes>, QueueError> {
        let skip = i64::try_from(skip).unwrap_or(i64::MAX >> 1);
        let (mut found, mut size, mut next) = (Vec::new(), 0, FIRST);
        while found.len() < most && size < max_bytes {
            let from = skip + found.len() as i64;
            let count = next.min(most - found.len());
            let live = self.link.client().await?;
            let some = live.client.lrange(list.clone(), -(from + count as i64), -(from + 1)).await;
            let some: Vec<Bytes> = self.link.checked(&live, some)?;
            next = stretch(&some, STRETCH);
            size += some.iter().map(Bytes::len).sum::<usize>();
            let is_last = some.len() < count;
            found.extend(some.into_iter().rev());
            if is_last {
                break;
            }
        }
        Ok(found)
    }
}
