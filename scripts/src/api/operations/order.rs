//! `POST /api/v1/queues/{queue}/dead/requeue` and `/purge`: many letters at once.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use redispatch::queue::{self, DeadAction, Queue, Selector};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoResponses, ToSchema};

use super::{Operation, Order};
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::InPath;
use crate::api::{Api, REDIS_LIMIT, body};
use crate::dead::{Filter, unchosen};

/// A body is no longer, bytes.
const LONGEST: usize = 16 << 10;

/// How long a dry run counts.
const COUNTING: Duration = Duration::from_secs(8);

/// Which letters to requeue.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequeueOrder {
    #[serde(default)]
    filter: Filter,
    /// All of them: needed where the filter chooses nothing, and only there
    #[serde(default)]
    all: bool,
    /// No more than so many, the oldest: what somebody has seen and confirmed
    #[schema(minimum = 1)]
    limit: Option<u64>,
    /// No more than so many a second: 0.001 to 1000000; as fast as it goes where it is null or not given
    #[schema(example = 20)]
    per_second: Option<f64>,
    /// Count them, and do nothing
    #[serde(default)]
    dry_run: bool,
}

/// Which letters to purge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PurgeOrder {
    #[serde(default)]
    filter: Filter,
    /// All of them: needed where the filter chooses nothing, and only there
    #[serde(default)]
    all: bool,
    /// No more than so many, the oldest: what somebody has seen and confirmed
    #[schema(minimum = 1)]
    limit: Option<u64>,
    /// Count them, and do nothing
    #[serde(default)]
    dry_run: bool,
}

/// How many letters an order means.
#[derive(Serialize, ToSchema)]
pub(super) struct Meant {
    count: u64,
    /// False where there are so many letters that not all were looked at
    complete: bool,
}

/// Why nothing begins.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described")]
pub(super) enum NotBegun {
    /// No JSON, not such an object, or nothing chooses which ones
    #[response(status = BAD_REQUEST)]
    Bad(ErrorBody),
    /// No such queue
    #[response(status = NOT_FOUND)]
    NoQueue(ErrorBody),
    /// Another operation, or queuectl, is at work on these dead letters: `busy`
    #[response(status = CONFLICT)]
    Busy(ErrorBody),
    /// Redis is away, or this server stops
    #[response(status = SERVICE_UNAVAILABLE)]
    Away(ErrorBody),
}

/// Requeue many dead letters
///
/// Each whole, to the end of its own lane, the oldest first, with its full retries; out of those that are there when it
/// begins. One operation at a time for a queue.
#[utoipa::path(
    post,
    path = "/api/v1/queues/{queue}/dead/requeue",
    operation_id = "requeue_dead_letters",
    tag = "dead letters",
    params(("queue" = String, Path, description = "Name of the queue")),
    request_body(content = RequeueOrder, content_type = "application/json", description = "Which ones"),
    responses(
        (status = ACCEPTED, description = "It has begun", body = Operation),
        (status = OK, description = "So many would be moved; nothing was changed", body = Meant),
        NotBegun,
    ),
)]
pub(super) async fn requeue(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Path(name) = name?;
    let order: RequeueOrder = body::object(&headers, body, LONGEST).await?;
    let RequeueOrder { filter, all, limit, per_second, dry_run } = order;
    if per_second.is_some_and(|pace| !(0.001..=1_000_000.0).contains(&pace)) {
        return Err(ApiError::bad_request("per_second: give 0.001 to 1000000, or null"));
    }
    begin(&api, &name, (filter, all, limit), DeadAction::Requeue, per_second, dry_run).await
}

/// Purge many dead letters
///
/// For good, out of those that are there when it begins. One operation at a time for a queue.
#[utoipa::path(
    post,
    path = "/api/v1/queues/{queue}/dead/purge",
    operation_id = "purge_dead_letters",
    tag = "dead letters",
    params(("queue" = String, Path, description = "Name of the queue")),
    request_body(content = PurgeOrder, content_type = "application/json", description = "Which ones"),
    responses(
        (status = ACCEPTED, description = "It has begun", body = Operation),
        (status = OK, description = "So many would be purged; nothing was changed", body = Meant),
        NotBegun,
    ),
)]
pub(super) async fn purge(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Path(name) = name?;
    let PurgeOrder { filter, all, limit, dry_run } = body::object(&headers, body, LONGEST).await?;
    begin(&api, &name, (filter, all, limit), DeadAction::Purge, None, dry_run).await
}

async fn begin(
    api: &Arc<Api>,
    name: &str,
    (filter, all, limit): (Filter, bool, Option<u64>),
    action: DeadAction,
    per_second: Option<f64>,
    dry_run: bool,
) -> Result<Response, ApiError> {
    if limit == Some(0) {
        return Err(ApiError::bad_request("limit: give 1 or more, or null"));
    }
    let selector = filter.clone().selector(limit);
    // A limit alone, which the command line takes for a requeue, is what a page sends that forgot its filter.
    if let Some(what) = unchosen(&selector, all, DeadAction::Purge) {
        return Err(ApiError::bad_request(format!("{what}: give a filter, or all: true")));
    }
    let queue = async {
        let queue = api.known(name).await?;
        let now = queue.clock().await?;
        Ok((queue, now))
    };
    let (queue, now) = api.ask(queue).await?;
    if dry_run {
        return Ok(Json(count(&queue, &selector).await?).into_response());
    }
    let order = Order { filter, selector, action, per_second };
    let operation = api.operations.start(api, queue, now, order).await?;
    Ok((StatusCode::ACCEPTED, Json(operation)).into_response())
}

async fn count(queue: &Queue, selector: &Selector) -> Result<Meant, ApiError> {
    let until = Instant::now() + COUNTING;
    let limit = selector.limit.unwrap_or(u64::MAX);
    let mut scan = queue.within(REDIS_LIMIT, queue.dead_letters(queue::Order::Oldest)).await?;
    let mut count = 0;
    while count < limit {
        let letters = queue.within(REDIS_LIMIT, scan.next()).await?;
        if letters.is_empty() {
            break;
        }
        count += letters.iter().filter(|letter| selector.matches(letter)).count() as u64;
        if Instant::now() >= until {
            return Ok(Meant { count: count.min(limit), complete: false });
        }
    }
    Ok(Meant { count: count.min(limit), complete: true })
}
