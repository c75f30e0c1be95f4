//! What a transition counts as.

use super::hand::Held;
use super::settlement::Change;
use super::shared::Shared;
use crate::clock;
use crate::telemetry::metrics::Metrics;

/// Counts what becomes of a message, by the rules of the scripts that move it.
pub(crate) fn measure(shared: &Shared, held: &Held, change: &Change) {
    let metrics = &shared.metrics;
    if !metrics.is_on() {
        return;
    }
    match change {
        Change::Complete(receipt) => accepted(metrics, held, receipt.provider),
        Change::Retry { .. } => metrics.retried.increment(1),
        Change::DeadLetter { class, .. } => metrics.dead_lettered(class),
        Change::Split { served, provider, parts } => {
            if *served {
                accepted(metrics, held, *provider);
            }
            for part in parts {
                match part.delay {
                    Some(_) => metrics.retried.increment(1),
                    None => metrics.dead_lettered(part.class),
                }
            }
        }
        Change::Wait { .. } | Change::Release { .. } | Change::Park { .. } | Change::Trouble(_) => {}
    }
}

fn accepted(metrics: &Metrics, held: &Held, provider: Option<&'static str>) {
    metrics.sent(provider);
    // Of the two times the later one: before `send_at` nobody waits.
    if let Some(from) = held.head.send_at.max(held.head.created_at) {
        let waited = (clock::unix_ms() as i64).saturating_sub(from).max(0);
        metrics.queue_latency.record(waited as f64 / 1000.0);
    }
}
