//! Whether a worker is alive and ready, judged by what is known of it at one moment.

use std::time::Duration;

use super::claim::Why;
use super::progress::Stage;

/// A part of the engine that has had nothing to wait for stands still for no longer than this.
const STUCK: Duration = Duration::from_secs(30);

/// A send may be late by half of its limit, and by no more than this: it is dropped at its limit, which takes a moment.
const LONGEST_GRACE: Duration = Duration::from_secs(5);

/// A host under load keeps threads waiting, however short `SEND_TIMEOUT_MS` is.
const SHORTEST_SILENCE: Duration = Duration::from_secs(5);

/// What is known of a worker at one moment. Times are how long ago something was, or how long it has lasted.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) stage: Stage,
    /// Since the worker's runtime last turned.
    pub(crate) silence: Duration,
    /// `SEND_TIMEOUT_MS`
    pub(crate) send_timeout: Duration,
    /// How far the send that is most overdue is past its time limit.
    pub(crate) overdue: Duration,
    pub(crate) sending: usize,
    pub(crate) in_hand: usize,
    pub(crate) connected: bool,
    /// A script that Redis does not answer as it should, and what it says instead, masked.
    pub(crate) refusal: Option<(&'static str, String)>,
    /// What the claim loop does, and for how long; both no longer than since Redis last refused anything.
    pub(crate) claiming: Claiming,
    /// How long the settler has worked on one call, no longer than since Redis last refused anything.
    pub(crate) settling: Option<Duration>,
    /// What the last claim was answered.
    pub(crate) gate: Why,
    /// Why the breaker is open, masked, where it is.
    pub(crate) breaker: Option<String>,
    /// The provider failed, and this worker rests before it tries again.
    pub(crate) troubled: bool,
}

/// What the claim loop does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claiming {
    /// It claims, for so long.
    Asking(Duration),
    /// It waits for room, for so long since the last handler ended.
    Full(Duration),
    /// It sleeps, so far beyond the time it was to wake at.
    Asleep(Duration),
}

/// What is to be said of a worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Health {
    /// The loop turns, and no send is past its time limit.
    pub(crate) alive: bool,
    /// It is alive, and Redis and the provider can be reached.
    pub(crate) ready: bool,
    /// Why, in a few words.
    pub(crate) reason: String,
}

/// Judges. What keeps a worker waiting (Redis, the breaker, a pause, a limit) is a reason and no fault: a restart
/// mends none of it, and would lose outcomes that are not settled yet.
pub(crate) fn judge(facts: &Facts) -> Health {
    let (alive, ready, reason) = match (dead(facts), unready(facts)) {
        (Some(reason), _) => (false, false, reason),
        (None, Some(reason)) => (true, false, reason),
        (None, None) => (true, true, occupation(facts).to_owned()),
    };
    Health { alive, ready, reason }
}

fn dead(facts: &Facts) -> Option<String> {
    if facts.stage == Stage::Stopped {
        return None;
    }
    let limit = facts.send_timeout;
    let grace = (limit / 2).min(LONGEST_GRACE);
    if facts.overdue > grace {
        let (late, limit) = (facts.overdue.as_millis(), limit.as_millis());
        return Some(format!("a send is {late} ms past SEND_TIMEOUT_MS ({limit} ms) and cannot be stopped"));
    }
    if facts.silence > (limit + grace).max(SHORTEST_SILENCE) {
        return Some(format!("something has blocked the worker's thread for {} s", facts.silence.as_secs()));
    }
    let waits_for_redis = !facts.connected || facts.refusal.is_some();
    if waits_for_redis || facts.stage == Stage::Starting {
        return None;
    }
    if let Some(time) = facts.settling.filter(|time| *time > STUCK) {
        return Some(format!("nothing was settled for {} s, for no known reason", time.as_secs()));
    }
    let (what, time) = match facts.claiming {
        _ if facts.stage == Stage::Draining => return None,
        Claiming::Asking(time) => ("claims nothing", time),
        Claiming::Full(time) if facts.sending == 0 && facts.settling.is_none() => ("waits for room", time),
        Claiming::Full(_) => return None,
        Claiming::Asleep(time) => ("does not wake up", time),
    };
    (time > STUCK).then(|| format!("the claim loop {what} for {} s, for no known reason", time.as_secs()))
}

fn unready(facts: &Facts) -> Option<String> {
    match &facts.refusal {
        _ if facts.stage == Stage::Stopped => {
            return Some("stopped; the other queues of its process are to follow".to_owned());
        }
        _ if facts.stage == Stage::Starting => return Some("waiting for Redis to begin".to_owned()),
        Some((script, error)) if facts.connected => {
            return Some(format!("Redis does not take `{script}`: {error}"));
        }
        Some((_, error)) => return Some(format!("Redis is away: {error}")),
        None if !facts.connected => return Some("Redis is away".to_owned()),
        None => {}
    }
    if facts.stage == Stage::Draining {
        return Some("draining: told to stop, claims nothing more".to_owned());
    }
    let why = facts.breaker.as_ref()?;
    Some(match why.as_str() {
        "" => "the breaker is open: the provider fails for everybody".to_owned(),
        why => format!("the breaker is open: {why}"),
    })
}

fn occupation(facts: &Facts) -> &'static str {
    match facts.gate {
        Why::Paused => "the queue is paused",
        Why::Throttled => "waiting as long as the provider asked everybody to",
        Why::Limited => "sending as fast as the rate limit allows",
        _ if facts.sending > 0 => "sending",
        _ if facts.troubled => "the provider failed; trying again in a moment",
        _ if facts.in_hand > 0 => "settling",
        _ => "idle: nothing is ready to be sent",
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod tests;
