//! What the tasks of one worker share.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

use tokio::sync::{Notify, mpsc, watch};

use super::hand::Hand;
use super::progress::Progress;
use super::settlement::{Judge, Settlement};
use crate::config::WorkerSettings;
use crate::keys::Keys;
use crate::link::Link;
use crate::telemetry::metrics::Metrics;

/// One worker's state: its names, its connection, what it holds.
pub(crate) struct Shared {
    pub(crate) queue: String,
    pub(crate) keys: Keys,
    pub(crate) settings: WorkerSettings,
    /// `<WORKER_ID>-<start id>`
    pub(crate) worker: String,
    /// 64 random bits, new at every start.
    pub(crate) start: String,
    pub(crate) link: Link,
    pub(crate) hand: Hand,
    pub(crate) progress: Progress,
    pub(crate) metrics: Metrics,
    /// Told whenever a slot may have become free.
    pub(crate) slots: Notify,
    /// True from when shutdown waits for no send any more.
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) settle: mpsc::UnboundedSender<Settlement>,
    /// Messages about which `breaker.lua` is being asked, and rests after its answers: nothing is claimed until both are
    /// over.
    pub(crate) troubles: AtomicUsize,
    /// Messages in hand whose ids are being claimed: they are about to be sent.
    pub(crate) opening: AtomicUsize,
    /// Boot clock, ms, when the log said that the breaker is open; 0 when it is not.
    pub(crate) breaker_told: AtomicU64,
    /// What the next claim has to add to the rate limit.
    spent: AtomicI64,
    numbers: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        queue: &str,
        keys: Keys,
        settings: WorkerSettings,
        link: Link,
        metrics: Metrics,
        settle: mpsc::UnboundedSender<Settlement>,
    ) -> Self {
        let start = super::token::start_id();
        Self {
            queue: queue.to_owned(),
            keys,
            worker: format!("{}-{start}", settings.worker_id),
            start,
            settings,
            link,
            hand: Hand::default(),
            progress: Progress::new(),
            metrics,
            slots: Notify::new(),
            stopping: watch::Sender::new(false),
            settle,
            troubles: AtomicUsize::new(0),
            opening: AtomicUsize::new(0),
            breaker_told: AtomicU64::new(0),
            spent: AtomicI64::new(0),
            numbers: AtomicU64::new(1),
        }
    }

    /// The first of `count` numbers that nothing of this worker was ever named with.
    pub(crate) fn next_numbers(&self, count: u64) -> u64 {
        self.numbers.fetch_add(count, Relaxed)
    }

    /// A reference for a message made here.
    pub(crate) fn next_reference(&self) -> String {
        format!("{}.{}", self.start, self.next_numbers(1))
    }

    pub(crate) fn judge(&self) -> Judge<'_> {
        Judge { settings: &self.settings, worker: &self.worker }
    }

    /// Hands a message to the settler. It is kept until Redis has answered.
    pub(crate) fn settle(&self, settlement: Settlement) {
        // The settler outlives every sender but a runtime that is being torn down.
        let _ = self.settle.send(settlement);
    }

    /// Messages cost so much more of the rate limit than they were claimed for; negative: less.
    pub(crate) fn spend(&self, units: i64) {
        if self.settings.rate_limit.is_some() {
            self.spent.fetch_add(units, Relaxed);
        }
    }

    /// Less was spent than was claimed for since the last claim.
    pub(crate) fn gave_back(&self) -> bool {
        self.spent.load(Relaxed) < 0
    }

    /// What was spent since the last call.
    pub(crate) fn take_spent(&self) -> i64 {
        self.spent.swap(0, Relaxed)
    }
}
