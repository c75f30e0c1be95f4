//! Writes all messages of a queue down.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use fred::interfaces::{HashesInterface, ListInterface, SortedSetsInterface};
use fred::types::Key;

use super::super::{Queue, QueueError, Stats};
use super::line::{Entry, Line, PLACES, Place};

/// Bytes that one answer shall hold, about.
const STRETCH_BYTES: usize = 512 << 10;

/// Messages that one answer holds at most.
const MOST: usize = 500;

/// Members of a sorted set that one answer holds: all that workers have in hand, so that renewed leases, which change
/// their order, hide none.
const MEMBERS: i64 = 5_000;

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
    before: Still,
    /// Index into [`PLACES`], and how many messages or members of that place were read.
    at: (usize, i64),
    /// Messages of the next answer.
    next: usize,
    /// Members whose messages are still to be read.
    members: VecDeque<(Bytes, f64)>,
    ready: VecDeque<Entry>,
    written: u64,
    begun: bool,
    /// What came of it, once it is at its end.
    pub ended: Option<Exported>,
}

/// What shows that nothing was taken out of a queue, or moved within it.
struct Still {
    stats: Stats,
    /// The last claim of each worker.
    claims: BTreeMap<String, String>,
    /// Somebody turns the dead letters.
    turn: Option<String>,
}

impl Queue {
    /// Begins an export. Its lines are those of [`Export::line`].
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn export(&self) -> Result<Export<'_>, QueueError> {
        self.known_layout().await?;
        Ok(Export {
            queue: self,
            before: self.still().await?,
            at: (0, 0),
            next: 1,
            members: VecDeque::new(),
            ready: VecDeque::new(),
            written: 0,
            begun: false,
            ended: None,
        })
    }

    async fn still(&self) -> Result<Still, QueueError> {
        let stats = self.stats().await?;
        let live = self.link.client().await?;
        let claims = self.link.checked(&live, live.client.hgetall(self.keys.claims.clone()).await)?;
        let turn = live.client.hget(self.keys.control.clone(), "dead_turn").await;
        Ok(Still { stats, claims, turn: self.link.checked(&live, turn)? })
    }
}

impl Export<'_> {
    /// How many messages there were when it began.
    pub fn total(&self) -> u64 {
        let stats = &self.before.stats;
        stats.waiting() + stats.processing + stats.delayed + stats.dead_letter
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
        let exact = is_still(&self.before, &self.queue.still().await?);
        let ended = Exported { messages: self.written, exact };
        self.ended = Some(ended);
        Ok(Some(Line::End { messages: ended.messages, exact }.write()))
    }

    /// Reads the next messages of a place, or goes on to the next place.
    async fn read(&mut self) -> Result<(), QueueError> {
        let (place, keys) = (PLACES[self.at.0], &self.queue.keys);
        let entries = match place {
            Place::Processing => self.named(place, &keys.processing).await?,
            Place::Delayed => self.named(place, &keys.delayed).await?,
            Place::Claimed => self.listed(place, &keys.claimed).await?,
            Place::High => self.listed(place, &keys.high).await?,
            Place::Pending => self.listed(place, &keys.pending).await?,
            Place::Low => self.listed(place, &keys.low).await?,
            Place::DeadLetter => self.listed(place, &keys.dead_letter).await?,
        };
        let Some(entries) = entries else {
            self.at = (self.at.0 + 1, 0);
            return Ok(());
        };
        let size: usize = entries.iter().map(|entry| entry.bytes.len()).sum();
        let fit = (STRETCH_BYTES * entries.len()).checked_div(size).unwrap_or(MOST);
        // Large ones behind many small ones do not all come at once.
        self.next = fit.min(2 * entries.len()).clamp(1, MOST);
        self.ready.extend(entries);
        Ok(())
    }

    /// The next messages of a list; `None` at its end.
    async fn listed(&mut self, place: Place, key: &Key) -> Result<Option<Vec<Entry>>, QueueError> {
        let (from, count) = (self.at.1, self.next as i64);
        let live = self.queue.link.client().await?;
        let found = live.client.lrange(key.clone(), -(from + count), -(from + 1)).await;
        let found: Vec<Bytes> = self.queue.link.checked(&live, found)?;
        self.at.1 += found.len() as i64;
        let entry = |bytes| Entry { place, name: Bytes::new(), score: 0.0, bytes };
        let entries: Vec<_> = found.into_iter().rev().map(entry).collect();
        Ok((!entries.is_empty()).then_some(entries))
    }

    /// The next messages of a sorted set; `None` at its end.
    async fn named(&mut self, place: Place, key: &Key) -> Result<Option<Vec<Entry>>, QueueError> {
        let live = self.queue.link.client().await?;
        if self.members.is_empty() {
            let from = self.at.1;
            let found =
                live.client.zrange(key.clone(), from, from + MEMBERS - 1, None, false, None, true).await;
            let members: Vec<(Bytes, f64)> = self.queue.link.checked(&live, found)?;
            if members.is_empty() {
                return Ok(None);
            }
            self.at.1 += members.len() as i64;
            self.members = members.into();
        }
        let count = self.next.min(self.members.len());
        let names: Vec<Key> = self.members.iter().take(count).map(|(name, _)| name.clone().into()).collect();
        let bytes = live.client.hmget(self.queue.keys.messages.clone(), names).await;
        let bytes: Vec<Option<Bytes>> = self.queue.link.checked(&live, bytes)?;
        let entry = |((name, score), bytes): ((Bytes, f64), Option<Bytes>)| {
            // A member without bytes is an orphan, and no message.
            Some(Entry { place, name, score, bytes: bytes? })
        };
        Ok(Some(self.members.drain(..count).zip(bytes).filter_map(entry).collect()))
    }
}

/// Nothing was taken out of the queue or moved within it between two looks: more may wait or be dead by now.
fn is_still(before: &Still, after: &Still) -> bool {
    let moving = |still: &Still| {
        let mut counters = still.stats.counters.clone();
        counters.remove("enqueued");
        (still.stats.processing, still.stats.delayed, still.stats.claimed, counters, still.claims.clone())
    };
    let (then, now) = (&before.stats, &after.stats);
    let grown = [
        (then.high, now.high),
        (then.pending, now.pending),
        (then.low, now.low),
        (then.dead_letter, now.dead_letter),
    ];
    before.turn.is_none()
        && after.turn.is_none()
        && moving(before) == moving(after)
        && grown.iter().all(|(before, after)| before <= after)
}
