//! One queue that is drained.

use redispatch::clock;
use redispatch::queue::{Gates, Queue, QueueError, Retry, Stats};
use serde_json::{Value, json};

use crate::glance::{Flow, Glance};
use crate::time;

/// Who serves a queue is asked no more often than this, ms.
const GLANCE_EVERY: u64 = 2_000;

/// One queue that is drained.
pub(super) struct Line {
    queue: Queue,
    scheduled: bool,
    first: Stats,
    /// What was seen last.
    pub(super) stats: Stats,
    /// What is left of it.
    pub(super) left: Left,
    /// The retry that was found last. While it is delayed nobody looks for another.
    retry: Option<Retry>,
    /// What the delayed messages were like when there was no retry among them.
    clean: Option<Delayed>,
    /// What keeps the queue from moving.
    pub(super) hindrances: Vec<String>,
    now: i64,
    glanced: u64,
}

/// What changes when a retry is added to the delayed messages: how many they are, how many retries there were, gates, and
/// the one that is due first, which alone can be claimed.
type Delayed = (u64, u64, Gates, Option<(String, i64)>);

async fn delayed(queue: &Queue, stats: &Stats) -> Result<Delayed, QueueError> {
    let retried = stats.counters.get("retried").copied().unwrap_or(0);
    Ok((stats.delayed, retried, stats.gates.clone(), queue.next_due().await?))
}

/// What is left of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// So many messages at least.
    Some(u64),
    /// Nothing but delayed messages, which are yet to be looked through.
    Delayed,
    /// Nothing that counts.
    Nothing,
}

impl Line {
    pub(super) async fn new(queue: Queue, scheduled: bool) -> Result<Self, QueueError> {
        let first = queue.stats().await?;
        Ok(Self {
            queue,
            scheduled,
            stats: first.clone(),
            first,
            left: Left::Delayed,
            retry: None,
            clean: None,
            hindrances: Vec::new(),
            now: 0,
            glanced: 0,
        })
    }

    pub(super) fn name(&self) -> &str {
        self.queue.name()
    }

    /// Counts what is left.
    pub(super) async fn count(&mut self) -> Result<(), QueueError> {
        let now = clock::boot_ms();
        if self.glanced == 0 || now >= self.glanced + GLANCE_EVERY {
            let glance = Glance::take(&self.queue).await?;
            (self.hindrances, self.stats, self.now, self.glanced) =
                (glance.hindrances(), glance.stats, glance.now, now);
        } else {
            self.stats = self.queue.stats().await?;
        }
        let Stats { processing, delayed, .. } = self.stats;
        let sure = self.stats.waiting() + processing + if self.scheduled { delayed } else { 0 };
        self.left = match sure {
            0 if delayed == 0 => Left::Nothing,
            0 => Left::Delayed,
            sure => Left::Some(sure),
        };
        if sure == 0 {
            // They spoke of what is gone by now.
            self.hindrances.clear();
        }
        Ok(())
    }

    /// Nothing speaks against it yet.
    pub(super) fn may_be_empty(&self) -> bool {
        !matches!(self.left, Left::Some(_))
    }

    /// Finds out whether there are retries among what is delayed. Of a million that are scheduled all have to be looked
    /// at, so a retry that was found is kept in mind, and the next one looked for behind it first.
    pub(super) async fn look_for_retries(&mut self) -> Result<(), QueueError> {
        if self.left != Left::Delayed {
            return Ok(());
        }
        let before = delayed(&self.queue, &self.stats).await?;
        if self.clean.as_ref() == Some(&before) {
            // Only their time may have come since.
            self.now = self.queue.clock().await?;
            self.retry = self.queue.next_retry(i64::MIN, self.now).await?;
            self.left = if self.retry.is_some() { Left::Some(1) } else { Left::Nothing };
            return Ok(());
        }
        let mut from = i64::MIN;
        if let Some(known) = &self.retry {
            if self.queue.is_delayed(&known.member).await? {
                self.left = Left::Some(1);
                return Ok(());
            }
            from = known.due;
        }
        self.retry = self.queue.next_retry(from, i64::MAX).await?;
        if self.retry.is_none() && from > i64::MIN {
            self.retry = self.queue.next_retry(i64::MIN, i64::MAX).await?;
        }
        if self.retry.is_some() {
            self.left = Left::Some(1);
            return Ok(());
        }
        // What moved meanwhile may have been missed: then the next look decides.
        let after = self.queue.stats().await?;
        self.clean = Some(delayed(&self.queue, &after).await?).filter(|after| *after == before);
        self.stats = after;
        self.left = match self.stats.waiting() + self.stats.processing {
            0 if self.clean.is_some() => Left::Nothing,
            0 => Left::Delayed,
            more => Left::Some(more),
        };
        Ok(())
    }

    /// What came and went since the start.
    pub(super) fn flow(&self) -> Flow {
        Flow::between(&self.first, &self.stats)
    }

    /// At least so many messages are left.
    pub(super) fn at_least(&self) -> u64 {
        match self.left {
            Left::Some(count) => count,
            Left::Delayed | Left::Nothing => 0,
        }
    }

    pub(super) fn left_in_words(&self) -> String {
        let Stats { processing, delayed, .. } = self.stats;
        let waiting = self.stats.waiting();
        if self.left == Left::Nothing {
            return match delayed {
                0 => "empty".to_owned(),
                delayed => format!("empty but for {delayed} scheduled"),
            };
        }
        let mut parts = Vec::new();
        for (count, what) in [(waiting, "waiting"), (processing, "being sent"), (delayed, "delayed")] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        match &self.retry {
            Some(Retry { due, .. }) if waiting + processing == 0 && !self.scheduled => {
                let when = match due - self.now {
                    ms @ 1.. => format!("due in {}", time::shown(ms.unsigned_abs())),
                    _ => "due now".to_owned(),
                };
                parts.push(format!("among them a retry that is {when}"));
            }
            _ => {}
        }
        parts.join(", ")
    }

    pub(super) fn json(&self) -> Value {
        let flow = self.flow();
        json!({
            "empty": self.left == Left::Nothing,
            "waiting": self.stats.waiting(),
            "processing": self.stats.processing,
            "delayed": self.stats.delayed,
            "next_retry_due": self.retry.as_ref().map(|retry| retry.due),
            "arrived": flow.arrived,
            "left": flow.left,
            "hindered": self.hindrances,
        })
    }
}
