//! `GET /api/v1/messages/{queue}?state=delayed`: what is to be sent later.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use redispatch::queue;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::error::{ApiError, ErrorBody};
use super::queues::{InPath, InQuery};

/// At a time, unless more are asked for.
const LIMIT: u64 = 100;

/// At a time, at most.
const MOST: u64 = 1000;

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those that are delayed can be listed
    #[param(inline)]
    #[expect(dead_code, reason = "there is only one")]
    state: Listed,
    /// At most so many: 1 to 1000, 100 where it is not given
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// Pass over so many first
    #[serde(default)]
    skip: u64,
}

/// A state whose messages can be listed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Listed {
    /// Scheduled for later, or waiting for a retry
    Delayed,
}

/// What is delayed, the first due in front.
#[derive(Serialize, ToSchema)]
pub(super) struct Page {
    queue: String,
    /// How many there are in all
    total: u64,
    messages: Vec<Delayed>,
}

/// A message that waits for its time, or for its retry.
#[derive(Serialize, ToSchema)]
struct Delayed {
    /// Its id, if it has one
    id: Option<String>,
    /// Its name since its first claim
    reference: String,
    /// When it is due, ms since 1970 by Redis's clock
    due: i64,
    /// `high`, `pending` or `low`
    lane: &'static str,
    /// It waits for its time; else for a retry
    scheduled: bool,
    /// Failed sends so far
    retries: u32,
}

impl From<queue::Delayed> for Delayed {
    fn from(message: queue::Delayed) -> Self {
        let queue::Delayed { id, reference, due, lane, scheduled, retries, .. } = message;
        Self { id, reference, due, lane: lane.name(), scheduled, retries }
    }
}

/// What is to be sent later
///
/// Scheduled, or waiting for a retry; the first due in front.
#[utoipa::path(
    get,
    path = "/api/v1/messages/{queue}",
    operation_id = "list_delayed_messages",
    tag = "messages",
    params(("queue" = String, Path, description = "Name of the queue"), Wanted),
    responses(
        (status = OK, description = "Some of them", body = Page),
        (status = BAD_REQUEST, description = "Another state, or no number", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn delayed(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    wanted: InQuery<Wanted>,
) -> Result<Json<Page>, ApiError> {
    let (Path(name), Query(Wanted { limit, skip, .. })) = (name?, wanted?);
    let most = limit.unwrap_or(LIMIT).clamp(1, MOST);
    let (total, messages) = api
        .ask(async {
            let queue = api.known(&name).await?;
            let (stats, messages) = futures::try_join!(queue.stats(), queue.delayed(skip, most))?;
            Ok((stats.delayed, messages))
        })
        .await?;
    Ok(Json(Page { queue: name, total, messages: messages.into_iter().map(Delayed::from).collect() }))
}
