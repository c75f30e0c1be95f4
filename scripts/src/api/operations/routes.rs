//! `/api/v1/operations`: looked at, and stopped.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::running::Stage;
use super::{Operation, order};
use crate::api::Api;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::InPath;

/// So long an answer waits for the end of what is told to stop.
const WAIT: Duration = Duration::from_secs(1);

/// What this server does, and did last.
#[derive(Serialize, ToSchema)]
pub(super) struct OperationList {
    /// The newest first; the last 20 are known, as long as the server runs
    operations: Vec<Operation>,
}

pub(in crate::api) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(order::requeue))
        .routes(routes!(order::purge))
        .routes(routes!(list))
        .routes(routes!(show, stop))
}

/// Changes of many dead letters
#[utoipa::path(
    get,
    path = "/api/v1/operations",
    operation_id = "list_operations",
    tag = "dead letters",
    responses((status = OK, description = "All that are known", body = OperationList)),
)]
pub(super) async fn list(State(api): State<Arc<Api>>) -> Json<OperationList> {
    Json(OperationList { operations: api.operations.list() })
}

/// One change of many dead letters
#[utoipa::path(
    get,
    path = "/api/v1/operations/{id}",
    operation_id = "show_operation",
    tag = "dead letters",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, description = "The operation", body = Operation),
        (status = NOT_FOUND, description = "No such operation", body = ErrorBody),
    ),
)]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    id: InPath<String>,
) -> Result<Json<Operation>, ApiError> {
    let Path(id) = id?;
    Ok(Json(api.operations.one(&id)?.shown().clone()))
}

/// Stop a change of many dead letters
///
/// Between two letters: what was moved stays moved. Those that stay are put in their old order, which may take a moment
/// (`stopping`). One that has ended is answered as it is.
#[utoipa::path(
    delete,
    path = "/api/v1/operations/{id}",
    operation_id = "stop_operation",
    tag = "dead letters",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = OK, description = "Nothing more is moved", body = Operation),
        (status = NOT_FOUND, description = "No such operation", body = ErrorBody),
    ),
)]
pub(super) async fn stop(
    State(api): State<Arc<Api>>,
    id: InPath<String>,
) -> Result<Json<Operation>, ApiError> {
    let Path(id) = id?;
    let running = api.operations.one(&id)?;
    running.stop();
    let _ = timeout(WAIT, running.stage().wait_for(|stage| *stage >= Stage::Ended)).await;
    let operation = running.shown().clone();
    Ok(Json(operation))
}
