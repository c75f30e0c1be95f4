//! What a worker holds: every message from its claim until its settle was answered.

use std::collections::HashMap;
use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::token::Token;
use crate::clock;
use crate::message::{Excuse, Head};

/// Ten years: a longer limit is none, and no clock overflows.
const LONGEST_LIMIT: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Longer than any reference there is, in bytes: nobody can smuggle a text of any length in as one.
const LONGEST_REFERENCE: usize = 64;

/// Nothing was said to the provider that counts.
const OPEN: u8 = 0;
/// The provider may have been told to accept.
const COMMITTED: u8 = 1;
/// The provider will not be told to accept.
const STOPPED: u8 = 2;

/// One message in hand.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) token: Token,
    pub(crate) bytes: Bytes,
    pub(crate) head: Head,
    /// Boot clock, ms, at which it was claimed.
    pub(crate) since: u64,
    /// Boot clock, ms, at which the last renewal that succeeded was sent.
    renewed: AtomicU64,
    /// One of the three below. It leaves `OPEN` once, so that a send is either stopped or in doubt, never both.
    send: AtomicU8,
    /// The lease was found to be gone.
    lost: AtomicBool,
    /// Whether its lease carries the mark that it must not be sent again.
    marked: AtomicBool,
    /// Whether its status tells more than that it is being sent.
    noted: AtomicBool,
    /// What it costs of the rate limit.
    units: AtomicU32,
    /// When the handler's time ends, once it has one.
    deadline: Mutex<Option<Instant>>,
}

impl Held {
    pub(crate) fn new(token: Token, bytes: Bytes, head: Head, sent: u64) -> Self {
        Self {
            token,
            bytes,
            head,
            since: clock::boot_ms(),
            renewed: AtomicU64::new(sent),
            send: AtomicU8::new(OPEN),
            lost: AtomicBool::new(false),
            marked: AtomicBool::new(false),
            noted: AtomicBool::new(false),
            units: AtomicU32::new(1),
            deadline: Mutex::default(),
        }
    }

    /// What the message has been called since its first claim: a dead letter requeued by hand and the rest of a
    /// split message have a token of a new name and remember the old one.
    pub(crate) fn reference(&self) -> &str {
        let known = self.head.record.as_ref().and_then(|record| record.reference.as_deref());
        known.filter(|name| name.len() <= LONGEST_REFERENCE).unwrap_or(self.token.reference())
    }

    /// When the handler's time ends; now, where it has not begun.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).unwrap_or_else(Instant::now)
    }

    /// The handler has `limit` from now on.
    pub(crate) fn start_limit(&self, limit: Duration) {
        let deadline = Instant::now() + limit.min(LONGEST_LIMIT);
        *self.deadline.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(deadline);
    }

    /// Attempts so far, this one too where its handler was started.
    pub(crate) fn attempts(&self) -> u32 {
        let begun = self.deadline.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_some();
        self.head.retries + u32::from(begun)
    }

    /// Its status tells of nothing but this attempt, the first one: not of what a dead worker noted, either.
    pub(crate) fn is_bare(&self) -> bool {
        self.head.record.is_none()
            && self.token.crashes == 0
            && self.attempts() == 1
            && !self.noted.load(Relaxed)
    }

    /// Something else is written to its status.
    pub(crate) fn note(&self) {
        self.noted.store(true, Relaxed);
    }

    /// What tells this copy of its id from others.
    pub(crate) fn stamp(&self) -> &str {
        self.head.record.as_ref().and_then(|record| record.stamp.as_deref()).unwrap_or_default()
    }

    pub(crate) fn renewed(&self) -> u64 {
        self.renewed.load(Relaxed)
    }

    pub(crate) fn renew(&self, sent: u64) {
        self.renewed.fetch_max(sent, Relaxed);
    }

    pub(crate) fn lose(&self) {
        self.lost.store(true, Relaxed);
    }

    /// From here on every renewal marks the lease.
    pub(crate) fn mark(&self) {
        self.marked.store(true, Relaxed);
    }

    pub(crate) fn is_marked(&self) -> bool {
        self.marked.load(Relaxed)
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Relaxed)
    }

    /// The provider is about to be told to accept. False when the send was stopped before.
    pub(crate) fn commit(&self) -> bool {
        self.leave_open(COMMITTED)
    }

    /// Nothing more is to be sent. False when the provider may have been told to accept before.
    pub(crate) fn stop(&self) -> bool {
        self.leave_open(STOPPED)
    }

    /// Whether the send is in state `to` after trying to get it there.
    fn leave_open(&self, to: u8) -> bool {
        match self.send.compare_exchange(OPEN, to, AcqRel, Acquire) {
            Ok(_) => true,
            Err(now) => now == to,
        }
    }

    /// How often it has stopped everybody; a message requeued by hand starts over.
    pub(crate) fn excuse(&self) -> Option<Excuse> {
        let record = self.head.record.as_deref()?;
        record.excused.filter(|_| record.dead_at.is_none())
    }

    /// What it costs of the rate limit; gives what it cost before.
    pub(crate) fn charge(&self, units: u32) -> u32 {
        self.units.swap(units, Relaxed)
    }

    /// What it costs of the rate limit.
    pub(crate) fn units(&self) -> u32 {
        self.units.load(Relaxed)
    }

    /// Everything known of crashes: those in the token and those in the message.
    pub(crate) fn crashes(&self) -> u32 {
        self.token.crashes.saturating_add(self.head.crashes())
    }
}

/// All messages in hand.
#[derive(Default)]
pub(crate) struct Hand {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    held: HashMap<u64, Entry>,
    sending: usize,
    /// When the last running handler ended.
    rested: Option<Instant>,
}

impl Inner {
    fn ended(&mut self, handlers: usize) {
        self.sending -= handlers;
        if handlers > 0 && self.sending == 0 {
            self.rested = Some(Instant::now());
        }
    }
}

struct Entry {
    held: Arc<Held>,
    /// Set while the handler runs.
    sending: bool,
    abort: Option<AbortHandle>,
}

impl Hand {
    /// Takes a message in hand. Its lease is kept from here on.
    pub(crate) fn take(&self, held: Arc<Held>) {
        let entry = Entry { held: held.clone(), sending: false, abort: None };
        self.lock().held.insert(held.token.number, entry);
    }

    /// A handler is about to run.
    pub(crate) fn start(&self, number: u64) {
        let mut inner = self.lock();
        if let Some(entry) = inner.held.get_mut(&number) {
            entry.sending = true;
            inner.sending += 1;
        }
    }

    /// The running handler can be stopped by `abort`.
    pub(crate) fn abort_with(&self, number: u64, abort: AbortHandle) {
        if let Some(entry) = self.lock().held.get_mut(&number).filter(|entry| entry.sending) {
            entry.abort = Some(abort);
        }
    }

    /// A handler has ended. False when shutdown has already answered for the message.
    pub(crate) fn finish(&self, number: u64) -> bool {
        let mut inner = self.lock();
        let ended = inner.held.get_mut(&number).is_some_and(|entry| std::mem::take(&mut entry.sending));
        inner.ended(usize::from(ended));
        ended
    }

    /// Stops every running handler and gives what they were sending.
    pub(crate) fn stop_all(&self) -> Vec<Arc<Held>> {
        let mut inner = self.lock();
        let sending = inner.sending;
        inner.ended(sending);
        let running = inner.held.values_mut().filter(|entry| entry.sending);
        running
            .map(|entry| {
                entry.sending = false;
                if let Some(abort) = entry.abort.take() {
                    abort.abort();
                }
                entry.held.clone()
            })
            .collect()
    }

    /// A settle was answered: the message is no longer ours.
    pub(crate) fn release(&self, numbers: impl IntoIterator<Item = u64>) {
        let mut inner = self.lock();
        for number in numbers {
            let ended = inner.held.remove(&number).is_some_and(|entry| entry.sending);
            inner.ended(usize::from(ended));
        }
    }

    /// How many handlers run.
    pub(crate) fn sending(&self) -> usize {
        self.lock().sending
    }

    /// How many messages are in hand.
    pub(crate) fn len(&self) -> usize {
        self.lock().held.len()
    }

    /// Every message in hand.
    pub(crate) fn all(&self) -> Vec<Arc<Held>> {
        self.lock().held.values().map(|entry| entry.held.clone()).collect()
    }

    /// Boot clock, ms, since when the oldest running handler's message is held.
    pub(crate) fn oldest_sending(&self) -> Option<u64> {
        self.lock().held.values().filter(|entry| entry.sending).map(|entry| entry.held.since).min()
    }

    /// When the last handler that ran ended; `None` where none has run.
    pub(crate) fn rested(&self) -> Option<Instant> {
        self.lock().rested
    }

    /// How far the running handler that is most overdue is past its time limit; `None` where none runs.
    pub(crate) fn most_overdue(&self) -> Option<Duration> {
        let now = Instant::now();
        let inner = self.lock();
        let sending = inner.held.values().filter(|entry| entry.sending);
        sending.map(|entry| now.saturating_duration_since(entry.held.deadline())).max()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// A handler on another thread says yes while shutdown says no: one of them was first, for both.
    #[test]
    fn a_send_is_confirmed_or_stopped_and_never_both() {
        for _ in 0..2000 {
            let token = Token::parse("a.1:n:0:b.1").unwrap();
            let held = Held::new(token, Bytes::new(), Head::default(), 0);
            let both = Barrier::new(2);
            let (confirmed, stopped) = thread::scope(|scope| {
                let confirming = scope.spawn(|| {
                    both.wait();
                    held.commit()
                });
                both.wait();
                let stopped = held.stop();
                (confirming.join().unwrap(), stopped)
            });
            assert_ne!(confirmed, stopped);
            assert_eq!((held.commit(), held.stop()), (confirmed, stopped), "and it stays so");
        }
    }
}
