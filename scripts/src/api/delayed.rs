//! `GET /api/v1/messages/{queue}?state=delayed` and `?state=waiting`: what is to be sent, later or next.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use redispatch::queue;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::error::{ApiError, ErrorBody};
use super::queues::{InPath, InQuery};
use crate::masked::Glimpse;

/// At a time, unless more are asked for.
const LIMIT: u64 = 100;

/// At a time, at most.
const MOST: u64 = 1000;

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Those that are delayed, or those that wait
    #[param(inline)]
    state: Listed,
    /// At most so many: 1 to 1000, 100 where it is not given; of those that wait, as many of each lane
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// Pass over so many first; of those that wait, of each lane
    #[serde(default)]
    skip: u64,
}

/// A state whose messages can be listed.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Listed {
    /// Scheduled for later, or waiting for a retry
    Delayed,
    /// Waiting for a worker
    Waiting,
}

/// What is delayed, or what waits.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Page {
    Delayed(DelayedPage),
    Waiting(WaitingPage),
}

/// The oldest of each lane, those that are claimed next in front; fewer where they are of many megabytes.
#[derive(Serialize, ToSchema)]
pub(super) struct WaitingPage {
    queue: String,
    /// How many wait in all
    total: u64,
    messages: Vec<Waiting>,
}

/// A message that waits for a worker.
#[derive(Serialize, ToSchema)]
struct Waiting {
    /// Its id, if it has one
    id: Option<String>,
    /// `high`, `pending` or `low`
    lane: &'static str,
    /// Whom it goes to, masked
    to: Option<String>,
    /// Its subject, recipients masked, cut where it is long
    subject: Option<String>,
    /// Its size
    bytes: usize,
}

/// What is delayed, the first due in front.
#[derive(Serialize, ToSchema)]
pub(super) struct DelayedPage {
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
    /// Whom it goes to, masked
    to: Option<String>,
    /// Its subject, recipients masked, cut where it is long
    subject: Option<String>,
}

impl From<queue::Delayed> for Delayed {
    fn from(message: queue::Delayed) -> Self {
        let queue::Delayed { id, reference, due, lane, scheduled, retries, bytes } = message;
        let Glimpse { to, subject, .. } = Glimpse::of(&bytes, false);
        Self { id, reference, due, lane: lane.name(), scheduled, retries, to, subject }
    }
}

impl From<queue::Waiting> for Waiting {
    fn from(message: queue::Waiting) -> Self {
        let queue::Waiting { lane, bytes, id, .. } = message;
        let Glimpse { to, subject, .. } = Glimpse::of(&bytes, false);
        Self { id, lane: lane.name(), to, subject, bytes: bytes.len() }
    }
}

/// What is to be sent, later or next
///
/// Scheduled, or waiting for a retry, the first due in front; or waiting for a worker, the oldest of each lane.
#[utoipa::path(
    get,
    path = "/api/v1/messages/{queue}",
    operation_id = "list_messages",
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
    let (Path(name), Query(Wanted { state, limit, skip })) = (name?, wanted?);
    let most = limit.unwrap_or(LIMIT).clamp(1, MOST);
    let page = api.ask(async {
        let queue = api.known(&name).await?;
        Ok(match state {
            Listed::Delayed => {
                let (stats, messages) = futures::try_join!(queue.stats(), queue.delayed(skip, most))?;
                let messages = messages.into_iter().map(Delayed::from).collect();
                Page::Delayed(DelayedPage { queue: name, total: stats.delayed, messages })
            }
            Listed::Waiting => {
                let queue::Oldest { messages, total } = queue.oldest_waiting(skip, most as usize).await?;
                let messages = messages.into_iter().map(Waiting::from).collect();
                Page::Waiting(WaitingPage { queue: name, total, messages })
            }
        })
    });
    Ok(Json(page.await?))
}
