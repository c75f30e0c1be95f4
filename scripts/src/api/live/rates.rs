//! What came and went between two looks.

use std::collections::VecDeque;

use redispatch::queue::Stats;

use crate::glance::Flow;

/// Over this time what comes and goes is counted, ms.
const FLOW: u64 = 10_000;

/// Over this time attempts are counted, ms.
const ATTEMPTS: u64 = 60_000;

/// The looks of the last minute, by the boot clock (ms), the oldest first.
#[derive(Default)]
pub(super) struct Looks(VecDeque<(u64, Stats)>);

/// What a queue does.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Rates {
    pub(super) in_per_second: Option<f64>,
    pub(super) out_per_second: Option<f64>,
    /// Attempts that failed.
    pub(super) failed_per_second: Option<f64>,
    /// 0 to 1, of all attempts.
    pub(super) failure_rate: Option<f64>,
}

impl Looks {
    /// Remembers a look, and gives the rates up to it.
    pub(super) fn add(&mut self, at: u64, stats: Stats) -> Rates {
        // One that is older than the time counted over stays, to count from.
        while self.0.get(1).is_some_and(|(next, _)| next + ATTEMPTS <= at) {
            self.0.pop_front();
        }
        let rates = self.rates(at, &stats);
        self.0.push_back((at, stats));
        rates
    }

    fn rates(&self, at: u64, stats: &Stats) -> Rates {
        let (Some((first, oldest)), Some((since, before))) = (self.0.front(), self.before(at, FLOW)) else {
            return Rates::default();
        };
        if *first >= at || *since >= at {
            return Rates::default();
        }
        let seconds = (at - since) as f64 / 1000.0;
        let flow = Flow::between(before, stats);
        let (failed, tried) = attempts(oldest, stats);
        Rates {
            in_per_second: Some(flow.arrived as f64 / seconds),
            out_per_second: Some(flow.left as f64 / seconds),
            failed_per_second: Some(attempts(before, stats).0 as f64 / seconds),
            failure_rate: (tried > 0).then(|| failed as f64 / tried as f64),
        }
    }

    /// The youngest look that is at least so old, or the oldest one.
    fn before(&self, at: u64, age: u64) -> Option<&(u64, Stats)> {
        self.0.iter().rev().find(|(then, _)| then + age <= at).or(self.0.front())
    }
}

/// Attempts that failed, and all.
fn attempts(before: &Stats, after: &Stats) -> (u64, u64) {
    let counted = |name: &str| {
        let count = |stats: &Stats| stats.counters.get(name).copied().unwrap_or(0);
        count(after).saturating_sub(count(before))
    };
    let failed = counted("retried") + counted("dead_lettered");
    (failed, failed + counted("sent"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(pending: u64, counters: &[(&str, u64)]) -> Stats {
        let counters = counters.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Stats { pending, counters, ..Stats::default() }
    }

    #[test]
    fn nothing_is_known_before_the_second_look() {
        let mut looks = Looks::default();
        assert_eq!(looks.add(5_000, stats(7, &[("sent", 5)])), Rates::default());
        assert_eq!(looks.add(5_000, stats(7, &[("sent", 5)])), Rates::default(), "no time has passed");
        let rates = looks.add(6_000, stats(7, &[("sent", 7)]));
        assert_eq!((rates.in_per_second, rates.out_per_second), (Some(2.0), Some(2.0)));
        assert_eq!((rates.failed_per_second, rates.failure_rate), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn flow_is_of_the_last_ten_seconds_and_failures_of_the_last_minute() {
        let mut looks = Looks::default();
        looks.add(0, stats(0, &[]));
        looks.add(50_000, stats(0, &[("sent", 60), ("retried", 20)]));
        looks.add(55_000, stats(10, &[("sent", 60), ("retried", 20)]));
        let rates = looks.add(60_000, stats(20, &[("sent", 70), ("retried", 30), ("dead_lettered", 10)]));
        assert_eq!((rates.in_per_second, rates.out_per_second), (Some(4.0), Some(2.0)));
        assert_eq!((rates.failed_per_second, rates.failure_rate), (Some(2.0), Some(40.0 / 110.0)));
    }

    #[test]
    fn what_is_old_is_forgotten_but_for_one_to_count_from() {
        let mut looks = Looks::default();
        for second in 0..200 {
            looks.add(second * 1000, stats(0, &[]));
        }
        assert_eq!(looks.0.len(), 61);
        let rates = looks.add(10_000_000, stats(0, &[("sent", 10)]));
        assert_eq!((looks.0.len(), rates.failure_rate), (2, Some(0.0)));
    }

    #[test]
    fn no_attempts_have_no_rate_of_failure() {
        let mut looks = Looks::default();
        looks.add(0, stats(0, &[("sent", 5)]));
        assert_eq!(looks.add(1_000, stats(0, &[("sent", 5)])).failure_rate, None);
        assert_eq!(looks.add(2_000, stats(0, &[])).failure_rate, None, "counters that were set back");
    }
}
