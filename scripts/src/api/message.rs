//! `/api/v1/messages/{queue}/{id}`: what became of a message, and to move or cancel it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use redispatch::queue::Changed;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::error::{ApiError, ErrorBody};
use super::queues::InPath;
use super::{Api, body};
use crate::changed::told;
use crate::status::Status;
use crate::time;

/// A body that says a time is no longer, bytes.
const LONGEST: usize = 1 << 10;

/// Which message.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Which {
    /// Name of the queue
    pub(super) queue: String,
    /// The message's id
    pub(super) id: String,
}

/// A new time.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTime {
    /// RFC 3339 with an offset, or milliseconds since 1970; a time that is over means now
    #[schema(example = "2026-01-31T12:00:00+01:00")]
    send_at: Value,
}

/// A message that was rescheduled.
#[derive(Serialize, ToSchema)]
pub(super) struct Rescheduled {
    id: String,
    #[schema(example = "delayed")]
    state: &'static str,
    /// When it is sent, RFC 3339 in UTC
    #[schema(example = "2026-01-31T11:00:00.000Z")]
    send_at: String,
    /// The same, ms since 1970
    due: i64,
}

/// A message that is never sent.
#[derive(Serialize, ToSchema)]
pub(super) struct Cancelled {
    id: String,
    #[schema(example = "cancelled")]
    state: &'static str,
}

/// Why a message was not changed.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described")]
pub(super) enum NotChanged {
    /// No such queue, or nothing is known of this id
    #[response(status = NOT_FOUND)]
    Unknown(ErrorBody),
    /// It is too late: `in_hand`, `sent`, `dead` or `cancelled`
    #[response(status = CONFLICT)]
    TooLate(ErrorBody),
    /// Redis is away
    #[response(status = SERVICE_UNAVAILABLE)]
    Away(ErrorBody),
}

/// What became of a message
#[utoipa::path(
    get,
    path = "/api/v1/messages/{queue}/{id}",
    operation_id = "show_message",
    tag = "messages",
    params(Which),
    responses(
        (status = OK, description = "What is known of it", body = Status),
        (status = NOT_FOUND, description = "No such queue, or nothing is known of this id", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn status(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
) -> Result<Json<Status>, ApiError> {
    let Path(Which { queue, id }) = which?;
    let found = api.ask(async { Ok(api.known(&queue).await?.find(&id).await?) }).await?;
    let Some(found) = found else { return Err(unknown("nothing is known of this id")) };
    Ok(Json(Status::of(&queue, &id, &found, false)))
}

/// Change when a message is sent
///
/// Earlier or later, of what waits, is scheduled for later or waits for a retry.
#[utoipa::path(
    patch,
    path = "/api/v1/messages/{queue}/{id}",
    operation_id = "reschedule_message",
    tag = "messages",
    params(Which),
    request_body(content = NewTime, content_type = "application/json", description = "The new time"),
    responses(
        (status = OK, description = "It is sent then", body = Rescheduled),
        (status = BAD_REQUEST, description = "No JSON, or no time", body = ErrorBody),
        (status = UNPROCESSABLE_ENTITY, description = "It expires before that time", body = ErrorBody),
        NotChanged,
    ),
)]
pub(super) async fn reschedule(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Rescheduled>, ApiError> {
    let Path(Which { queue, id }) = which?;
    let at = new_time(&body::one(&headers, body, LONGEST).await?)?;
    let changed = api.ask(async { Ok(api.known(&queue).await?.reschedule(&id, at).await?) }).await?;
    match changed {
        Changed::Done => {
            let send_at = redispatch::clock::rfc3339(at.unsigned_abs());
            Ok(Json(Rescheduled { id, state: "delayed", send_at, due: at }))
        }
        refused => Err(not_changed(refused)),
    }
}

/// Cancel a message
///
/// It is never sent; its id is free again. One that was cancelled before is answered in the same way, so that a
/// request whose answer was lost can be repeated.
#[utoipa::path(
    delete,
    path = "/api/v1/messages/{queue}/{id}",
    operation_id = "cancel_message",
    tag = "messages",
    params(Which),
    responses((status = OK, description = "It is never sent", body = Cancelled), NotChanged),
)]
pub(super) async fn cancel(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
) -> Result<Json<Cancelled>, ApiError> {
    let Path(Which { queue, id }) = which?;
    let changed = api.ask(async { Ok(api.known(&queue).await?.cancel(&id, None).await?) }).await?;
    match changed {
        Changed::Done | Changed::Cancelled => Ok(Json(Cancelled { id, state: "cancelled" })),
        refused => Err(not_changed(refused)),
    }
}

/// The time in a body, ms since 1970, written as in a message.
fn new_time(body: &[u8]) -> Result<i64, ApiError> {
    let new: NewTime = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("not {{\"send_at\": …}}: {error}")))?;
    let at = match &new.send_at {
        // Digits in quotes are no number.
        Value::String(text) if text.bytes().any(|byte| !byte.is_ascii_digit()) => time::instant(text),
        Value::Number(ms) => time::instant(&ms.to_string()),
        _ => Err("give RFC 3339 with an offset, or a number of milliseconds since 1970".to_owned()),
    };
    at.map_err(|why| ApiError::bad_request(format!("send_at: {why}")))
}

fn not_changed(changed: Changed) -> ApiError {
    let (code, words) = told(changed);
    match changed {
        Changed::Unknown => unknown(&format!("a message of this id {words}")),
        _ => ApiError::new(StatusCode::CONFLICT, code, format!("nothing was changed: it {words}")),
    }
}

fn unknown(message: &str) -> ApiError {
    ApiError::not_found("unknown_message", message)
}
