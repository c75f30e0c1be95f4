//! Takes messages out of the queue: one call at a time, repeated under its number until it is answered.

use std::time::Duration;

use bytes::Bytes;
use fred::types::Value;
use tracing::{error, warn};

use super::shared::Shared;
use super::token::Token;
use crate::clock;
use crate::keys::{LAYOUT, Lane};
use crate::script::{self, CLAIM};
use crate::telemetry::event;

/// Messages of one claim at most: beyond this nothing gets faster.
pub(crate) const MOST: usize = 100;

/// Bytes of one claim at most, the first message aside.
const MOST_BYTES: usize = 8 << 20;

/// A claim that Redis executes later than this after it was sent takes nothing over: whatever held it up held the
/// keepers up too. Less than what is left, between two renewals, of the shortest lease there can be.
const PROMPT: i64 = 250;

/// After so many late answers in a row lateness is how this Redis is, and the clocks are compared all the same.
const LATE_AT_MOST: u32 = 20;

/// The worker's side of the fence: the number of its next call.
#[derive(Default)]
pub(crate) struct Claimer {
    seq: u64,
    /// One of its calls was answered.
    answered: bool,
    /// Redis's clock less our boot clock, ms.
    offset: Option<i64>,
    /// Boot clock, ms, since when the two have gone at one pace and Redis has answered in time.
    steady_since: u64,
    /// Answers in a row that came too late to compare the clocks by.
    late: u32,
}

/// What a claim asks for.
pub(crate) struct Ask {
    /// Free slots.
    pub(crate) room: usize,
    /// Nothing is in hand.
    pub(crate) alone: bool,
    /// The lane that the last wake-up came from.
    pub(crate) woken: Lane,
}

/// What a claim gave.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) why: Why,
    /// Why the breaker is open, masked; or the layout of the keys, where it is newer.
    pub(crate) text: String,
    pub(crate) messages: Vec<(Token, Bytes)>,
    /// Until the next delayed message is due, or the gate opens; `None` where that is not known.
    pub(crate) wait: Option<Duration>,
    /// A message waits that only an empty worker may take.
    pub(crate) suspect: bool,
    /// One of the messages was taken over from a worker that died.
    pub(crate) takeover: bool,
    /// Tokens and delayed members without bytes that were removed.
    pub(crate) orphans: u64,
    /// Redis's clock, ms.
    pub(crate) now: i64,
    /// Boot clock, ms, at which the call that was answered was sent.
    pub(crate) sent: u64,
}

/// Why a claim gave no more than it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// The layout of the keys is one that this version does not know.
    Newer,
    More,
    Empty,
    Paused,
    Throttled,
    /// The breaker is open.
    Open,
    /// The breaker is half open, and this claim's message tries the provider.
    Probing,
    /// The rate limit.
    Limited,
}

impl Claimer {
    /// Claims until answered.
    pub(crate) async fn claim(&mut self, shared: &Shared, ask: Ask) -> Claim {
        let room = ask.room.min(MOST);
        let first = shared.next_numbers(room as u64);
        self.seq += 1;
        let seq = self.seq;
        let names = &shared.keys;
        let mut keys = names.of_messages();
        keys.extend([names.control.clone(), names.claims.clone(), names.counters.clone()]);
        let (interval, spent, fresh) = (interval(shared), shared.take_spent(), !self.answered);
        let mut sent = clock::boot_ms();
        let answer = script::run_until_answered(&shared.link, &CLAIM, keys, |again| {
            sent = clock::boot_ms();
            let number = |n: usize| Value::Integer(n as i64);
            vec![
                Value::from(shared.start.as_str()),
                number(seq as usize),
                number(first as usize),
                number(room),
                number(MOST_BYTES),
                number(shared.settings.lease.as_millis() as usize),
                number(usize::from(ask.alone)),
                Value::Integer(self.takeover_until(shared, sent)),
                number(usize::from(again)),
                Value::from_static_str(ask.woken.letter()),
                Value::from(interval.as_str()),
                Value::Integer(spent),
                number(usize::from(fresh)),
                Value::Integer(LAYOUT.into()),
            ]
        })
        .await;
        let claim = read(answer, sent);
        self.answered = true;
        self.compare_clocks(claim.now, sent);
        // So long without an answer, and other workers' renewals may have waited as this call did: leases that look
        // lapsed now are about to be renewed.
        let now = clock::boot_ms();
        if now.saturating_sub(sent) > shared.settings.lease.as_millis() as u64 / 3 {
            self.steady_since = now;
        }
        claim
    }

    /// Redis's clock is measured against ours. After a step forward every lease looks lapsed: nothing is taken over
    /// for one lease, as after an outage.
    fn compare_clocks(&mut self, redis: i64, sent: u64) {
        let now = clock::boot_ms();
        let offset = redis - sent as i64;
        let Some(old) = self.offset else {
            self.offset = Some(offset);
            return;
        };
        let late = now.saturating_sub(sent) as i64 > PROMPT && offset > old;
        self.late = if late { self.late + 1 } else { 0 };
        if late && self.late < LATE_AT_MOST {
            return;
        }
        if offset > old + PROMPT {
            self.steady_since = now;
        }
        self.offset = Some(offset);
    }

    /// Redis's clock, ms, until which a claim sent now may take over; 0 for never. Nothing is taken over until this
    /// worker has been connected for one lease: after an outage every lease looks lapsed, and the workers that hold
    /// them are only just back.
    fn takeover_until(&self, shared: &Shared, now: u64) -> i64 {
        let lease = shared.settings.lease.as_millis() as u64;
        let since = shared.link.connected_since().map(|since| since.max(self.steady_since));
        let settled_in = since.is_some_and(|since| since + lease <= now);
        self.offset.filter(|_| settled_in).map_or(0, |offset| offset + now as i64 + PROMPT)
    }
}

/// µs between two messages, over all workers; 0 without a limit.
fn interval(shared: &Shared) -> String {
    let limit = shared.settings.rate_limit;
    limit.map_or("0".to_owned(), |limit| {
        (limit.duration.as_secs_f64() * 1e6 / f64::from(limit.max.max(1))).to_string()
    })
}

fn read(answer: Value, sent: u64) -> Claim {
    let mut values = if let Value::Array(values) = answer { values } else { Vec::new() }.into_iter();
    let why = match values.next().map(script::into_bytes).as_deref() {
        Some(b"newer") => Why::Newer,
        Some(b"more") => Why::More,
        Some(b"empty") => Why::Empty,
        Some(b"paused") => Why::Paused,
        Some(b"throttled") => Why::Throttled,
        Some(b"open") => Why::Open,
        Some(b"probing") => Why::Probing,
        Some(b"limited") => Why::Limited,
        Some(b"late") => {
            warn!(
                event = event::REDIS_ERROR,
                script = "claim",
                "a later claim of this worker ran before this one"
            );
            Why::More
        }
        other => {
            error!(event = event::REDIS_ERROR, script = "claim", answer = ?other, "unknown answer");
            Why::Empty
        }
    };
    let mut integer = || values.next().and_then(|value| value.as_i64()).unwrap_or(0);
    let (wait, suspect, now, takeovers) = (integer(), integer(), integer(), integer());
    let text = if matches!(why, Why::Open | Why::Newer) {
        values.next().map(script::into_text).unwrap_or_default()
    } else {
        String::new()
    };
    let mut messages = Vec::with_capacity(values.len() / 2);
    let mut orphans = 0;
    while let Some(token) = values.next() {
        let Some(bytes) = values.next() else {
            orphans = token.as_u64().unwrap_or(0);
            break;
        };
        let token = script::into_bytes(token);
        match std::str::from_utf8(&token).ok().and_then(Token::parse) {
            Some(token) => messages.push((token, script::into_bytes(bytes))),
            None => error!(
                event = event::REDIS_ERROR,
                script = "claim",
                ?token,
                "a token of unknown shape; its message will be taken over"
            ),
        }
    }
    Claim {
        why,
        text,
        messages,
        wait: u64::try_from(wait).ok().map(Duration::from_millis),
        suspect: suspect != 0,
        takeover: takeovers != 0,
        orphans,
        now,
        sent,
    }
}
