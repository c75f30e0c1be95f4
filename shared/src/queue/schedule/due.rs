//! Which firings of a schedule are due.

use super::Missed;
use super::times::Times;

/// A firing up to this late is on time, ms.
const ON_TIME: i64 = 60_000;

/// One move of a schedule's last firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// To this instant, ms since 1970.
    pub(crate) at: i64,
    /// It fires at that instant; else that one is dropped too.
    pub(crate) fires: bool,
    /// The first of those that are dropped on the way.
    pub(crate) dropped: Option<i64>,
}

/// What has to be done next after `last`, if anything is due by `now`; both ms since 1970.
pub(crate) fn due(times: &Times, missed: Missed, last: i64, now: i64) -> Option<Step> {
    let first = times.next(last).filter(|first| *first <= now)?;
    let late = now - ON_TIME - 1;
    if missed == Missed::All || first > late {
        return Some(Step { at: first, fires: true, dropped: None });
    }
    let latest = times.latest(first, late);
    let fires = missed == Missed::One && times.next(latest).is_none_or(|next| next > now);
    Some(Step { at: latest, fires, dropped: Some(first).filter(|_| !fires || first < latest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    /// On a whole hour.
    const START: i64 = 1_750_000_000_000 - 1_750_000_000_000 % 3_600_000;

    /// The first `most` steps one after the other.
    fn steps(times: &Times, missed: Missed, last: i64, now: i64, most: usize) -> Vec<Step> {
        let next = |step: &Step| due(times, missed, step.at, now);
        std::iter::successors(due(times, missed, last, now), next).take(most).collect()
    }

    /// Minutes after the start: (at, fires, first one dropped).
    fn minutely(missed: Missed, last: i64, now: i64) -> Vec<(i64, bool, Option<i64>)> {
        let times = Times::new("* * * * *", "UTC", None, None).unwrap();
        let minutes = |ms: i64| (ms - START) / MINUTE;
        let steps = steps(&times, missed, START + last * MINUTE, START + now, 100);
        steps.iter().map(|step| (minutes(step.at), step.fires, step.dropped.map(minutes))).collect()
    }

    #[test]
    fn what_is_on_time_fires_whatever_the_policy() {
        for missed in [Missed::Skip, Missed::One, Missed::All] {
            assert_eq!(minutely(missed, 0, MINUTE - 1), []);
            assert_eq!(minutely(missed, 0, MINUTE), [(1, true, None)]);
            assert_eq!(minutely(missed, 0, 2 * MINUTE), [(1, true, None), (2, true, None)], "a minute late");
            assert_eq!(minutely(missed, 5, 2 * MINUTE), [], "the clock went back");
        }
    }

    #[test]
    fn skip_drops_what_is_late() {
        let now = 5 * MINUTE + 1;
        assert_eq!(minutely(Missed::Skip, 0, now), [(4, false, Some(1)), (5, true, None)]);
    }

    #[test]
    fn one_gives_way_to_what_is_on_time() {
        let now = 5 * MINUTE + 1;
        assert_eq!(minutely(Missed::One, 0, now), [(4, false, Some(1)), (5, true, None)]);
    }

    #[test]
    fn all_fires_in_order() {
        let now = 5 * MINUTE + 1;
        let all: Vec<_> = (1..=5).map(|n| (n, true, None)).collect();
        assert_eq!(minutely(Missed::All, 0, now), all);
    }

    #[test]
    fn without_one_on_time() {
        let times = Times::new("0 * * * *", "UTC", None, None).unwrap();
        let at = |hour: i64| START + hour * 60 * MINUTE;
        let now = at(5) + 2 * MINUTE;
        let step = |hour, fires, dropped: Option<i64>| Step { at: at(hour), fires, dropped: dropped.map(at) };
        assert_eq!(steps(&times, Missed::One, at(0), now, 100), [step(5, true, Some(1))]);
        assert_eq!(steps(&times, Missed::One, at(4), now, 100), [step(5, true, None)], "only one was missed");
        assert_eq!(steps(&times, Missed::Skip, at(0), now, 100), [step(5, false, Some(1))]);
        assert_eq!(steps(&times, Missed::Skip, at(4), now, 100), [step(5, false, Some(5))]);
    }

    #[test]
    fn years_away_cost_no_more_than_a_moment() {
        let times = Times::new("* * * * * *", "UTC", None, None).unwrap();
        let now = START + 10 * 365 * 1440 * MINUTE;
        let late = steps(&times, Missed::One, START, now, 100);
        assert_eq!(late.len(), 1 + 61);
        assert_eq!(
            late[0],
            Step { at: now - MINUTE - 1000, fires: false, dropped: Some(START + 1000) },
            "a second more than a minute late"
        );
        assert!((now - MINUTE..).step_by(1000).zip(&late[1..]).all(|(at, step)| step.at == at));
        let all = steps(&times, Missed::All, START, now, 100);
        assert_eq!(all.len(), 100);
        assert_eq!(all[99].at, START + 100_000);
    }
}
