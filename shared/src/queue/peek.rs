//! Looks at messages that wait, and takes none.

use bytes::Bytes;
use fred::interfaces::ListInterface;

use super::{Queue, QueueError};
use crate::clock;
use crate::keys::Lane;
use crate::message::Head;
use crate::outcome::Failure;

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

impl Queue {
    /// The oldest messages of `claimed`, `pending:high`, `pending` and `pending:low`, in this order and `most` in all.
    /// Nothing is claimed; `max_bytes` is the size from which a message is refused.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn peek(&self, most: usize, max_bytes: usize) -> Result<Vec<Waiting>, QueueError> {
        let live = self.link.client().await?;
        let keys = &self.keys;
        let mut waiting = Vec::new();
        for (lane, key) in [
            (Lane::Pending, &keys.claimed),
            (Lane::High, &keys.high),
            (Lane::Pending, &keys.pending),
            (Lane::Low, &keys.low),
        ] {
            let room = most.saturating_sub(waiting.len());
            if room == 0 {
                break;
            }
            let oldest = live.client.lrange(key.clone(), -(room as i64), -1).await;
            let oldest: Vec<Bytes> = self.link.checked(&live, oldest)?;
            waiting.extend(oldest.into_iter().rev().map(|bytes| Waiting::look(lane, bytes, max_bytes)));
        }
        Ok(waiting)
    }
}
