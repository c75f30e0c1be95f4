//! Writes all messages of a queue down.

use std::collections::VecDeque;

use bytes::Bytes;
use fred::interfaces::{HashesInterface, ListInterface, SortedSetsInterface};
use fred::types::Key;

use super::super::{Queue, QueueError, Stats};
use super::line::{Entry, Line, PLACES, Place};

/// Bytes that one answer shall hold, about.
const STRETCH_BYTES: usize = 1 << 20;

/// Messages that one answer holds at most.
const MOST: usize = 500;

/// What an export came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Messages written.
    pub messages: u64,
    /// Nothing was taken out of the queue meanwhile. Else messages may be missing, or be there twice.
    pub exact: bool,
}

/// An export under way: a line at a time.
pub struct Export<'a> {
    queue: &'a Queue,
    before: Stats,
    /// Index into [`PLACES`], and how many messages of that place were read.
    at: (usize, u64),
    /// Messages of the next answer.
    next: usize,
    ready: VecDeque<Entry>,
    written: u64,
    begun: bool,
    /// What came of it, once it is at its end.
    pub ended: Option<Exported>,
}

impl Queue {
    /// Begins an export. Its lines are those of [`Export::line`].
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn export(&self) -> Result<Export<'_>, QueueError> {
        let before = self.stats().await?;
        let at = (0, 0);
        Ok(Export {
            queue: self,
            before,
            at,
            next: 16,
            ready: VecDeque::new(),
            written: 0,
            begun: false,
            ended: None,
        })
    }
}

impl Export<'_> {
    /// How many messages there were when it began.
    pub fn total(&self) -> u64 {
        self.before.waiting() + self.before.processing + self.before.delayed + self.before.dead_letter
    }

    /// The next line, without its end; `None` after the last one. Messages are in the order of their places and, within
    /// a place, the oldest first.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; the same line comes when it is called again.
    pub async fn line(&mut self) -> Result<Option<String>, QueueError> {
        if !self.begun {
            self.begun = true;
            return Ok(Some(Line::Head { queue: self.queue.name.clone() }.write()));
        }
        while self.ready.is_empty() && self.at.0 < PLACES.len() {
            self.read().await?;
        }
        if let Some(entry) = self.ready.pop_front() {
            self.written += 1;
            return Ok(Some(Line::Entry(entry).write()));
        }
        if self.ended.is_some() {
            return Ok(None);
        }
        let exact = is_still(&self.before, &self.queue.stats().await?);
        let ended = Exported { messages: self.written, exact };
        self.ended = Some(ended);
        Ok(Some(Line::End { messages: ended.messages, exact }.write()))
    }

    /// Reads the next messages of a place, or goes on to the next place.
    async fn read(&mut self) -> Result<(), QueueError> {
        let (index, from) = self.at;
        let (place, keys) = (PLACES[index], &self.queue.keys);
        let (from, count) = (from as i64, self.next as i64);
        let entries = match place {
            Place::Processing => self.named(place, &keys.processing, from, count).await?,
            Place::Delayed => self.named(place, &keys.delayed, from, count).await?,
            Place::Claimed => self.listed(place, &keys.claimed, from, count).await?,
            Place::High => self.listed(place, &keys.high, from, count).await?,
            Place::Pending => self.listed(place, &keys.pending, from, count).await?,
            Place::Low => self.listed(place, &keys.low, from, count).await?,
            Place::DeadLetter => self.listed(place, &keys.dead_letter, from, count).await?,
        };
        let Some((read, entries)) = entries else {
            self.at = (index + 1, 0);
            return Ok(());
        };
        self.at.1 += read;
        let size: usize = entries.iter().map(|entry| entry.bytes.len()).sum();
        self.next = (STRETCH_BYTES * entries.len()).checked_div(size).map_or(16, |n| n.clamp(1, MOST));
        self.ready.extend(entries);
        Ok(())
    }

    async fn listed(
        &self,
        place: Place,
        key: &Key,
        from: i64,
        count: i64,
    ) -> Result<Option<(u64, Vec<Entry>)>, QueueError> {
        let live = self.queue.link.client().await?;
        let found = live.client.lrange(key.clone(), -(from + count), -(from + 1)).await;
        let found: Vec<Bytes> = self.queue.link.checked(&live, found)?;
        let entry = |bytes| Entry { place, name: String::new(), score: 0.0, bytes };
        let entries: Vec<_> = found.into_iter().rev().map(entry).collect();
        Ok((!entries.is_empty()).then_some((entries.len() as u64, entries)))
    }

    async fn named(
        &self,
        place: Place,
        key: &Key,
        from: i64,
        count: i64,
    ) -> Result<Option<(u64, Vec<Entry>)>, QueueError> {
        let live = self.queue.link.client().await?;
        let found = live.client.zrange(key.clone(), from, from + count - 1, None, false, None, true).await;
        let members: Vec<(String, f64)> = self.queue.link.checked(&live, found)?;
        if members.is_empty() {
            return Ok(None);
        }
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        let bytes = live.client.hmget(self.queue.keys.messages.clone(), names).await;
        let bytes: Vec<Option<Bytes>> = self.queue.link.checked(&live, bytes)?;
        let read = members.len() as u64;
        let entry = |((name, score), bytes): ((String, f64), Option<Bytes>)| {
            // A member without bytes is an orphan, and no message.
            Some(Entry { place, name, score, bytes: bytes? })
        };
        Ok(Some((read, members.into_iter().zip(bytes).filter_map(entry).collect())))
    }
}

/// Nothing was taken out of the queue or moved within it between two counts: more may wait or be dead by now.
fn is_still(before: &Stats, after: &Stats) -> bool {
    let moving = |stats: &Stats| {
        let mut counters = stats.counters.clone();
        counters.remove("enqueued");
        (stats.processing, stats.delayed, stats.claimed, counters)
    };
    let grown = [
        (before.high, after.high),
        (before.pending, after.pending),
        (before.low, after.low),
        (before.dead_letter, after.dead_letter),
    ];
    moving(before) == moving(after) && grown.iter().all(|(before, after)| before <= after)
}
