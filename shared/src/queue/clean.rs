//! Forgets what ended long ago.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::ListInterface;
use fred::types::{Key, Value};

use super::{DeadAction, Ended, Queue, QueueError, Selector};
use crate::clock;
use crate::script::{self, CLEAN};

/// Lines forgotten by one call.
const BATCH: usize = 25;

/// What may be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaned {
    /// What was sent: lines of [`Queue::recent`], and the statuses of their ids, so that each may be sent again.
    Sent,
    /// Dead letters, for good, with the same of theirs.
    Dead,
}

impl Cleaned {
    /// The state of such a message, as `status` and `recent` have it.
    pub fn state(self) -> &'static str {
        match self {
            Cleaned::Sent => "sent",
            Cleaned::Dead => "dead",
        }
    }
}

impl Queue {
    /// Forgets what ended longer ago than `older_than`, the oldest first, at most `most` of it, and gives how many
    /// messages that were: of what was sent those that [`Queue::recent`] still names, dead letters wherever they lie.
    /// What waits, is delayed or is in hand is never touched: a message that its worker left behind is taken over by
    /// itself.
    ///
    /// # Errors
    ///
    /// [`QueueError::Busy`] while another command changes the dead letters, [`QueueError::Redis`]; some may be gone.
    /// Safe to call again.
    pub async fn clean(&self, what: Cleaned, older_than: Duration, most: u64) -> Result<u64, QueueError> {
        self.known_layout().await?;
        let before = (clock::unix_ms() as i64).saturating_sub_unsigned(older_than.as_millis() as u64);
        match what {
            Cleaned::Sent => self.forget(what, before, most).await,
            Cleaned::Dead => {
                let selector = Selector { before: Some(before), limit: Some(most), ..Selector::default() };
                let purged =
                    self.move_dead(&selector, DeadAction::Purge, |_| ControlFlow::Continue(())).await;
                let purged = purged.map_err(|stopped| stopped.error)?;
                // With a limit reached some of them are still there.
                if purged < most {
                    self.forget(what, before, u64::MAX).await?;
                }
                Ok(purged)
            }
        }
    }

    /// Forgets lines of `recent` and their statuses.
    async fn forget(&self, what: Cleaned, before: i64, most: u64) -> Result<u64, QueueError> {
        let live = self.link.client().await?;
        let lines = self.link.checked(&live, live.client.lrange(self.keys.recent.clone(), 0, -1).await);
        let lines: Vec<Bytes> = lines?;
        let old = lines.into_iter().rev().filter_map(|line| {
            let ended: Ended = serde_json::from_slice(&line).ok()?;
            (ended.state == what.state() && (ended.at as i64) < before).then_some((ended.id, line))
        });
        let old: Vec<_> = old.take(usize::try_from(most).unwrap_or(usize::MAX)).collect();
        let mut gone = 0;
        for batch in old.chunks(BATCH) {
            let ids = batch.iter().map(|(id, _)| self.keys.status(id));
            let keys: Vec<Key> = std::iter::once(self.keys.recent.clone()).chain(ids).collect();
            let mut args: Vec<Value> = vec![what.state().into(), before.into()];
            args.extend(batch.iter().map(|(_, line)| Value::Bytes(line.clone())));
            let answer = script::run(&self.link, &CLEAN, keys, args).await?;
            gone += answer.as_i64().unwrap_or_default().unsigned_abs();
        }
        Ok(gone)
    }
}
