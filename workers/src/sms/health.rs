//! Whether a provider is worth asking: one that failed is left alone for a pause that grows, and then asked by one
//! message at a time until it works again.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
/// Longest wait that a provider is granted, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// What this process knows about one provider. Times are of `redispatch::clock::boot_ms`.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pause: Option<Pause>,
    /// Failures in a row that would not be enough alone.
    suspicious: bool,
    /// Goes up when the provider is left and when it is back: what began before says nothing about after.
    age: u64,
}

#[derive(Debug)]
struct Pause {
    length: Duration,
    until_ms: u64,
    /// A message is out to ask the provider.
    asked: bool,
}

/// What one attempt showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// The provider works.
    Good,
    /// It does not, and asks to wait so long if it says so.
    Bad(Option<Duration>),
    /// The second of these in a row is bad.
    Suspicious,
    /// Nothing about the provider.
    None,
}

/// What an attempt changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// The provider is left alone for so long.
    Left(Duration),
    /// It works again.
    Back,
}

/// An attempt at a provider. Dropped without a [`Sign`], it showed nothing.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    health: &'a Health,
    age: u64,
    asks: bool,
}

impl Health {
    /// A turn for one message, if the provider is to be asked.
    pub(super) fn turn(&self, now_ms: u64) -> Option<Turn<'_>> {
        let mut state = self.lock();
        let age = state.age;
        let asks = match &mut state.pause {
            None => false,
            Some(pause) if pause.asked || now_ms < pause.until_ms => return None,
            Some(pause) => {
                pause.asked = true;
                true
            }
        };
        Some(Turn { health: self, age, asks })
    }

    /// A turn all the same: nobody else is left to ask.
    pub(super) fn turn_anyway(&self) -> Turn<'_> {
        Turn { health: self, age: self.lock().age, asks: false }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// Ends the turn. Gives what changed, for the log.
    pub(super) fn end(self, sign: Sign, now_ms: u64) -> Option<Change> {
        let mut state = self.health.lock();
        if state.age != self.age {
            return None;
        }
        match sign {
            Sign::Good => {
                state.suspicious = false;
                state.pause.take().map(|_| {
                    state.age += 1;
                    Change::Back
                })
            }
            Sign::Suspicious if state.pause.is_none() && !state.suspicious => {
                state.suspicious = true;
                None
            }
            Sign::Suspicious => state.fail(None, now_ms),
            Sign::Bad(wait) => state.fail(wait, now_ms),
            Sign::None => None,
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.health.lock();
        let same = state.age == self.age;
        if let Some(pause) = &mut state.pause
            && self.asks
            && same
        {
            pause.asked = false;
        }
    }
}

impl State {
    fn fail(&mut self, wait: Option<Duration>, now_ms: u64) -> Option<Change> {
        let wait = wait.map(|wait| wait.min(LONGEST_WAIT));
        let until = |length: Duration| now_ms + length.as_millis() as u64;
        match &mut self.pause {
            Some(pause) if now_ms < pause.until_ms => {
                pause.until_ms = pause.until_ms.max(until(wait.unwrap_or_default()));
                None
            }
            Some(pause) => {
                pause.length = (pause.length * 2).min(LONGEST);
                pause.until_ms = until(wait.unwrap_or(pause.length));
                None
            }
            None => {
                self.age += 1;
                let pause = wait.unwrap_or(FIRST);
                self.pause = Some(Pause { length: FIRST, until_ms: until(pause), asked: false });
                Some(Change::Left(pause))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: Sign = Sign::Bad(None);

    fn left(health: &Health, now: u64) {
        let change = health.turn(now).unwrap().end(BAD, now);
        assert_eq!(change, Some(Change::Left(FIRST)));
    }

    #[test]
    fn a_pause_doubles_to_half_a_minute_and_starts_over() {
        let health = Health::default();
        left(&health, 0);
        let mut now = 0;
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            assert!(health.turn(now + seconds * 1000 - 1).is_none(), "{seconds}");
            now += seconds * 1000;
            assert_eq!(health.turn(now).unwrap().end(BAD, now), None);
        }
        now += 30_000;
        assert_eq!(health.turn(now).unwrap().end(Sign::Good, now), Some(Change::Back));
        left(&health, now);
    }

    #[test]
    fn one_message_asks_and_the_others_do_not() {
        let health = Health::default();
        left(&health, 0);
        let asks = health.turn(1000).unwrap();
        assert!(health.turn(1000).is_none());
        drop(asks);
        let asks = health.turn(1000).unwrap();
        assert_eq!(asks.end(Sign::None, 1000), None);
        assert_eq!(health.turn(1000).unwrap().end(Sign::Good, 1001), Some(Change::Back));
        let (one, two) = (health.turn(1002).unwrap(), health.turn(1002).unwrap());
        assert_eq!((one.end(Sign::Good, 1003), two.end(Sign::Good, 1003)), (None, None));
    }

    #[test]
    fn many_failures_at_once_are_one() {
        let health = Health::default();
        let turns: Vec<_> = (0..10).map(|_| health.turn(0).unwrap()).collect();
        let changes: Vec<_> = turns.into_iter().filter_map(|turn| turn.end(BAD, 5)).collect();
        assert_eq!(changes, [Change::Left(FIRST)]);
        assert!(health.turn(1004).is_none());
        assert!(health.turn(1005).is_some());
    }

    #[test]
    fn what_began_before_says_nothing_about_after() {
        let health = Health::default();
        let (slow, slower) = (health.turn(0).unwrap(), health.turn(0).unwrap());
        left(&health, 0);
        assert_eq!(slow.end(Sign::Good, 10), None);
        assert!(health.turn(10).is_none());
        assert_eq!(health.turn(1000).unwrap().end(Sign::Good, 1000), Some(Change::Back));
        assert_eq!(slower.end(BAD, 1001), None);
        assert!(health.turn(1001).is_some());
    }

    #[test]
    fn a_wait_that_is_asked_for_holds() {
        let health = Health::default();
        let wait = Duration::from_secs(60);
        assert_eq!(health.turn(0).unwrap().end(Sign::Bad(Some(wait)), 0), Some(Change::Left(wait)));
        assert!(health.turn(59_999).is_none());
        assert_eq!(health.turn_anyway().end(Sign::Bad(Some(wait)), 10_000), None);
        assert!(health.turn(69_999).is_none());
        assert_eq!(health.turn(70_000).unwrap().end(BAD, 70_000), None);
        assert!(health.turn(71_999).is_none());
    }

    #[test]
    fn nobody_is_left_for_ever() {
        let health = Health::default();
        let change = health.turn(1).unwrap().end(Sign::Bad(Some(Duration::MAX)), 1);
        assert_eq!(change, Some(Change::Left(LONGEST_WAIT)));
        assert!(health.turn(3_600_001).is_some());
    }

    #[test]
    fn asked_anyway_and_found_well() {
        let health = Health::default();
        left(&health, 0);
        assert_eq!(health.turn_anyway().end(BAD, 500), None);
        assert_eq!(health.turn_anyway().end(Sign::Good, 600), Some(Change::Back));
        assert!(health.turn(600).is_some());
    }

    #[test]
    fn suspicions_count_in_a_row() {
        let health = Health::default();
        let sign = |sign| health.turn(0).unwrap().end(sign, 0);
        assert_eq!(sign(Sign::Suspicious), None);
        assert_eq!(sign(Sign::Good), None);
        assert_eq!(sign(Sign::Suspicious), None);
        assert_eq!(sign(Sign::None), None);
        assert_eq!(sign(Sign::Suspicious), Some(Change::Left(FIRST)));
    }
}
