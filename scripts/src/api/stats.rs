//! `GET /api/queue/stats`: five numbers.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use futures::future::try_join_all;
use redispatch::queue;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::error::{ApiError, ErrorBody};
use super::queues::InQuery;

/// How many messages are where.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Counts {
    /// Waiting in any lane
    waiting: u64,
    /// Being sent
    active: u64,
    /// Sent, ever
    completed: u64,
    /// Dead letters
    failed: u64,
    /// Waiting for a retry or for their time
    delayed: u64,
}

impl From<&queue::Stats> for Counts {
    fn from(stats: &queue::Stats) -> Self {
        Self {
            waiting: stats.waiting(),
            active: stats.processing,
            completed: stats.counters.get("sent").copied().unwrap_or(0),
            failed: stats.dead_letter,
            delayed: stats.delayed,
        }
    }
}

impl Counts {
    fn plus(self, other: &Self) -> Self {
        Self {
            waiting: self.waiting + other.waiting,
            active: self.active + other.active,
            completed: self.completed + other.completed,
            failed: self.failed + other.failed,
            delayed: self.delayed + other.delayed,
        }
    }
}

/// Which queue.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Which {
    /// Its name; all queues together without it
    queue: Option<String>,
}

/// How many messages are where
#[utoipa::path(
    get,
    path = "/api/queue/stats",
    tag = "queues",
    params(Which),
    responses(
        (status = OK, description = "How many are where", body = Counts),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn stats(
    State(api): State<Arc<Api>>,
    which: InQuery<Which>,
) -> Result<Json<Counts>, ApiError> {
    let Query(which) = which?;
    let counts = api.ask(async {
        if let Some(name) = which.queue {
            let stats = api.known(&name).await?.stats().await?;
            return Ok(Counts::from(&stats));
        }
        let names = api.client.queues().await?;
        let all = try_join_all(names.iter().map(async |name| api.client.queue(name)?.stats().await)).await?;
        Ok(all.iter().map(Counts::from).fold(Counts::default(), |sum, counts| sum.plus(&counts)))
    });
    Ok(Json(counts.await?))
}
