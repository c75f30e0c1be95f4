//! Takes a message back by its id.

use std::time::Duration;

use super::{Queue, QueueError};

/// What came of an order about one message, given by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// It was done.
    Done,
    /// Nothing was changed: a worker has it in hand, and may have told the provider to accept it.
    InHand,
    /// Nothing was changed: it was sent.
    Sent,
    /// Nothing was changed: it was given up, and lies among the dead letters.
    Dead,
    /// Nothing was changed: it was cancelled before.
    Cancelled,
    /// Nothing was changed: no message of this id is known, waits or is delayed.
    Unknown,
}

impl Queue {
    /// Cancels the message `id` where it waits, is delayed or waits for a retry: with [`Changed::Done`] it is never
    /// sent. `mark`: where nobody knows the id, leave a mark for so long that drops a message of this id which comes yet.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be cancelled all the same. Safe to call again.
    pub async fn cancel(&self, id: &str, mark: Option<Duration>) -> Result<Changed, QueueError> {
        let _ = (id, mark);
        Err(QueueError::Redis("cancel: not built yet".to_owned()))
    }
}
