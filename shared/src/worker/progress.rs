//! What health checks go by: does the loop turn, does anything move.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::clock;

/// Signs of life of one worker, boot clock in ms; 0 means never yet.
#[derive(Debug, Default)]
pub struct Progress {
    turned: AtomicU64,
    moved: AtomicU64,
}

impl Progress {
    /// The claim loop has turned once more.
    pub(crate) fn turned(&self) {
        self.turned.store(clock::boot_ms(), Relaxed);
    }

    /// A message has been settled.
    pub(crate) fn moved(&self) {
        self.moved.store(clock::boot_ms(), Relaxed);
    }

    /// When the claim loop last turned.
    pub fn last_turn(&self) -> u64 {
        self.turned.load(Relaxed)
    }

    /// When a message was last settled.
    pub fn last_move(&self) -> u64 {
        self.moved.load(Relaxed)
    }
}
