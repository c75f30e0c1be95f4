//! `GET /api/v1/queues/{queue}/dead/groups`: how many of what.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::InPath;
use crate::dead::{Group, Kind};
use crate::masked;

/// Dead letters counted by what went wrong.
#[derive(Serialize, ToSchema)]
pub(super) struct DeadGroups {
    pub(super) queue: String,
    /// How many letters there are in all
    pub(super) total: u64,
    /// How many of them were counted so far, the newest first
    pub(super) looked_at: u64,
    /// Whether that was all; else ask again
    pub(super) done: bool,
    /// When counting began, ms since 1970 by Redis's clock
    pub(super) at: i64,
    /// The most frequent first
    pub(super) groups: Vec<DeadGroup>,
    /// Letters of still other kinds, where there are more than can be told apart or listed
    pub(super) others: u64,
}

/// Letters that were given up for one reason, with one answer of one provider.
#[derive(Serialize, ToSchema)]
pub(super) struct DeadGroup {
    #[schema(example = "reject")]
    reason: Option<String>,
    class: Option<String>,
    #[schema(example = "smtp")]
    provider: Option<String>,
    #[schema(example = "550")]
    code: Option<String>,
    count: u64,
    /// When the first of them was given up, ms since 1970
    oldest: Option<i64>,
    /// The same of the last
    newest: Option<i64>,
    /// What the newest of them says, recipients masked
    error: String,
}

impl DeadGroup {
    pub(super) fn of(kind: &Kind, group: &Group) -> Self {
        let Kind { reason, class, provider, code } = kind.clone();
        let Group { count, oldest, newest, error } = group;
        let error = masked::shown(error);
        Self { reason, class, provider, code, count: *count, oldest: *oldest, newest: *newest, error }
    }
}

/// Dead letters counted by what went wrong
///
/// Counted once for all who ask; the answer has what is known so far. A result is kept for ten seconds, and longer while
/// the letters are the same.
#[utoipa::path(
    get,
    path = "/api/v1/queues/{queue}/dead/groups",
    operation_id = "group_dead_letters",
    tag = "dead letters",
    params(("queue" = String, Path, description = "Name of the queue")),
    responses(
        (status = OK, description = "The groups, as far as they are counted", body = DeadGroups),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn groups(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
) -> Result<Json<DeadGroups>, ApiError> {
    let Path(name) = name?;
    let queue = api.ask(api.known(&name)).await?;
    Ok(Json(api.groupings.get(&api, queue).await?))
}
