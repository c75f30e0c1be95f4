//! Dead letters: looking at them, requeueing, purging and mending them.

mod letter;
mod scan;
mod selector;
mod take;
mod turn;

pub use letter::DeadLetter;
pub use scan::{DeadScan, Order};
pub(super) use scan::{FIRST, STRETCH, stretch};
pub use selector::Selector;

use super::QueueError;

/// What becomes of chosen dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadAction {
    /// Back to the end of their own lanes, with their full retries.
    Requeue,
    /// Gone for good.
    Purge,
}

/// How far a change of many dead letters is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many letters were moved.
    pub moved: u64,
    /// How many were looked at.
    pub looked_at: u64,
    /// How many there are to look at.
    pub total: u64,
}

/// A change of dead letters that did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Stopped {
    /// How many letters were moved, each whole.
    pub moved: u64,
    /// False where nothing can have changed.
    pub begun: bool,
    /// Why it stopped.
    #[source]
    pub error: QueueError,
}
