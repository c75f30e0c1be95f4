//! What becomes of messages that the provider failed, rather than they it: the breaker's verdict, and how often a
//! message is excused.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use fred::types::Value;
use tracing::error;

use super::backoff;
use super::hand::Held;
use super::settle::{flag, millis};
use super::settlement::{Change, Judge};
use super::shared::Shared;
use crate::clock;
use crate::outcome::{Failure, Outcome};
use crate::script::{self, BREAKER};
use crate::telemetry::{event, mask};

/// The breaker's first pause is `RETRY_DELAY_MS` within these bounds; each one after it is twice as long.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How often a message stops everybody at no cost while others get through. From then on it is its own fault.
const EXCUSES: u32 = 20;

/// A send that failed for a reason which may concern every message.
#[derive(Debug)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    pub(crate) failure: Failure,
    /// How long the provider asked everybody to wait.
    wait: Option<Duration>,
}

/// What kind of trouble it is, as `breaker.lua` calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Throttle,
    Config,
    Sender,
    Unavailable,
    Unreachable,
    InDoubt,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Config => "config",
            Self::Sender => "sender",
            Self::Unavailable => "unavailable",
            Self::Unreachable => "unreachable",
            Self::InDoubt => "in_doubt",
        }
    }
}

enum Verdict {
    Opened,
    Kept,
    Open,
    Counted,
}

impl Trouble {
    /// The trouble in an outcome, or the outcome back: that of a message which has no more excuses too, and that of a
    /// send which was stopped.
    pub(crate) fn of(outcome: Outcome, held: &Held, stopping: bool) -> Result<Self, Outcome> {
        let (kind, failure, wait) = match outcome {
            Outcome::Throttle { failure, wait } => (Kind::Throttle, failure, wait),
            Outcome::Config(failure) => (Kind::Config, failure, None),
            Outcome::DefaultSender(failure) => (Kind::Sender, failure, None),
            Outcome::Unavailable(failure) => (Kind::Unavailable, failure, None),
            Outcome::Unreachable(failure) => (Kind::Unreachable, failure, None),
            Outcome::InDoubt(failure) if !stopping => (Kind::InDoubt, failure, None),
            other => return Err(other),
        };
        if kind != Kind::InDoubt && held.excuse().is_some_and(|excuse| excuse.times >= EXCUSES) {
            return Err(Outcome::Retry(failure));
        }
        Ok(Self { kind, failure, wait })
    }
}

/// Asks `breaker.lua` until answered, and gives what is to become of each message.
pub(crate) async fn judge(
    shared: &Arc<Shared>,
    troubles: Vec<(Arc<Held>, Trouble)>,
) -> Vec<(Arc<Held>, Change)> {
    let judge = shared.judge();
    let first = shared.settings.backoff.delay.clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    let mut args = vec![millis(first), millis(LONGEST_PAUSE)];
    for (held, trouble) in &troubles {
        let last = trouble.kind != Kind::InDoubt && held.head.retries + 1 >= judge.max_retries(held);
        args.extend([
            held.token.as_str().into(),
            trouble.kind.name().into(),
            flag(last),
            mask::text(&trouble.failure.error).into_owned().into(),
        ]);
    }
    let keys = vec![shared.keys.control.clone(), shared.keys.counters.clone()];
    let answer = script::run_until_answered(&shared.link, &BREAKER, keys, |_| args.clone()).await;
    let mut values = if let Value::Array(values) = answer { values } else { Vec::new() }.into_iter();
    let mut number = || values.next().and_then(|value| value.as_u64()).unwrap_or(0);
    let (sent, pause) = (number(), number());
    let mut judged = Vec::with_capacity(troubles.len());
    let mut out_of_order = false;
    for (held, trouble) in troubles {
        let verdict = match values.next().map(script::into_bytes).as_deref() {
            Some(b"opened") => Verdict::Opened,
            Some(b"kept") => Verdict::Kept,
            Some(b"open") => Verdict::Open,
            _ => Verdict::Counted,
        };
        if matches!(verdict, Verdict::Opened | Verdict::Kept) {
            opened(shared, &held, &trouble, pause);
        }
        // These cost the message nothing, so nothing else would ever end them.
        out_of_order |= match trouble.kind {
            Kind::Config | Kind::Unreachable => true,
            Kind::Unavailable => !matches!(verdict, Verdict::Counted),
            Kind::Throttle | Kind::Sender | Kind::InDoubt => false,
        };
        let change = change(&judge, &held, trouble, &verdict, sent);
        super::send::tell(shared, &held, &change);
        judged.push((held, change));
    }
    if out_of_order {
        rest(shared);
    }
    judged
}

/// This worker claims nothing for one poll, a second at most: where others get through all the same, they keep the
/// breaker closed, and what only this host cannot reach or log in to would go round and round.
fn rest(shared: &Arc<Shared>) {
    let shared = shared.clone();
    shared.troubles.fetch_add(1, Relaxed);
    tokio::spawn(async move {
        tokio::time::sleep(shared.settings.poll_interval.min(SHORTEST_PAUSE)).await;
        shared.troubles.fetch_sub(1, Relaxed);
        shared.slots.notify_one();
    });
}

fn change(judge: &Judge<'_>, held: &Arc<Held>, trouble: Trouble, verdict: &Verdict, sent: u64) -> Change {
    let Trouble { kind, failure, wait } = trouble;
    let blamed = || held.excuse().unwrap_or_default().once_more(sent);
    match (kind, verdict) {
        (Kind::Throttle, _) => judge.release(held, Some(judge.throttle(wait)), Some(blamed())),
        // It may be this message's recipient only: the others go ahead.
        (Kind::Sender, _) => {
            let excuse = blamed();
            let delay = backoff::delay(&judge.settings.backoff, excuse.times.max(1));
            judge.wait(held, delay, Some(excuse), failure)
        }
        // Not at once: others may get through, by another provider for instance.
        (Kind::Unreachable, Verdict::Counted) => judge.postpone(held, failure),
        // Each attempt may be one sent: their number is bounded, whoever is at fault.
        (Kind::InDoubt, _) => judge.in_doubt(held, failure),
        (Kind::Unavailable, Verdict::Counted) => judge.retry_or_give_up(held, failure, "retry"),
        (_, Verdict::Opened) => judge.release(held, None, Some(blamed())),
        (_, Verdict::Kept | Verdict::Open | Verdict::Counted) => judge.release(held, None, None),
    }
}

fn opened(shared: &Shared, held: &Held, trouble: &Trouble, pause_ms: u64) {
    let Trouble { kind, failure, .. } = trouble;
    let until = clock::rfc3339(clock::unix_ms() + pause_ms);
    error!(event = event::BREAKER_OPENED, queue = %shared.queue, ref = held.token.reference(), id = held.head.id,
        kind = kind.name(), error = %mask::text(&failure.error), code = failure.code, provider = failure.provider, pause_ms, until,
        "the provider fails for everybody; nothing is claimed for this pause, then one message tries again");
    shared.breaker_told.store(clock::boot_ms(), Relaxed);
}
