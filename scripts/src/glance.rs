//! A queue at one instant: what it holds, who serves it, and what keeps it from moving.

use redispatch::clock;
use redispatch::queue::{Beat, Gates, Intake, Queue, QueueError, Stats};

use crate::time;

/// A queue at one instant.
pub(crate) struct Glance {
    pub(crate) queue: String,
    pub(crate) stats: Stats,
    pub(crate) workers: Vec<Beat>,
    /// Ms since 1970 by Redis's clock.
    pub(crate) now: i64,
}

/// What came into a queue and went out of it between two glances.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// However it came: through the library, by raw pushes, out of the dead letters.
    pub(crate) arrived: u64,
    /// Sent, given up, cancelled, or dropped as a duplicate.
    pub(crate) left: u64,
}

impl Glance {
    pub(crate) async fn take(queue: &Queue) -> Result<Self, QueueError> {
        let (stats, workers, now) = tokio::try_join!(queue.stats(), queue.workers(), queue.clock())?;
        Ok(Self { queue: queue.name().to_owned(), stats, workers, now })
    }

    /// Workers that live.
    pub(crate) fn alive(&self) -> usize {
        self.workers.iter().filter(|beat| !beat.is_late()).count()
    }

    /// What keeps the queue from moving, one sentence each.
    pub(crate) fn hindrances(&self) -> Vec<String> {
        let mut found = gates(&self.stats.gates, self.now);
        let (waiting, processing) = (self.stats.waiting(), self.stats.processing);
        if self.alive() == 0 && waiting + processing > 0 {
            let what =
                if waiting > 0 { format!("{waiting} waiting") } else { format!("{processing} in hand") };
            let last = self.workers.iter().map(|beat| beat.age_ms).min();
            let last = last.map_or(String::new(), |ms| {
                format!(" (the last one was seen {} ago)", time::shown(ms.unsigned_abs()))
            });
            found.push(format!("no worker lives{last}, {what}"));
        }
        found
    }

    /// That nobody may enqueue, and why. Workers go on, so it hinders nothing that is in the queue.
    pub(crate) fn paused_intake(&self) -> Option<String> {
        let Intake { since, note } = self.stats.gates.intake.as_ref()?;
        let lasts = Some(since).filter(|since| **since > 0).map_or(String::new(), |since| {
            format!(" for {}", time::shown((self.now - since).max(0).unsigned_abs()))
        });
        let colon = if note.is_empty() { "" } else { ": " };
        Some(format!("intake paused{lasts}, until `queuectl resume --intake`{colon}{note}"))
    }
}

fn gates(gates: &Gates, now: i64) -> Vec<String> {
    let shut = |until: Option<i64>| until.filter(|until| *until < 0 || *until > now);
    let ahead = |until: i64| time::shown((until - now).unsigned_abs());
    let mut found = Vec::new();
    if let Some(until) = shut(gates.paused_until) {
        let until = match until {
            ..0 => "`queuectl resume`".to_owned(),
            _ => format!("{} (for another {})", clock::rfc3339(until.unsigned_abs()), ahead(until)),
        };
        let note = if gates.paused_note.is_empty() { "" } else { ": " };
        found.push(format!("paused until {until}{note}{}", gates.paused_note));
    }
    if let Some(until) = shut(gates.throttled_until) {
        let until = if until < 0 { String::new() } else { format!(" for another {}", ahead(until)) };
        found.push(format!("throttled: the provider asks everybody to wait{until}"));
    }
    if let Some(breaker) = &gates.breaker {
        let since = breaker.since.filter(|since| *since > 0);
        let since = since.map_or(String::new(), |since| {
            format!(" for {}", time::shown((now - since).max(0).unsigned_abs()))
        });
        let next = match breaker.until {
            until if until > now => format!("one message tries again in {}", ahead(until)),
            _ => "the next message tries again".to_owned(),
        };
        found.push(format!("breaker open{since}, {next}: {}", breaker.why));
    }
    found
}

impl Flow {
    /// Counters that were set back, and what an operator's hand removed, count as nothing.
    pub(crate) fn between(before: &Stats, after: &Stats) -> Self {
        let counted = |name: &str| {
            let count = |stats: &Stats| stats.counters.get(name).copied().unwrap_or(0);
            count(after).saturating_sub(count(before))
        };
        let left: u64 = ["sent", "dead_lettered", "cancelled", "duplicates"].map(counted).iter().sum();
        Self { arrived: (held(after) + left).saturating_sub(held(before)), left }
    }
}

/// All that is still to be sent, now or later.
fn held(stats: &Stats) -> u64 {
    stats.waiting() + stats.processing + stats.delayed
}

#[cfg(test)]
mod tests {
    use redispatch::queue::Breaker;

    use super::*;

    #[test]
    fn a_gate_counts_until_it_ends() {
        let now = 1_000_000;
        let breaker = |until| Some(Breaker { since: Some(now - 7_000), until, why: "535 no".into() });
        let some = |paused_until, throttled_until, breaker| Gates {
            paused_until,
            throttled_until,
            breaker,
            paused_note: "key".into(),
            intake: None,
        };
        for (shut, expected) in [
            (some(None, None, None), vec![]),
            (some(Some(now), Some(now - 1), None), vec![]),
            (some(Some(-1), None, None), vec!["paused until `queuectl resume`: key"]),
            (
                some(Some(now + 90_000), None, None),
                vec!["paused until 1970-01-01T00:18:10.000Z (for another 90 s): key"],
            ),
            (
                some(None, Some(now + 1_500), None),
                vec!["throttled: the provider asks everybody to wait for another 1.5 s"],
            ),
            (
                some(None, None, breaker(now + 20_000)),
                vec!["breaker open for 7.0 s, one message tries again in 20 s: 535 no"],
            ),
            (
                some(None, None, breaker(now)),
                vec!["breaker open for 7.0 s, the next message tries again: 535 no"],
            ),
        ] {
            assert_eq!(gates(&shut, now), expected, "{shut:?}");
        }
    }

    #[test]
    fn a_paused_intake_says_why_and_hinders_nothing() {
        let glance = |intake| Glance {
            queue: "email".into(),
            stats: Stats { gates: Gates { intake, ..Gates::default() }, ..Stats::default() },
            workers: Vec::new(),
            now: 90_000,
        };
        let paused = glance(Some(Intake { since: 30_000, note: "moving".into() }));
        let told = "intake paused for 60 s, until `queuectl resume --intake`: moving";
        assert_eq!((paused.paused_intake().as_deref(), paused.hindrances()), (Some(told), vec![]));
        let by_hand = glance(Some(Intake::default()));
        assert_eq!(by_hand.paused_intake().unwrap(), "intake paused, until `queuectl resume --intake`");
        assert_eq!(glance(None).paused_intake(), None);
    }

    #[test]
    fn flow_counts_what_was_pushed_past_the_counters() {
        let stats = |pending, processing, sent| Stats {
            pending,
            processing,
            counters: [("sent".to_owned(), sent)].into(),
            ..Stats::default()
        };
        assert_eq!(Flow::between(&stats(10, 2, 5), &stats(9, 3, 25)), Flow { arrived: 20, left: 20 });
        assert_eq!(Flow::between(&stats(10, 0, 5), &stats(0, 0, 0)), Flow { arrived: 0, left: 0 });
        let cancelled = Stats { counters: [("cancelled".to_owned(), 3)].into(), ..stats(7, 0, 0) };
        assert_eq!(Flow::between(&stats(10, 0, 0), &cancelled), Flow { arrived: 0, left: 3 });
    }
}
