//! What the tasks of one worker share.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use super::hand::Hand;
use super::progress::Progress;
use super::settlement::{Judge, Settlement};
use crate::clock;
use crate::config::WorkerSettings;
use crate::keys::Keys;
use crate::link::Link;

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
    /// Told whenever a slot may have become free.
    pub(crate) slots: Notify,
    /// True from when shutdown waits for no send any more.
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) settle: mpsc::UnboundedSender<Settlement>,
    pub(crate) pause: Mutex<Pause>,
    numbers: AtomicU64,
}

/// The pause after the provider refused something out of the settings.
#[derive(Debug, Default)]
pub(crate) struct Pause {
    last: Duration,
    /// Boot clock, ms.
    until: u64,
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Shared {
    pub(crate) fn new(
        queue: &str,
        keys: Keys,
        settings: WorkerSettings,
        link: Link,
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
            progress: Progress::default(),
            slots: Notify::new(),
            stopping: watch::Sender::new(false),
            settle,
            pause: Mutex::default(),
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

    /// The settings were refused: claims nothing for a pause that doubles from 1 s to 60 s. Gives the pause where
    /// this call began one; sends that were under way together count once.
    pub(crate) fn pause_claims(&self) -> Option<Duration> {
        let mut pause = self.pause.lock().unwrap_or_else(|e| e.into_inner());
        let now = clock::boot_ms();
        if now < pause.until {
            return None;
        }
        pause.last = (pause.last * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        pause.until = now + pause.last.as_millis() as u64;
        Some(pause.last)
    }

    /// The settings were accepted: the next refusal pauses for a second again.
    pub(crate) fn accept_settings(&self) {
        let mut pause = self.pause.lock().unwrap_or_else(|e| e.into_inner());
        *pause = Pause::default();
    }

    /// How much of a pause is left.
    pub(crate) fn paused_for(&self) -> Option<Duration> {
        let until = self.pause.lock().unwrap_or_else(|e| e.into_inner()).until;
        until.checked_sub(clock::boot_ms()).filter(|left| *left > 0).map(Duration::from_millis)
    }
}
