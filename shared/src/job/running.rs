//! A job, as its handler sees it.

use crate::queue::QueueError;
use crate::worker::{Delivery, TimeUp};

/// A job that runs. Cheap to clone where its payload is.
#[derive(Clone)]
pub struct Job<P> {
    /// What its producer gave.
    pub payload: P,
    delivery: Delivery,
}

impl<P> Job<P> {
    pub(super) fn new(payload: P, delivery: Delivery) -> Self {
        Self { payload, delivery }
    }

    /// Its id, if its producer gave one or [`Queue::add`](crate::queue::Queue::add) did: what a second run is known by.
    pub fn id(&self) -> Option<&str> {
        self.delivery.id()
    }

    /// The queue's own name for it, the same on every attempt, for jobs without an id too.
    pub fn reference(&self) -> &str {
        self.delivery.reference()
    }

    /// Which attempt this is; the first is 1. One that a dead worker left behind does not count.
    pub fn attempt(&self) -> u32 {
        self.delivery.attempt()
    }

    /// Whose it is: `tenant` in its metadata, where that is a text.
    pub fn tenant(&self) -> Option<String> {
        self.delivery.metadata("tenant")?.as_str().map(str::to_owned)
    }

    /// Keeps a line for [`Queue::find`](crate::queue::Queue::find) and `queuectl show`, in one call to Redis. The newest
    /// 100 lines of a job are kept, of all its attempts, 16 KiB at most; one of more than 2,000 bytes is cut.
    ///
    /// False where nothing was kept: the job has no id, or is not this worker's any more.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]: it may have been kept. No reason to fail the job: `let _ = job.log(…).await`.
    pub async fn log(&self, line: &str) -> Result<bool, QueueError> {
        self.delivery.note(None, Some(line)).await
    }

    /// Keeps how far the job is, for the same: a percentage, or whatever number says it. NaN and infinity are not kept.
    ///
    /// # Errors
    ///
    /// As [`Job::log`].
    pub async fn progress(&self, progress: f64) -> Result<bool, QueueError> {
        match progress.is_finite() {
            true => self.delivery.note(Some(progress), None).await,
            false => Ok(false),
        }
    }

    /// Waits until the job has to end, and says why: `SEND_TIMEOUT_MS` is about to be over, or the worker stops. A job
    /// that ends with this as its error (`Err(why.into())`) costs nothing where the worker stops.
    pub async fn time_is_up(&self) -> TimeUp {
        self.delivery.time_is_up().await
    }

    /// Everything else that is known of it.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }
}
