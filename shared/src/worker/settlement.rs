//! What is to become of a message in hand, decided without asking Redis.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::backoff;
use super::breaker::Trouble;
use super::hand::Held;
use super::status::status_id;
use crate::clock;
use crate::config::{OnInDoubt, WorkerSettings};
use crate::message::{Excuse, FailedAttempt, Malformed, Record, edit, wrap_raw};
use crate::outcome::{Failure, Outcome, Part, Receipt, Verdict};

/// The shortest wait that costs a message nothing, where a provider does not say how long: nothing else ends it.
const LEAST_WAIT: Duration = Duration::from_secs(1);

/// A transition of one message out of `processing`.
#[derive(Debug)]
pub(crate) struct Settlement {
    pub(crate) held: Arc<Held>,
    pub(crate) change: Change,
}

/// Which script moves the message, and with what.
#[derive(Debug)]
pub(crate) enum Change {
    /// `complete.lua`
    Complete(Receipt),
    /// `retry.lua`, kind `retry`
    Retry { delay: Duration, bytes: Bytes, failure: Failure },
    /// `retry.lua`, kind `park`; due in ms since 1970
    Park { due: i64, bytes: Option<Bytes>, crashes: u32 },
    /// `dead_letter.lua`
    DeadLetter { bytes: Bytes, reason: &'static str, class: &'static str, failure: Failure },
    /// `split.lua`
    Split { served: bool, provider: Option<&'static str>, parts: Vec<SplitPart> },
    /// `release.lua`
    Release { bytes: Option<Bytes>, throttle: Option<Duration> },
    /// `retry.lua`, kind `wait`
    Wait { delay: Duration, bytes: Option<Bytes>, failure: Failure },
    /// Not decided yet: `breaker.lua` is asked first
    Trouble(Trouble),
}

/// A message made for some recipients of a split one.
#[derive(Debug)]
pub(crate) struct SplitPart {
    /// How long it waits; `None` for a dead letter.
    pub(crate) delay: Option<Duration>,
    pub(crate) bytes: Bytes,
    pub(crate) recipients: Vec<String>,
    /// It has the status of the original, not one of its own.
    pub(crate) keeps_id: bool,
    /// As it is, or would be, in `_delivery.class`.
    pub(crate) class: &'static str,
}

/// What a verdict needs to know of the worker.
pub(crate) struct Judge<'a> {
    pub(crate) settings: &'a WorkerSettings,
    pub(crate) worker: &'a str,
}

impl Judge<'_> {
    /// Turns the outcome of a send into the one transition it asks for.
    pub(crate) fn settle(&self, held: &Arc<Held>, outcome: Outcome) -> Settlement {
        let change = match outcome {
            Outcome::Sent(receipt) => Change::Complete(receipt),
            Outcome::Retry(failure) => self.retry_or_give_up(held, failure, "retry"),
            Outcome::InDoubt(failure) => self.in_doubt(held, failure),
            Outcome::Reject(failure) if failure.malformed => {
                self.give_up(held, "malformed", "malformed", failure)
            }
            Outcome::Reject(failure) => self.give_up(held, "reject", "reject", failure),
            Outcome::Unconfirmed => self.release(held, None, None),
            Outcome::Postpone(failure) => self.postpone(held, failure),
            Outcome::Split { served, parts } => self.split(held, served, parts),
            // What has no excuses left.
            Outcome::Unavailable(failure)
            | Outcome::Unreachable(failure)
            | Outcome::Throttle { failure, .. }
            | Outcome::Config(failure)
            | Outcome::DefaultSender(failure) => self.retry_or_give_up(held, failure, "retry"),
        };
        Settlement { held: held.clone(), change }
    }

    /// Sent again or dead-lettered, as the settings say.
    pub(super) fn in_doubt(&self, held: &Arc<Held>, failure: Failure) -> Change {
        match self.settings.on_in_doubt {
            OnInDoubt::Retry => self.retry_or_give_up(held, failure, "in_doubt"),
            OnInDoubt::DeadLetter => self.give_up(held, "in_doubt", "in_doubt", failure),
        }
    }

    /// How long nobody claims. Never nothing: the message would be sent again at once, and for ever.
    pub(super) fn throttle(&self, asked: Option<Duration>) -> Duration {
        let backoff = &self.settings.backoff;
        let asked = asked.filter(|wait| !wait.is_zero());
        asked.unwrap_or(backoff.delay.max(LEAST_WAIT)).min(backoff.max_delay).max(Duration::from_millis(1))
    }

    /// Back to the front of its lane, at no cost; `excuse` is written down where it is another than before.
    pub(crate) fn release(
        &self,
        held: &Arc<Held>,
        throttle: Option<Duration>,
        excuse: Option<Excuse>,
    ) -> Change {
        Change::Release { bytes: self.at_no_cost(held, held.crashes(), excuse), throttle }
    }

    /// To `delayed` for the first backoff, at no cost.
    pub(super) fn postpone(&self, held: &Arc<Held>, failure: Failure) -> Change {
        self.wait(held, backoff::delay(&self.settings.backoff, 1), None, failure)
    }

    /// To `delayed`, at no cost, and not for too short a time. The member carries the crashes.
    pub(super) fn wait(
        &self,
        held: &Arc<Held>,
        delay: Duration,
        excuse: Option<Excuse>,
        failure: Failure,
    ) -> Change {
        Change::Wait { delay: delay.max(LEAST_WAIT), bytes: self.at_no_cost(held, 0, excuse), failure }
    }

    /// The message with so many crashes and this excuse written down, where those are others than before.
    fn at_no_cost(&self, held: &Arc<Held>, crashes: u32, excuse: Option<Excuse>) -> Option<Bytes> {
        let excused = excuse.filter(|excuse| excuse.times > 0).or(held.excuse());
        (crashes != held.head.crashes() || excused != held.excuse()).then(|| {
            let record = Record { crashes, excused, ..carried_on(held) };
            edit(&held.bytes, self.retries_if_requeued(held), &record)
        })
    }

    /// To `delayed`, to be looked at again at `due`. The crashes move out of the message and into the member, where
    /// `claim.lua` sees that it has to come alone.
    pub(crate) fn park(&self, held: &Arc<Held>, due: i64) -> Change {
        let crashes = held.crashes();
        let bytes = (held.head.crashes() > 0)
            .then(|| edit(&held.bytes, None, &Record { crashes: 0, ..record(held) }));
        Change::Park { due, bytes, crashes }
    }

    /// To the dead letters, before any send.
    pub(crate) fn give_up(
        &self,
        held: &Arc<Held>,
        reason: &'static str,
        class: &'static str,
        failure: Failure,
    ) -> Change {
        let record = self.dead(held, reason, class, &failure);
        let bytes = edit(&held.bytes, self.retries_if_requeued(held), &record);
        Change::DeadLetter { bytes, reason, class, failure }
    }

    /// To the dead letters as malformed, wrapped where that is the only way to keep the bytes.
    pub(crate) fn give_up_malformed(&self, held: &Arc<Held>, malformed: &Malformed) -> Change {
        let failure = Failure::malformed(&malformed.reason);
        let record = self.dead(held, "malformed", "malformed", &failure);
        let bytes =
            if malformed.wrap { wrap_raw(&held.bytes, &record) } else { edit(&held.bytes, None, &record) };
        Change::DeadLetter { bytes, reason: "malformed", class: "malformed", failure }
    }

    pub(super) fn retry_or_give_up(&self, held: &Arc<Held>, failure: Failure, class: &'static str) -> Change {
        let retries = held.head.retries + 1;
        if retries >= self.max_retries(held) {
            let record = self.dead(held, "retries_exhausted", class, &failure);
            let bytes = edit(&held.bytes, Some(retries), &record);
            return Change::DeadLetter { bytes, reason: "retries_exhausted", class, failure };
        }
        let mut record = carried_on(held);
        record.push(&attempt(&failure));
        let bytes = edit(&held.bytes, Some(retries), &record);
        Change::Retry { delay: backoff::delay(&self.settings.backoff, retries), bytes, failure }
    }

    /// Where nobody was served, the first part that is tried again keeps the message's own id: until it ends, a
    /// newcomer of that id is a duplicate.
    fn split(&self, held: &Arc<Held>, served: bool, parts: Vec<Part>) -> Change {
        let mut id_is_free = !served && status_id(held).as_deref() == held.head.id.as_deref();
        let retries = held.head.retries + 1;
        let exhausted = retries >= self.max_retries(held);
        let provider = parts.iter().find_map(|part| part.failure.provider);
        let parts = parts
            .into_iter()
            .map(|Part { recipients, verdict, failure }| {
                let (reason, class) = match verdict {
                    Verdict::Reject => (Some("reject"), "reject"),
                    Verdict::InDoubt if self.settings.on_in_doubt == OnInDoubt::DeadLetter => {
                        (Some("in_doubt"), "in_doubt")
                    }
                    Verdict::InDoubt => (exhausted.then_some("retries_exhausted"), "in_doubt"),
                    Verdict::Retry => (exhausted.then_some("retries_exhausted"), "retry"),
                };
                let mut record = match reason {
                    Some(reason) => self.dead(held, reason, class, &failure),
                    None => {
                        let mut record = carried_on(held);
                        record.push(&attempt(&failure));
                        record
                    }
                };
                record.reference = Some(held.reference().to_owned());
                record.recipients = Some(recipients.clone());
                let delay = reason.is_none().then(|| backoff::delay(&self.settings.backoff, retries));
                let keeps_id = delay.is_some() && std::mem::take(&mut id_is_free);
                record.keeps_id = keeps_id;
                let bytes = edit(&held.bytes, Some(retries), &record);
                SplitPart { delay, bytes, recipients, keeps_id, class }
            })
            .collect();
        Change::Split { served, provider, parts }
    }

    fn dead(&self, held: &Arc<Held>, reason: &str, class: &str, failure: &Failure) -> Record {
        let mut record = carried_on(held);
        record.push(&attempt(failure));
        Record {
            reason: Some(reason.to_owned()),
            class: Some(class.to_owned()),
            error: Some(failure.error.clone()),
            code: failure.code.clone(),
            provider: failure.provider.map(str::to_owned),
            dead_at: Some(clock::rfc3339(clock::unix_ms()).into()),
            worker: Some(self.worker.to_owned()),
            reference: Some(held.reference().to_owned()),
            crashes: held.crashes(),
            lane: Some(held.token.lane.name().to_owned()),
            // Requeued by hand it is a message like any other.
            stamp: None,
            ..record
        }
    }

    pub(super) fn max_retries(&self, held: &Held) -> u32 {
        held.head.max_retries.unwrap_or(self.settings.max_retries)
    }

    /// An edit drops `dead_at`, so what it meant has to be written down.
    fn retries_if_requeued(&self, held: &Held) -> Option<u32> {
        held.head.record.as_ref().and_then(|record| record.dead_at.as_ref()).map(|_| 0)
    }
}

fn record(held: &Held) -> Record {
    held.head.record.as_deref().cloned().unwrap_or_default()
}

fn carried_on(held: &Held) -> Record {
    held.head.record.as_deref().map(Record::carried_on).unwrap_or_default()
}

fn attempt(failure: &Failure) -> FailedAttempt {
    FailedAttempt {
        at: clock::rfc3339(clock::unix_ms()),
        error: failure.error.clone(),
        code: failure.code.clone(),
        provider: failure.provider.map(str::to_owned),
    }
}
