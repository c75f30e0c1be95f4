//! Runs the handler for one message and hands its outcome to the settler.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use futures::FutureExt;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info, warn};

use super::breaker::{Kind, Trouble};
use super::delivery::{Delivery, TimeUp};
use super::hand::Held;
use super::measure::measure;
use super::settlement::{Change, Settlement};
use super::shared::Shared;
use crate::clock;
use crate::outcome::{Failure, Outcome};
use crate::telemetry::{event, mask};

/// Starts the handler for a message in hand.
pub(crate) fn start<H, F>(shared: &Arc<Shared>, handler: &Arc<H>, held: Arc<Held>)
where
    H: Fn(Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let number = held.token.number;
    shared.hand.start(number);
    let (shared_by_task, handler) = (shared.clone(), handler.clone());
    let task = tokio::spawn(async move {
        let shared = shared_by_task;
        let outcome = attempt(&shared, &*handler, held.clone()).await;
        if shared.hand.finish(number) {
            finish(&shared, &held, outcome);
        }
        shared.slots.notify_one();
    });
    shared.hand.abort_with(number, task.abort_handle());
}

async fn attempt<H, F>(shared: &Arc<Shared>, handler: &H, held: Arc<Held>) -> Outcome
where
    H: Fn(Delivery) -> F,
    F: Future<Output = Outcome>,
{
    let limit = shared.settings.send_timeout;
    held.start_limit(limit);
    let began = shared.metrics.is_on().then(Instant::now);
    let delivery = Delivery::new(held.clone(), shared.clone());
    // The call itself may panic too, so it happens inside.
    let mut send = pin!(AssertUnwindSafe(async { handler(delivery).await }).catch_unwind());
    let ended = loop {
        let deadline = held.deadline();
        match timeout_at(deadline, &mut send).await {
            Err(_) if held.deadline() > deadline => {}
            ended => break ended,
        }
    };
    if let Some(began) = began {
        shared.metrics.send_duration.record(began.elapsed().as_secs_f64());
    }
    match ended {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            error!(event = event::SEND_PANICKED, queue = %shared.queue, ref = held.token.reference(),
                error = %mask::text(&text), "the handler panicked; this message fails, the worker goes on");
            unanswered(&held, format!("the handler panicked: {text}"))
        }
        Err(_) => unanswered(&held, TimeUp::SendTimeout(limit).to_string()),
    }
}

/// A send that ended without an outcome: in doubt once the provider may have been told to accept. From here on it
/// cannot be confirmed any more, by whatever thread the handler still runs on.
pub(crate) fn unanswered(held: &Held, error: String) -> Outcome {
    let failure = Failure::new(error);
    if held.stop() { Outcome::Retry(failure) } else { Outcome::InDoubt(failure) }
}

/// Turns an outcome into a settle.
pub(crate) fn finish(shared: &Shared, held: &Arc<Held>, outcome: Outcome) {
    // Nobody was asked to send it.
    let unsent = match &outcome {
        Outcome::Unconfirmed => true,
        Outcome::Reject(failure) => failure.provider.is_none(),
        _ => false,
    };
    if unsent {
        shared.spend(-i64::from(held.units()));
    }
    let settlement = match Trouble::of(outcome, held, *shared.stopping.borrow()) {
        Ok(trouble) => {
            shared.troubles.fetch_add(1, Relaxed);
            Settlement { held: held.clone(), change: Change::Trouble(trouble) }
        }
        Err(outcome) => shared.judge().settle(held, outcome),
    };
    tell(shared, held, &settlement.change);
    shared.settle(settlement);
}

/// One line, and one count, for what becomes of a message.
pub(crate) fn tell(shared: &Shared, held: &Held, change: &Change) {
    measure(shared, held, change);
    let (queue, reference, id) = (shared.queue.as_str(), held.token.reference(), held.head.id.as_deref());
    let duration_ms = clock::boot_ms().saturating_sub(held.since);
    match change {
        Change::Complete(receipt) => {
            let provider_id = receipt.provider_id.as_deref().map(mask::text);
            info!(event = event::MESSAGE_SENT, queue, ref = reference, id, duration_ms,
                provider = receipt.provider, provider_id = provider_id.as_deref(), "sent");
        }
        Change::Retry { delay, failure, .. } => {
            warn!(event = event::MESSAGE_RETRY, queue, ref = reference, id, duration_ms,
                retries = held.head.retries + 1, delay_ms = delay.as_millis() as u64,
                error = %mask::text(&failure.error), code = failure.code, provider = failure.provider,
                "failed, to be tried again");
        }
        Change::DeadLetter { reason, failure, .. } => {
            error!(event = event::MESSAGE_DEAD_LETTERED, queue, ref = reference, id, duration_ms, reason,
                error = %mask::text(&failure.error), code = failure.code, provider = failure.provider,
                "given up, kept among the dead letters");
        }
        Change::Split { served, parts, .. } => {
            let delayed = parts.iter().filter(|part| part.delay.is_some()).count();
            warn!(event = event::MESSAGE_SPLIT, queue, ref = reference, id, duration_ms, served, delayed,
                dead_lettered = parts.len() - delayed, "not every recipient was accepted");
        }
        Change::Release { .. } => {
            info!(event = event::MESSAGE_RELEASED, queue, ref = reference, id, duration_ms,
                "back to the front of its lane, at no cost");
        }
        Change::Wait { delay, failure, .. } => {
            warn!(event = event::MESSAGE_RETRY, queue, ref = reference, id, duration_ms, retries = held.head.retries,
                delay_ms = delay.as_millis() as u64, error = %mask::text(&failure.error), code = failure.code,
                provider = failure.provider, "failed, to be tried again at no cost");
        }
        Change::Trouble(trouble) if trouble.kind == Kind::Throttle => {
            let failure = &trouble.failure;
            warn!(event = event::QUEUE_THROTTLED, queue, ref = reference, error = %mask::text(&failure.error),
                code = failure.code, provider = failure.provider, "the provider asks everybody to wait");
        }
        Change::Trouble(_) | Change::Park { .. } => {}
    }
}
