//! `GET /api/v1/health/redis`: JSON for people and load balancers, metrics for a scraper.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ApiError, Problem};
use super::snapshot::Snapshot;
use super::{Api, accept, metrics};

/// Whether Redis can be reached, and how much lies in it.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    #[schema(example = "healthy")]
    status: &'static str,
    #[schema(example = "connected")]
    redis: &'static str,
    /// Every queue by its name
    queues: BTreeMap<String, Depth>,
    /// The sum of all queues
    total: Depth,
    /// What is wrong
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

/// Redis is away.
#[derive(Serialize, ToSchema)]
pub(super) struct Unhealthy {
    #[schema(example = "unhealthy")]
    status: &'static str,
    #[schema(example = "disconnected")]
    redis: &'static str,
    error: Problem,
}

/// How much lies in a queue.
#[derive(Default, Serialize, ToSchema)]
struct Depth {
    /// Waiting in any lane
    pending: u64,
    /// Being sent
    processing: u64,
    /// Given up
    dead_letter: u64,
}

/// Whether Redis can be reached
///
/// An `Accept` header that prefers text (`text/plain`, `application/openmetrics-text`) to JSON is answered as
/// `/metrics` is: always with 200, and `redispatch_redis_up` 0 where Redis is away.
#[utoipa::path(
    get,
    path = "/api/v1/health/redis",
    tag = "monitoring",
    security(()),
    responses(
        (status = OK, description = "Redis answers", content(
            (Health = "application/json"),
            (String = "text/plain; version=0.0.4"),
        )),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away, or a queue cannot be counted", body = Unhealthy),
    ),
)]
pub(super) async fn health(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    let mut response = if accept::wants_text(&headers) {
        metrics::scrape(&api).await
    } else {
        match api.snapshots.get(&api.client, Duration::ZERO).await {
            Ok(snapshot) => counted(&snapshot),
            Err(error) => away(error),
        }
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

fn counted(snapshot: &Snapshot) -> Response {
    let mut total = Depth::default();
    let mut queues = BTreeMap::new();
    for (glance, _) in &snapshot.queues {
        let stats = &glance.stats;
        let depth =
            Depth { pending: stats.waiting(), processing: stats.processing, dead_letter: stats.dead_letter };
        total.pending += depth.pending;
        total.processing += depth.processing;
        total.dead_letter += depth.dead_letter;
        queues.insert(glance.queue.clone(), depth);
    }
    let broken = snapshot.broken.first();
    let names: Vec<&str> = snapshot.broken.iter().map(|(name, _)| name.as_str()).collect();
    let error = broken.map(|_| Problem {
        code: "broken_queue",
        message: format!("cannot be counted, ask `queuectl doctor`: {}", names.join(", ")),
    });
    let status = if broken.is_some() { "unhealthy" } else { "healthy" };
    let code = if broken.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let mut response =
        (code, Json(Health { status, redis: "connected", queues, total, error })).into_response();
    if let Some((_, cause)) = broken {
        response.extensions_mut().insert(cause.clone());
    }
    response
}

fn away(error: ApiError) -> Response {
    let body = Unhealthy { status: "unhealthy", redis: "disconnected", error: error.problem };
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response();
    if let Some(cause) = error.cause {
        response.extensions_mut().insert(cause);
    }
    response
}
