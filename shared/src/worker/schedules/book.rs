//! What a worker knows of the schedules of its queue, and of Redis's clock.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use fred::error::Error;
use tokio::time::Instant;
use tracing::error;

use crate::clock;
use crate::queue::schedule::due::{Step, due};
use crate::queue::schedule::list::{self, Stored};
use crate::queue::schedule::times::Times;
use crate::queue::{self, Schedule};
use crate::telemetry::event;
use crate::worker::shared::Shared;

/// The schedules as they were read last.
pub(super) struct Book {
    every: Duration,
    entries: BTreeMap<String, Entry>,
    read: Option<Instant>,
    /// Nothing is due until the next reading: the intake is paused.
    resting: bool,
    /// Redis's clock minus this host's boot clock, ms.
    offset: i64,
}

/// A schedule.
pub(super) struct Entry {
    /// Its definition, as it stands in Redis.
    pub(super) text: Bytes,
    /// Its last firing, as it stands in Redis: ms since 1970, empty where there is none.
    pub(super) last: String,
    /// What it is and when it fires; none where it cannot be used.
    pub(super) parsed: Option<(Schedule, Times)>,
    /// The next firing after the last one, ms since 1970.
    next: Option<i64>,
}

impl Book {
    /// One that is read so often while there are schedules, and half as often while there are none.
    pub(super) fn new(every: Duration) -> Self {
        Self { every, entries: BTreeMap::new(), read: None, resting: false, offset: 0 }
    }

    /// Reads all schedules.
    pub(super) async fn read(&mut self, shared: &Shared) -> Result<(), Error> {
        let live = shared.link.client().await?;
        let stored = list::read(&shared.link, &live, &shared.keys).await?;
        if !stored.is_empty() {
            let now = queue::now(&shared.link, &live).await?;
            self.set_clock(now);
        }
        let mut known = std::mem::take(&mut self.entries);
        let entries = stored.into_iter().map(|(name, stored)| {
            let old = known.remove(&name).filter(|old| old.text == stored.text);
            let entry = Entry::new(shared, &name, stored, old);
            (name, entry)
        });
        self.entries = entries.collect();
        (self.read, self.resting) = (Some(Instant::now()), false);
        Ok(())
    }

    /// How long it is until they are to be read again.
    pub(super) fn read_in(&self) -> Duration {
        let every = if self.entries.is_empty() { 2 * self.every } else { self.every };
        self.read.map_or(Duration::ZERO, |read| every.saturating_sub(read.elapsed()))
    }

    /// Somebody has changed them: they are read before anything else.
    pub(super) fn forget(&mut self) {
        self.read = None;
    }

    /// Nothing is due until they are read again.
    pub(super) fn rest(&mut self) {
        self.resting = true;
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    /// What is to be done with a schedule now.
    pub(super) fn due(&self, name: &str) -> Option<(&Entry, Step)> {
        let entry = self.entries.get(name).filter(|_| !self.resting)?;
        let (schedule, times) = entry.parsed.as_ref()?;
        let now = self.now();
        let step = match entry.last.parse() {
            Ok(_) if entry.next.is_none_or(|next| next > now) => return None,
            Ok(last) => due(times, schedule.missed, last, now)?,
            // Somebody wrote the definition by hand: it fires from now on.
            Err(_) => Step { at: now, fires: false, dropped: None },
        };
        Some((entry, step))
    }

    /// Its last firing is another one by now.
    pub(super) fn set_last(&mut self, name: &str, last: String) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.last = last;
            entry.look_ahead();
        }
    }

    /// How long it is until one of them fires.
    pub(super) fn until_next(&self) -> Option<Duration> {
        let next = self.entries.values().filter_map(|entry| entry.next).min().filter(|_| !self.resting)?;
        Some(Duration::from_millis(u64::try_from(next - self.now()).unwrap_or(0)))
    }

    /// Redis's clock shows `now`, or did a moment ago: a firing is sooner late than early.
    pub(super) fn set_clock(&mut self, now: i64) {
        self.offset = now - clock::boot_ms() as i64;
    }

    fn now(&self) -> i64 {
        clock::boot_ms() as i64 + self.offset
    }
}

impl Entry {
    /// `old` is what was known of the same definition.
    fn new(shared: &Shared, name: &str, stored: Stored, old: Option<Self>) -> Self {
        let Stored { text, last } = stored;
        if let Some(old) = old {
            let mut entry = Self { last, ..old };
            entry.look_ahead();
            return entry;
        }
        let max_bytes = shared.settings.max_message_bytes;
        let parsed = Schedule::from_text(name, &text)
            .and_then(|schedule| schedule.usable(max_bytes).map(|times| (schedule, times)));
        if let Err(reason) = &parsed {
            error!(event = event::SCHEDULE_UNUSABLE, queue = %shared.queue, schedule = name, error = reason,
                "schedule {name} cannot be used and rests: {reason}");
        }
        let mut entry = Self { text, last, parsed: parsed.ok(), next: None };
        entry.look_ahead();
        entry
    }

    fn look_ahead(&mut self) {
        let last = self.last.parse().ok();
        self.next = self.parsed.as_ref().zip(last).and_then(|((_, times), last)| times.next(last));
    }
}
