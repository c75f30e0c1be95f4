//! The numbers of a queue, all of one instant.

use std::collections::BTreeMap;

use fred::types::Value;

use super::intake::Intake;
use super::{Queue, QueueError};
use crate::script::{self, STATS};

/// What a queue holds, and what it has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages being sent.
    pub processing: u64,
    /// Messages waiting for a retry or for their time.
    pub delayed: u64,
    /// Messages given up.
    pub dead_letter: u64,
    /// Messages that a wake-up has brought and no claim has taken yet.
    pub claimed: u64,
    /// Messages waiting in `pending:high`.
    pub high: u64,
    /// Messages waiting in `pending`.
    pub pending: u64,
    /// Messages waiting in `pending:low`.
    pub low: u64,
    /// Totals: `sent`, `retried`, `dead_lettered`, `taken_over`, `duplicates`, `stale_settles`, `expired`, …
    pub counters: BTreeMap<String, u64>,
    /// What keeps workers from claiming, if anything does.
    pub gates: Gates,
    /// The layout of its keys, where a worker has written it down: see [`LAYOUT`](crate::keys::LAYOUT).
    pub layout: Option<String>,
    /// An import that has not ended yet, if there is one.
    pub import: Option<String>,
}

/// Why nothing is claimed, and until when: ms since 1970, -1 until somebody resumes. A time that is over counts no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gates {
    /// An operator paused the queue.
    pub paused_until: Option<i64>,
    /// What the operator said about the pause.
    pub paused_note: String,
    /// Somebody paused the intake: nobody enqueues through library, queuectl or HTTP. Workers claim all the same.
    pub intake: Option<Intake>,
    /// The provider asked everybody to wait.
    pub throttled_until: Option<i64>,
    /// The provider fails for everybody.
    pub breaker: Option<Breaker>,
}

/// An open breaker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    /// Since when it is open, ms since 1970.
    pub since: Option<i64>,
    /// When one message tries the provider again, ms since 1970; a time that is over means: it is trying.
    pub until: i64,
    /// What the provider said, recipients masked.
    pub why: String,
}

impl Gates {
    fn read(control: &BTreeMap<String, String>) -> Self {
        let number = |name| control.get(name).map(|text: &String| text.parse().unwrap_or(-1));
        let open = control.get("breaker").is_some_and(|state| state == "open");
        let why = || control.get("breaker_why").cloned().unwrap_or_default();
        Self {
            paused_until: number("paused_until"),
            paused_note: control.get("paused_note").cloned().unwrap_or_default(),
            intake: Intake::read(control),
            throttled_until: number("throttled_until"),
            breaker: open.then(|| Breaker {
                since: number("breaker_since"),
                until: number("breaker_until").unwrap_or(0),
                why: why(),
            }),
        }
    }
}

impl Stats {
    /// All that waits to be sent: every lane and `claimed`.
    pub fn waiting(&self) -> u64 {
        self.claimed + self.high + self.pending + self.low
    }
}

impl Queue {
    /// Counts the queue.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn stats(&self) -> Result<Stats, QueueError> {
        let keys = &self.keys;
        let call = vec![
            keys.processing.clone(),
            keys.delayed.clone(),
            keys.dead_letter.clone(),
            keys.claimed.clone(),
            keys.high.clone(),
            keys.pending.clone(),
            keys.low.clone(),
            keys.counters.clone(),
            keys.control.clone(),
        ];
        let answer = script::run(&self.link, &STATS, call, Vec::new()).await?;
        let mut values = if let Value::Array(values) = answer { values } else { Vec::new() }.into_iter();
        let mut count = || values.next().and_then(|value| value.as_u64()).unwrap_or(0);
        let (processing, delayed, dead_letter) = (count(), count(), count());
        let (claimed, high, pending, low) = (count(), count(), count(), count());
        let mut fields = || {
            let flat = values.next().map(script::into_texts).unwrap_or_default();
            flat.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect::<BTreeMap<_, _>>()
        };
        let counters = fields().into_iter().map(|(name, count)| (name, count.parse().unwrap_or(0))).collect();
        let mut control = fields();
        Ok(Stats {
            processing,
            delayed,
            dead_letter,
            claimed,
            high,
            pending,
            low,
            counters,
            gates: Gates::read(&control),
            layout: control.remove("layout"),
            import: control.remove("import"),
        })
    }
}
