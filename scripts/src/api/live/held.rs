//! `/api/v1/queues/{queue}/held`: what is in workers' hands, and since when.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use redispatch::queue::Active;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::{InPath, InQuery};

/// Messages that are listed, at most.
const LISTED: usize = 100;

/// Messages that are looked through for those of one worker, at most.
const LOOKED_AT: usize = 1_000;

/// Whose.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct Whose {
    /// Start of the worker; of all without it
    worker: Option<String>,
}

/// What is in hand, those whose lease ends first in front: 100 at most.
#[derive(Serialize, ToSchema)]
pub(in crate::api) struct HeldPage {
    queue: String,
    messages: Vec<Held>,
}

/// A message in a worker's hands.
#[derive(Serialize, ToSchema)]
struct Held {
    /// Its id, or its reference where its producer gave none
    id: String,
    reference: String,
    /// When its attempt began, ms since 1970, where it has an id
    since: Option<i64>,
    /// When its lease ends unless it is renewed, ms since 1970
    lease_ends: i64,
    /// Workers that died while they held it
    crashes: u32,
    /// Start of the worker
    worker: String,
}

/// What is in workers' hands
#[utoipa::path(
    get,
    path = "/api/v1/queues/{queue}/held",
    operation_id = "list_held_messages",
    tag = "live",
    params(("queue" = String, Path, description = "Name of the queue"), Whose),
    responses(
        (status = OK, description = "What is in hand", body = HeldPage),
        (status = BAD_REQUEST, description = "No such parameter", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(in crate::api) async fn held(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    whose: InQuery<Whose>,
) -> Result<Json<HeldPage>, ApiError> {
    let (Path(name), Query(Whose { worker })) = (name?, whose?);
    let messages = api.ask(async {
        let queue = api.known(&name).await?;
        let held = match &worker {
            Some(worker) => queue.active_of(worker, LISTED, LOOKED_AT).await?,
            None => queue.active(LISTED).await?,
        };
        let since = queue.in_hand_since(&held).await?;
        Ok(held.into_iter().zip(since).map(|(message, since)| Held::new(message, since)).collect())
    });
    Ok(Json(HeldPage { messages: messages.await?, queue: name }))
}

impl Held {
    fn new(message: Active, since: Option<i64>) -> Self {
        let Active { id, reference, lease_ends, crashes, taker, .. } = message;
        Self { id, reference, since, lease_ends, crashes, worker: taker }
    }
}
