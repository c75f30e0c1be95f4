//! `/healthz`, `/readyz` and `/metrics`: looks at the worker when somebody asks.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::time::Instant;

use super::WorkerError;
use super::claim::Why;
use super::health::{Claiming, Facts, Health, judge};
use super::progress::Doing;
use super::shared::Shared;
use crate::telemetry::http::Server;
use crate::telemetry::{mask, metrics};

/// Serves at `HTTP_ADDR`, if there is one.
///
/// # Errors
///
/// [`WorkerError::Http`]; nothing was started.
pub(crate) fn start(shared: &Arc<Shared>) -> Result<Option<Server>, WorkerError> {
    let Some(addr) = shared.settings.http_addr else { return Ok(None) };
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(shared.clone());
    let kept = shared.clone();
    let server = Server::start(addr, router, move || kept.metrics.run_upkeep());
    server.map(Some).map_err(|error| WorkerError::Http { addr, error })
}

async fn healthz(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let facts = look(&shared);
    let health = judge(&facts);
    answer(&shared, &facts, &health, health.alive)
}

async fn readyz(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let facts = look(&shared);
    let health = judge(&facts);
    answer(&shared, &facts, &health, health.ready)
}

fn answer(shared: &Shared, facts: &Facts, health: &Health, good: bool) -> impl IntoResponse + use<> {
    let body = serde_json::json!({
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
    });
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(CONTENT_TYPE, "application/json")], format!("{body}\n"))
}

async fn metrics(State(shared): State<Arc<Shared>>) -> impl IntoResponse {
    let gate = shared.progress.state().gate.why;
    let text = shared.metrics.render(metrics::Now {
        in_flight: shared.hand.len(),
        breaker_open: breaker(&shared).is_some(),
        throttled: gate == Why::Throttled,
        paused: gate == Why::Paused,
        redis_connected: shared.link.is_connected(),
    });
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn look(shared: &Shared) -> Facts {
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
