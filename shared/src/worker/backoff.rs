//! How long a failed message waits.

use std::time::Duration;

use rand::Rng;

use crate::config::{Backoff, BackoffKind};

/// The wait after failed attempt number `attempt` (1 is the first).
pub(crate) fn delay(backoff: &Backoff, attempt: u32) -> Duration {
    let wait = match backoff.kind {
        BackoffKind::Fixed => backoff.delay,
        BackoffKind::Exponential => {
            backoff.delay.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)))
        }
    };
    let wait = wait.min(backoff.max_delay);
    let spread = backoff.jitter * rand::rng().random_range(-1.0..=1.0);
    wait.mul_f64((1.0 + spread).max(0.0)).min(backoff.max_delay)
}
