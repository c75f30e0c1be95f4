//! Says in `queue:C:workers` that this worker lives, and makes its queue, and those of `QUEUES`, known in
//! `queue:queues`, and the layout of the keys in `control`.

use std::sync::Arc;
use std::time::Duration;

use fred::interfaces::{HashesInterface, SetsInterface};
use fred::types::Value;
use tracing::debug;

use super::shared::Shared;
use crate::clock;
use crate::keys::LAYOUT;
use crate::link::Link;
use crate::place::Place;
use crate::script::{self, HEARTBEAT};

/// Beats until the worker stops. `registry` is where `queue:queues` is: in a cluster on a server that may be away while
/// that of the queue is not.
pub(crate) async fn run(shared: Arc<Shared>, registry: Place) {
    tokio::join!(
        async {
            while !register(&shared, &registry).await {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        },
        beats(&shared)
    );
}

async fn beats(shared: &Shared) {
    let interval = (shared.settings.lease / 2).clamp(Duration::from_secs(1), Duration::from_secs(10));
    let mut laid_out = false;
    loop {
        laid_out = laid_out || lay_out(shared).await;
        beat(shared, &text(shared)).await;
        tokio::time::sleep(if laid_out { interval } else { Duration::from_secs(1) }).await;
    }
}

/// Forgets this worker at a clean stop.
pub(crate) async fn stop(shared: &Shared) {
    beat(shared, "").await;
}

async fn register(shared: &Shared, registry: &Place) -> bool {
    let apart;
    let link = if shared.settings.redis.is_cluster() {
        apart = Link::new(registry.clone(), "registry").counted(shared.metrics.traffic.clone());
        &apart
    } else {
        &shared.link
    };
    let Ok(live) = link.client().await else { return false };
    let mut queues = shared.settings.queues.clone();
    queues.push(shared.queue.clone());
    let known = live.client.sadd::<i64, _, _>(shared.keys.queues(), queues).await;
    link.checked(&live, known).is_ok()
}

async fn lay_out(shared: &Shared) -> bool {
    let Ok(live) = shared.link.client().await else { return false };
    let layout = live.client.hsetnx::<i64, _, _, _>(shared.keys.control.clone(), "layout", LAYOUT).await;
    shared.link.checked(&live, layout).is_ok()
}

async fn beat(shared: &Shared, beat: &str) {
    let keys = vec![shared.keys.workers.clone(), shared.keys.claims.clone()];
    let args: Vec<Value> = vec![shared.worker.as_str().into(), shared.start.as_str().into(), beat.into()];
    if let Err(error) = script::run(&shared.link, &HEARTBEAT, keys, args).await {
        debug!(error = %script::describe(&error), "heartbeat failed; the next one follows");
    }
}

/// The heartbeat without its closing brace: `heartbeat.lua` adds Redis's time.
fn text(shared: &Shared) -> String {
    let oldest = shared.hand.oldest_sending().map(|since| clock::boot_ms().saturating_sub(since));
    let beat = serde_json::json!({
        "start": shared.start,
        "queue": shared.queue,
        "version": env!("CARGO_PKG_VERSION"),
        "pid": std::process::id(),
        "concurrency": shared.settings.concurrency,
        "lease_ms": shared.settings.lease.as_millis() as u64,
        "in_hand": shared.hand.len(),
        "sending": shared.hand.sending(),
        "oldest_ms": oldest,
    })
    .to_string();
    beat.trim_end_matches('}').to_owned()
}
