//! The claim loop: takes in as many messages as there are free slots, and sleeps when there are none.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tracing::{info, warn};

use super::claim::{Ask, Claim, Claimer, Why};
use super::delivery::Delivery;
use super::hand::Held;
use super::intake::{self, Taken};
use super::progress::Doing;
use super::send;
use super::shared::Shared;
use super::shutdown::Shutdown;
use super::wake::Wakers;
use crate::keys::Lane;
use crate::outcome::Outcome;
use crate::telemetry::event;

/// Settles that may be outstanding before claiming waits for them, as a multiple of the concurrency.
const UNSETTLED: usize = 2;

/// Claims and sends until told to stop, or until a newer version has changed the layout of the keys, which it gives.
/// Leaves what is in hand to the caller.
pub(crate) async fn run<H, F>(
    shared: Arc<Shared>,
    handler: Arc<H>,
    mut wakers: Wakers,
    mut stop: Shutdown,
) -> Option<String>
where
    H: Fn(Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let mut claimer = Claimer::default();
    let mut isolating = false;
    let mut woken = Lane::Pending;
    let mut gate = Why::More;
    let mut opening = JoinSet::new();
    let mut newer = None;
    loop {
        while let Some(ended) = opening.try_join_next() {
            unbroken(ended);
        }
        // Sends that need not wait end first, and make room for a larger claim.
        tokio::task::yield_now().await;
        let room = room(&shared, isolating);
        if room == 0 {
            shared.progress.turn(Doing::Full);
            wakers.disarm(&shared).await;
            tokio::select! {
                stopped = stop.or(shared.slots.notified()) => if stopped { break },
                Some(ended) = opening.join_next() => unbroken(ended),
            }
            continue;
        }
        if stop.is_draining() {
            break;
        }
        shared.progress.turn(Doing::Claiming);
        let alone = shared.hand.len() == 0;
        let claim = claimer.claim(&shared, Ask { room, alone, woken }).await;
        shared.progress.claimed(&claim);
        if claim.why == Why::Newer {
            newer = Some(claim.text);
            break;
        }
        shared.metrics.orphans.increment(claim.orphans);
        // What crashed a worker before is sent alone: nothing else is claimed until it is settled.
        isolating = claim.suspect || claim.messages.iter().any(|(token, _)| token.crashes > 0);
        let (why, wait) = (claim.why, claim.wait);
        if gate != why {
            log_gate(&shared, gate, &claim);
            gate = why;
        }
        woken = wakers.forget().unwrap_or(Lane::Pending);
        let nothing = claim.messages.is_empty();
        if !nothing {
            let taken = intake::take_in(&shared, claim);
            if taken.has_ids() {
                let (done, newer) = oneshot::channel();
                let turns = [Turn::After(newer), Turn::First(done)];
                for (part, turn) in taken.halves().into_iter().zip(turns).filter(|(part, _)| part.len() > 0) {
                    shared.opening.fetch_add(part.len(), Relaxed);
                    opening.spawn(open(shared.clone(), handler.clone(), part, stop.clone(), turn));
                }
            } else {
                start(&shared, &handler, taken.open(&shared).await, &stop);
            }
        }
        let asleep = match why {
            Why::More | Why::Newer => false,
            Why::Probing if !nothing => false,
            Why::Empty if isolating => false,
            Why::Empty | Why::Probing => {
                wakers.arm();
                true
            }
            Why::Paused | Why::Throttled | Why::Open | Why::Limited => {
                wakers.disarm(&shared).await;
                true
            }
        };
        if asleep {
            let limit = wait.unwrap_or(Duration::MAX).min(shared.settings.poll_interval);
            let poll = Instant::now() + limit.max(Duration::from_millis(1));
            shared.progress.turn(Doing::Asleep(poll));
            tokio::select! {
                lane = wakers.woken() => woken = lane,
                () = tokio::time::sleep_until(poll) => {}
                // What was sent meanwhile may have closed it.
                () = shared.slots.notified(), if why == Why::Open => {}
                () = given_back(&shared), if why == Why::Limited => {}
                () = stop.draining() => break,
            }
        }
    }
    wakers.disarm(&shared).await;
    while let Some(ended) = opening.join_next().await {
        unbroken(ended);
    }
    newer
}

/// Whose messages go back first where none is to be sent any more: the older ones last, to the very front.
enum Turn {
    After(oneshot::Receiver<()>),
    First(#[expect(dead_code, reason = "that it is dropped tells")] oneshot::Sender<()>),
}

/// Claims the ids of messages in hand, and starts what is to be sent.
async fn open<H, F>(shared: Arc<Shared>, handler: Arc<H>, taken: Taken, stop: Shutdown, turn: Turn)
where
    H: Fn(Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    let count = taken.len();
    let messages = taken.open(&shared).await;
    match turn {
        Turn::After(newer) if stop.is_draining() => {
            let _ = newer.await;
            start(&shared, &handler, messages, &stop);
        }
        // Held until then.
        _turn => start(&shared, &handler, messages, &stop),
    }
    shared.opening.fetch_sub(count, Relaxed);
    shared.slots.notify_one();
}

fn start<H, F>(shared: &Arc<Shared>, handler: &Arc<H>, messages: Vec<Arc<Held>>, stop: &Shutdown)
where
    H: Fn(Delivery) -> F + Send + Sync + 'static,
    F: Future<Output = Outcome> + Send + 'static,
{
    if stop.is_draining() {
        // Newest first, so that the oldest ends up at the very front.
        for held in messages.into_iter().rev() {
            send::finish(shared, &held, Outcome::Unconfirmed);
        }
    } else {
        for held in messages {
            send::start(shared, handler, held);
        }
    }
}

/// A part of the loop that panicked is a loop that panicked.
fn unbroken(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// Waits until a message that was claimed turns out not to be sent: its place in the rate limit is free.
async fn given_back(shared: &Shared) {
    while !shared.gave_back() {
        shared.slots.notified().await;
    }
}

/// How many messages may be claimed now.
fn room(shared: &Shared, isolating: bool) -> usize {
    let in_hand = shared.hand.len();
    if isolating && in_hand > 0 || shared.troubles.load(Relaxed) > 0 {
        return 0;
    }
    let concurrency = shared.settings.concurrency;
    let free = concurrency.saturating_sub(shared.hand.sending() + shared.opening.load(Relaxed));
    free.min((UNSETTLED * concurrency).saturating_sub(in_hand))
}

fn log_gate(shared: &Shared, before: Why, claim: &Claim) {
    let wait_ms = claim.wait.map(|wait| wait.as_millis() as u64);
    let told = shared.breaker_told.load(Relaxed);
    match claim.why {
        Why::Paused => {
            info!(event = event::QUEUE_PAUSED, queue = %shared.queue, wait_ms, "the queue is paused")
        }
        Why::Throttled => {
            warn!(event = event::QUEUE_THROTTLED, queue = %shared.queue, wait_ms, "waiting as the provider asked")
        }
        Why::Open if told == 0 => {
            shared.breaker_told.store(claim.sent, Relaxed);
            warn!(event = event::BREAKER_OPENED, queue = %shared.queue, wait_ms, error = claim.text,
                "the provider fails for everybody, as another worker found; waiting with it")
        }
        // A claim that was under way when it opened knows nothing of it.
        Why::More | Why::Empty | Why::Limited if told > 0 && claim.sent > told => {
            shared.breaker_told.store(0, Relaxed);
            info!(event = event::BREAKER_CLOSED, queue = %shared.queue, "the provider accepts again; claiming again");
        }
        Why::More | Why::Empty | Why::Limited if matches!(before, Why::Paused | Why::Throttled) => {
            info!(event = event::QUEUE_RESUMED, queue = %shared.queue, "claiming again");
        }
        Why::More | Why::Empty | Why::Open | Why::Probing | Why::Limited | Why::Newer => {}
    }
}
