//! One message, as a handler sees it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep_until};

use super::hand::Held;
use super::keeper;
use super::shared::Shared;
use crate::clock;
use crate::config::OnInDoubt;
use crate::outcome::{Failure, Outcome};

/// What a handler gets at most to answer in, once its time is up.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A message in hand, given to the handler that sends it. Cheap to clone.
#[derive(Clone)]
pub struct Delivery {
    pub(super) held: Arc<Held>,
    pub(super) shared: Arc<Shared>,
}

/// The lease could not be confirmed: the message must not be sent now. Answer with [`Outcome::Unconfirmed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease on this message could not be confirmed")]
pub struct Unconfirmed;

impl From<Unconfirmed> for Outcome {
    fn from(_: Unconfirmed) -> Self {
        Outcome::Unconfirmed
    }
}

/// Why a send has to end now. As an [`Outcome`] it is that of a message nobody can have got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeUp {
    /// `SEND_TIMEOUT_MS` is about to end. As an outcome: [`Outcome::Retry`].
    #[error("no answer within SEND_TIMEOUT_MS ({} ms)", .0.as_millis())]
    SendTimeout(Duration),
    /// The worker stops. As an outcome: [`Outcome::Unconfirmed`], at no cost.
    #[error("stopped at shutdown before the provider answered")]
    Shutdown,
}

impl From<TimeUp> for Outcome {
    fn from(why: TimeUp) -> Self {
        match why {
            TimeUp::SendTimeout(_) => Outcome::Retry(Failure::new(why.to_string())),
            TimeUp::Shutdown => Outcome::Unconfirmed,
        }
    }
}

impl Delivery {
    pub(crate) fn new(held: Arc<Held>, shared: Arc<Shared>) -> Self {
        Self { held, shared }
    }

    /// The message as its producer pushed it, with `retries` and `_delivery` as the queue keeps them.
    pub fn bytes(&self) -> &Bytes {
        &self.held.bytes
    }

    /// The message as a type of yours; fields you do not name are ignored.
    ///
    /// # Errors
    ///
    /// [`Outcome::Reject`] as malformed, naming the field: answer with it and the message is kept as a dead letter.
    pub fn payload<T: DeserializeOwned>(&self) -> Result<T, Outcome> {
        serde_json::from_slice(&self.held.bytes)
            .map_err(|error| Outcome::Reject(Failure::malformed(error.to_string())))
    }

    /// The producer's `id`, if it gave one.
    pub fn id(&self) -> Option<&str> {
        self.held.head.id.as_deref()
    }

    /// The queue's own name for this message: unique for ever, the same on every attempt that follows a failure,
    /// after a requeue by hand too, and for the recipients who did not get it at first.
    pub fn reference(&self) -> &str {
        self.held.reference()
    }

    /// Which attempt this is; the first is 1.
    pub fn attempt(&self) -> u32 {
        self.held.head.retries + 1
    }

    /// A value out of the producer's `metadata`.
    pub fn metadata(&self, name: &str) -> Option<serde_json::Value> {
        let mut metadata: serde_json::Map<_, _> =
            serde_json::from_str(self.held.head.metadata.as_deref()?).ok()?;
        metadata.remove(name)
    }

    /// The only recipients that are still to be served, where an earlier attempt served the others.
    pub fn recipients(&self) -> Option<&[String]> {
        self.held.head.record.as_ref()?.recipients.as_deref()
    }

    /// When this attempt's `SEND_TIMEOUT_MS` ends and its handler is dropped. Shutdown may end it sooner.
    pub fn deadline(&self) -> Instant {
        self.held.deadline()
    }

    /// Waits until the handler has to answer: a twentieth of `SEND_TIMEOUT_MS`, at most 500 ms, before
    /// [`deadline`](Self::deadline), or when shutdown waits no longer. Who does not answer by then is dropped, and the
    /// whole message counts as not sent, or as in doubt once it was confirmed. So a sender that serves some
    /// recipients before others selects on this, and answers with [`Outcome::Split`] who has not got it yet.
    pub async fn time_is_up(&self) -> TimeUp {
        let limit = self.shared.settings.send_timeout;
        let mut stopping = self.shared.stopping.subscribe();
        tokio::select! {
            () = sleep_until(self.deadline() - (limit / 20).min(LAST_WORDS)) => TimeUp::SendTimeout(limit),
            _ = stopping.wait_for(|stopping| *stopping) => TimeUp::Shutdown,
        }
    }

    /// `SEND_TIMEOUT_MS` counts anew from now on: for a sender that has only waited so far, for a connection to
    /// become free for instance. A wait that [`time_is_up`](Self::time_is_up) ended must not cost a retry.
    pub fn restart_limit(&self) {
        self.held.start_limit(self.shared.settings.send_timeout);
    }

    /// What this message costs of `RATE_LIMIT_MAX`, 1 where nothing is said: an SMS of three parts costs 3. Say it
    /// before [`confirm`](Self::confirm).
    pub fn charge(&self, units: u32) {
        let before = self.held.charge(units);
        self.shared.spend(i64::from(units) - i64::from(before));
    }

    /// Call this right before the provider is told to accept: from here on a missing answer is in doubt, up to here
    /// the message was surely not sent. It costs nothing while the lease was renewed within its first half, else it
    /// renews it. With `ON_IN_DOUBT=dead_letter` it always makes that call, which marks the lease: if this worker dies
    /// before it has settled, the message is dead-lettered as in doubt instead of sent again.
    ///
    /// # Errors
    ///
    /// [`Unconfirmed`]: the lease is gone, Redis cannot say, or this attempt has been ended meanwhile. Stop, and
    /// answer [`Outcome::Unconfirmed`]: the message goes back at no cost, or is somebody else's already.
    pub async fn confirm(&self) -> Result<(), Unconfirmed> {
        let held = &self.held;
        let fresh = self.shared.settings.lease.as_millis() as u64 / 2;
        let mark = self.shared.settings.on_in_doubt == OnInDoubt::DeadLetter;
        if mark {
            held.mark();
        }
        if mark || held.renewed() + fresh < clock::boot_ms() {
            let renewed = keeper::extend(&self.shared, &self.shared.link, std::slice::from_ref(held)).await;
            if renewed.is_err() || held.renewed() + fresh < clock::boot_ms() {
                return Err(Unconfirmed);
            }
        }
        if held.is_lost() || !held.commit() {
            return Err(Unconfirmed);
        }
        Ok(())
    }
}
