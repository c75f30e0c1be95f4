//! Takes finished messages out of `processing`: batches, one in flight at a time, repeated until answered.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use fred::types::{Key, Value};
use tokio::sync::mpsc;
use tracing::warn;

use super::breaker::{self, Trouble};
use super::hand::Held;
use super::settlement::{Change, Settlement, SplitPart};
use super::shared::Shared;
use super::status::{part_id, recent_entry, status_id};
use crate::message;
use crate::outcome::{Failure, Receipt};
use crate::script::{self, COMPLETE, DEAD_LETTER, RELEASE, RETRY, SPLIT, Script};
use crate::telemetry::event;

/// Messages settled by one call.
const BATCH: usize = 200;

/// Entries in `recent` that one settle leaves of messages which have neither id nor metadata: beyond a handful their
/// lines say nothing, and cost Redis more than the settle itself.
const POOR_ENTRIES: usize = 10;

/// Longest result that a status keeps, bytes.
const RESULT_BYTES: usize = 64 << 10;

/// Bytes of edited messages in one call, about.
const BATCH_BYTES: usize = 8 << 20;

/// Settles what arrives until every sender is gone. Whatever finished while the last settle was under way goes out
/// in the next one.
pub(crate) async fn run(shared: Arc<Shared>, mut finished: mpsc::UnboundedReceiver<Settlement>) {
    let mut batch = Vec::with_capacity(BATCH);
    while finished.recv_many(&mut batch, BATCH).await > 0 {
        shared.progress.settles();
        let mut groups = Groups::default();
        for settlement in batch.drain(..) {
            groups.add(settlement);
        }
        groups.settle(&shared).await;
        shared.progress.settled();
    }
}

#[derive(Default)]
struct Groups {
    complete: Vec<(Arc<Held>, Receipt)>,
    retry: Vec<(Arc<Held>, Change)>,
    dead: Vec<(Arc<Held>, Change)>,
    release: Vec<(Arc<Held>, Change)>,
    split: Vec<(Arc<Held>, bool, Vec<SplitPart>)>,
    trouble: Vec<(Arc<Held>, Trouble)>,
}

impl Groups {
    fn add(&mut self, Settlement { held, change }: Settlement) {
        match change {
            Change::Complete(receipt) => self.complete.push((held, receipt)),
            Change::Retry { .. } | Change::Wait { .. } | Change::Park { .. } => {
                self.retry.push((held, change))
            }
            Change::DeadLetter { .. } => self.dead.push((held, change)),
            Change::Release { .. } => self.release.push((held, change)),
            Change::Split { served, parts, .. } => self.split.push((held, served, parts)),
            Change::Trouble(trouble) => self.trouble.push((held, trouble)),
        }
    }

    async fn settle(mut self, shared: &Arc<Shared>) {
        if !self.complete.is_empty() {
            complete(shared, std::mem::take(&mut self.complete)).await;
        }
        let troubles = self.trouble.len();
        if troubles > 0 {
            for (held, change) in breaker::judge(shared, std::mem::take(&mut self.trouble)).await {
                self.add(Settlement { held, change });
            }
        }
        for group in by_size(self.retry) {
            retry(shared, group).await;
        }
        for group in by_size(self.dead) {
            dead_letter(shared, group).await;
        }
        for (held, served, parts) in self.split {
            split(shared, held, served, parts).await;
        }
        // Newest first, so that the oldest ends up at the very front.
        self.release.sort_by_key(|(held, _)| std::cmp::Reverse(held.token.number));
        for group in by_size(self.release) {
            release(shared, group).await;
        }
        if troubles > 0 {
            shared.troubles.fetch_sub(troubles, Relaxed);
            shared.slots.notify_one();
        }
    }
}

fn by_size(group: Vec<(Arc<Held>, Change)>) -> Vec<Vec<(Arc<Held>, Change)>> {
    let mut groups: Vec<Vec<_>> = Vec::new();
    let mut size = usize::MAX;
    for item in group {
        if size >= BATCH_BYTES {
            groups.push(Vec::new());
            size = 0;
        }
        size += item.0.bytes.len();
        if let Some(last) = groups.last_mut() {
            last.push(item);
        }
    }
    groups
}

async fn complete(shared: &Shared, group: Vec<(Arc<Held>, Receipt)>) {
    let keys = &shared.keys;
    let (plain, named): (Vec<_>, Vec<_>) = group.into_iter().partition(|(held, _)| held.head.id.is_none());
    let (rich, poor): (Vec<_>, Vec<_>) = plain.iter().partition(|(held, _)| held.head.metadata.is_some());
    let entries: Vec<Value> = (rich.into_iter().chain(poor.into_iter().take(POOR_ENTRIES)))
        .map(|(held, _)| recent_entry(held, "sent").into())
        .collect();
    let (bare, told): (Vec<_>, Vec<_>) =
        named.into_iter().partition(|(held, receipt)| held.is_bare() && receipt.is_bare());
    let mut call = Call::new(
        &COMPLETE,
        [&keys.processing, &keys.messages, &keys.counters, &keys.recent, &keys.control],
        [
            millis(shared.settings.completed_retention),
            count(plain.len()),
            count(entries.len()),
            count(bare.len()),
        ],
    );
    let bare_entries: Vec<Value> = bare.iter().map(|(held, _)| recent_entry(held, "sent").into()).collect();
    for (held, _) in plain {
        call.message(held, []);
    }
    for (held, _) in bare {
        call.status(shared, &held);
        call.message(held, []);
    }
    call.args.extend(entries);
    call.args.extend(bare_entries);
    for (held, receipt) in told {
        let entry = recent_entry(&held, "sent");
        call.status(shared, &held);
        let attempts = count(held.attempts() as usize);
        let result = receipt.result.filter(|result| result.len() <= RESULT_BYTES).unwrap_or_default();
        let provider_id = receipt.provider_id.unwrap_or_default();
        call.message(held, [entry.into(), provider_id.into(), attempts, String::from(result).into()]);
    }
    call.run(shared).await;
}

async fn retry(shared: &Shared, group: Vec<(Arc<Held>, Change)>) {
    let keys = &shared.keys;
    let mut call = Call::new(
        &RETRY,
        [&keys.processing, &keys.messages, &keys.delayed, &keys.counters],
        [millis(shared.settings.completed_retention)],
    );
    for (held, change) in group {
        let (kind, crashes, time, bytes, error) = match change {
            Change::Retry { delay, bytes, failure } => {
                ("retry", held.crashes(), millis(delay), Some(bytes), failure.error)
            }
            Change::Wait { delay, bytes, failure } => {
                ("wait", held.crashes(), millis(delay), bytes, failure.error)
            }
            Change::Park { due, bytes, crashes } => {
                ("park", crashes, due.to_string().into(), bytes, String::new())
            }
            _ => continue,
        };
        let member = held.token.member(crashes);
        let has_id = call.status(shared, &held);
        let [attempts, log] = history(&held, bytes.as_ref().unwrap_or(&held.bytes));
        let bytes = optional(bytes);
        call.message(held, [member.into(), kind.into(), time, bytes, has_id, error.into(), attempts, log]);
    }
    call.run(shared).await;
}

async fn dead_letter(shared: &Shared, group: Vec<(Arc<Held>, Change)>) {
    let keys = &shared.keys;
    let mut call = Call::new(
        &DEAD_LETTER,
        [&keys.processing, &keys.messages, &keys.dead_letter, &keys.counters, &keys.recent],
        [millis(shared.settings.failed_retention)],
    );
    for (held, change) in group {
        let Change::DeadLetter { bytes, reason, failure: Failure { error, .. }, .. } = change else {
            continue;
        };
        let entry = recent_entry(&held, "dead");
        let has_id = call.status(shared, &held);
        let [attempts, log] = history(&held, &bytes);
        let bytes = Value::Bytes(bytes);
        call.message(held, [bytes, entry.into(), reason.into(), has_id, error.into(), attempts, log]);
    }
    call.run(shared).await;
}

async fn release(shared: &Shared, group: Vec<(Arc<Held>, Change)>) {
    let keys = &shared.keys;
    let throttle = group.iter().filter_map(|(_, change)| match change {
        Change::Release { throttle, .. } => *throttle,
        _ => None,
    });
    let throttle = throttle.max().unwrap_or_default();
    let mut call = Call::new(
        &RELEASE,
        [
            &keys.processing,
            &keys.messages,
            &keys.control,
            &keys.counters,
            &keys.high,
            &keys.pending,
            &keys.low,
        ],
        [millis(shared.settings.completed_retention), millis(throttle)],
    );
    for (held, change) in group {
        let Change::Release { bytes, throttle } = change else { continue };
        let lane = held.token.lane.letter();
        let has_id = call.status(shared, &held);
        // What made everybody wait lets another message go first.
        call.message(held, [lane.into(), optional(bytes), has_id, flag(throttle.is_some())]);
    }
    call.run(shared).await;
}

async fn split(shared: &Shared, held: Arc<Held>, served: bool, parts: Vec<SplitPart>) {
    let (keys, settings) = (&shared.keys, &shared.settings);
    let goes_on = parts.iter().any(|part| part.delay.is_some());
    let (state, retention, entry) = match (served, goes_on) {
        (true, _) => ("sent", settings.completed_retention, recent_entry(&held, "sent")),
        (false, true) => ("delayed", settings.completed_retention, String::new()),
        (false, false) => ("dead", settings.failed_retention, recent_entry(&held, "dead")),
    };
    let id = status_id(&held);
    let mut call = Call::new(
        &SPLIT,
        [
            &keys.processing,
            &keys.messages,
            &keys.delayed,
            &keys.dead_letter,
            &keys.counters,
            &keys.recent,
            &keys.status(id.as_deref().unwrap_or_default()),
            &keys.control,
        ],
        [millis(retention)],
    );
    let [attempts, log] = history(&held, parts.first().map_or(&held.bytes, |part| &part.bytes));
    let mut args: Vec<Value> = vec![flag(id.is_some()), state.into(), entry.into(), attempts, log];
    for SplitPart { delay, bytes, recipients, keeps_id, .. } in parts {
        let part = shared.next_reference();
        let member = super::token::member(&part, held.token.lane, held.crashes());
        let kind = if delay.is_some() { "retry" } else { "dead" };
        let part_id = held
            .head
            .id
            .as_deref()
            .filter(|_| delay.is_some() && !keeps_id)
            .map(|id| part_id(id, &recipients));
        if let Some(part_id) = &part_id {
            call.keys.push(keys.status(part_id));
        }
        let delay = millis(delay.unwrap_or_default());
        args.extend([kind.into(), member.into(), delay, Value::Bytes(bytes), flag(part_id.is_some())]);
    }
    call.message(held, args);
    call.run(shared).await;
}

/// For the status of a message with an id: attempts made, and the log of those that failed.
fn history(held: &Held, bytes: &bytes::Bytes) -> [Value; 2] {
    let log = if held.head.id.is_some() { message::attempts(bytes) } else { "" };
    [count(held.attempts() as usize), log.into()]
}

/// One call of a settling script: fixed keys and arguments, then a run of arguments for each message.
struct Call {
    script: &'static Script,
    keys: Vec<Key>,
    args: Vec<Value>,
    held: Vec<Arc<Held>>,
}

impl Call {
    fn new<const K: usize, const A: usize>(
        script: &'static Script,
        keys: [&Key; K],
        fixed: [Value; A],
    ) -> Self {
        let mut args = vec![flag(false)];
        args.extend(fixed);
        Self { script, keys: keys.into_iter().cloned().collect(), args, held: Vec::new() }
    }

    /// Adds the status key of a message that has an id, and says whether it has one.
    fn status(&mut self, shared: &Shared, held: &Held) -> Value {
        let id = status_id(held);
        self.keys.extend(id.as_deref().map(|id| shared.keys.status(id)));
        flag(id.is_some())
    }

    fn message(&mut self, held: Arc<Held>, args: impl IntoIterator<Item = Value>) {
        self.args.push(held.token.as_str().into());
        self.args.extend(args);
        self.held.push(held);
    }

    /// Repeats the call until it is answered, then lets go of its messages.
    async fn run(self, shared: &Shared) {
        let Self { script, keys, mut args, held } = self;
        let mut repeated = false;
        let gone = script::run_until_answered(&shared.link, script, keys, |again| {
            repeated = again;
            args[0] = flag(again);
            args.clone()
        })
        .await;
        let gone = match gone {
            Value::Array(tokens) => tokens.len() as i64,
            count => count.as_i64().unwrap_or(0),
        };
        if gone > 0 && !repeated {
            shared.metrics.stale_settles.increment(gone.unsigned_abs());
            warn!(event = event::LEASE_LOST, queue = %shared.queue, count = gone, script = script.name,
                "somebody else took these messages over; these outcomes change nothing");
        }
        shared.hand.release(held.iter().map(|held| held.token.number));
        shared.progress.settles();
        shared.slots.notify_one();
    }
}

pub(super) fn flag(on: bool) -> Value {
    Value::from_static_str(if on { "1" } else { "0" })
}

pub(super) fn millis(duration: Duration) -> Value {
    (duration.as_millis() as u64).to_string().into()
}

fn count(n: usize) -> Value {
    n.to_string().into()
}

fn optional(bytes: Option<bytes::Bytes>) -> Value {
    Value::Bytes(bytes.unwrap_or_default())
}
