//! `/healthz`, `/readyz` and `/metrics`: looks at the worker, or at all of its process, when somebody asks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::WorkerError;
use super::claim::Why;
use super::health::{Claiming, Facts, Health, judge};
use super::progress::Doing;
use super::shared::Shared;
use crate::telemetry::http::Server;
use crate::telemetry::mask;
use crate::telemetry::metrics::{Now, Recorder};

/// The workers of one process that answer at one address: one at least.
#[derive(Clone)]
struct Served {
    workers: Arc<[Arc<Shared>]>,
    recorder: Arc<Recorder>,
}

/// Serves `workers`, whose metrics are in `recorder`, at `addr`.
///
/// # Errors
///
/// [`WorkerError::Http`]; nothing was started.
pub(crate) fn start(
    addr: SocketAddr,
    workers: Vec<Arc<Shared>>,
    recorder: Arc<Recorder>,
) -> Result<Server, WorkerError> {
    let handle = recorder.handle();
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Served { workers: workers.into(), recorder });
    // Without upkeep observations would pile up until somebody asks.
    let server = Server::start(addr, router, move || handle.run_upkeep());
    server.map_err(|error| WorkerError::Http { addr, error })
}

async fn healthz(State(served): State<Served>) -> Response {
    served.answer(|health| health.alive)
}

async fn readyz(State(served): State<Served>) -> Response {
    served.answer(|health| health.ready)
}

impl Served {
    /// What one worker says of itself; of several that all of them are `good`, what each says, and in front what the
    /// first says that is not.
    fn answer(&self, good: impl Fn(&Health) -> bool) -> Response {
        let told = |shared: &Arc<Shared>| {
            let facts = look(shared);
            let health = judge(&facts);
            let body = body(shared, &facts, &health);
            (health, body)
        };
        let mut all: Vec<_> = self.workers.iter().map(told).collect();
        let is_good = all.iter().all(|(health, _)| good(health));
        let body = match all.len() {
            1 => all.swap_remove(0).1,
            _ => together(all),
        };
        let status = if is_good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, [(CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
    }
}

fn body(shared: &Shared, facts: &Facts, health: &Health) -> Value {
    json!({
        "status": if health.alive { "ok" } else { "unhealthy" },
        "ready": health.ready,
        "reason": health.reason,
        "queue": shared.queue,
        "worker": shared.worker,
        "version": env!("CARGO_PKG_VERSION"),
        "redis": if facts.connected { "connected" } else { "disconnected" },
        "in_hand": facts.in_hand,
        "sending": facts.sending,
        "concurrency": shared.settings.concurrency,
    })
}

fn together(all: Vec<(Health, Value)>) -> Value {
    let named = |(health, body): &(Health, Value)| {
        format!("{}: {}", body["queue"].as_str().unwrap_or_default(), health.reason)
    };
    let (alive, ready) =
        (all.iter().all(|(health, _)| health.alive), all.iter().all(|(health, _)| health.ready));
    let worst =
        all.iter().find(|(health, _)| !health.alive).or_else(|| all.iter().find(|(health, _)| !health.ready));
    let reason = worst.map_or_else(|| format!("all {} queues are served", all.len()), named);
    let queues: Vec<_> = all.iter().filter_map(|(_, body)| body["queue"].as_str()).collect();
    json!({
        "status": if alive { "ok" } else { "unhealthy" },
        "ready": ready,
        "reason": reason,
        "queue": queues.join(","),
        "version": env!("CARGO_PKG_VERSION"),
        "queues": all.iter().map(|(_, body)| body).collect::<Vec<_>>(),
    })
}

async fn metrics(State(served): State<Served>) -> impl IntoResponse {
    for shared in &*served.workers {
        let gate = shared.progress.state().gate.why;
        shared.metrics.set(Now {
            in_flight: shared.hand.len(),
            breaker_open: breaker(shared).is_some(),
            throttled: gate == Why::Throttled,
            paused: gate == Why::Paused,
            redis_connected: shared.link.is_connected(),
        });
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], served.recorder.handle().render())
}

/// What is known of a worker now.
pub(super) fn look(shared: &Shared) -> Facts {
    // Before the state: what is no longer refused has been answered, and the state may not say so yet.
    let refusals = shared.link.refusals();
    let state = shared.progress.state();
    // Before the time of the last handler's end, for the same reason.
    let sending = shared.hand.sending();
    // A blocked thread is judged as such: nothing else can be blamed for standing still meanwhile.
    let now = shared.progress.seen();
    let lasted = |since: Instant| now.saturating_duration_since(since.max(refusals.ended.unwrap_or(since)));
    let claiming = match state.doing {
        Doing::Claiming => Claiming::Asking(lasted(state.since)),
        // What it waited for until then was a handler.
        Doing::Full => Claiming::Full(lasted(state.since.max(shared.hand.rested().unwrap_or(state.since)))),
        Doing::Asleep(until) => Claiming::Asleep(now.saturating_duration_since(until)),
    };
    let refusal = refusals.now.into_iter().next();
    Facts {
        stage: state.stage,
        silence: shared.progress.silence(),
        send_timeout: shared.settings.send_timeout,
        overdue: shared.hand.most_overdue().unwrap_or(Duration::ZERO),
        sending,
        in_hand: shared.hand.len(),
        connected: shared.link.is_connected(),
        refusal: refusal.map(|(script, error)| (script, mask::text(&error).into_owned())),
        claiming,
        settling: state.settling.map(lasted),
        gate: state.gate.why,
        breaker: breaker(shared),
        troubled: shared.troubles.load(Relaxed) > 0,
    }
}

/// Why the breaker is open, as far as this worker knows; half open is open.
fn breaker(shared: &Shared) -> Option<String> {
    let gate = shared.progress.state().gate;
    // It opened it itself, and has not claimed since.
    let opened = shared.breaker_told.load(Relaxed) > gate.asked;
    (opened || gate.breaker).then_some(gate.text)
}
