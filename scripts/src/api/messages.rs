//! `/api/v1/messages/{queue}`: put messages in, and see what becomes of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use redispatch::keys::Lane;
use redispatch::queue;
use redispatch::telemetry::mask;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::Given;
use super::error::{ApiError, ErrorBody};
use super::queues::{InPath, InQuery};
use super::{Api, body};

/// Messages put in between two looks at the clock.
const STEP: usize = 200;

/// Where messages are to wait.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Target {
    /// Its lane
    #[serde(default)]
    #[param(inline)]
    lane: LaneName,
}

/// A lane.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum LaneName {
    /// Urgent messages
    High,
    /// All others
    #[default]
    Pending,
    /// Bulk messages
    Low,
}

/// A message as its queue has it, or a list of messages.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only described: no byte of a message is changed by reading it")]
enum Messages {
    One(BTreeMap<String, serde_json::Value>),
    List(Vec<BTreeMap<String, serde_json::Value>>),
}

/// A message that was enqueued.
#[derive(Serialize, ToSchema)]
pub(super) struct Enqueued {
    /// Its id, made up where it had none
    pub(super) id: String,
    /// False where this id waits already, is in hand, delayed, or was sent within its retention
    pub(super) created: bool,
}

/// What came of one message or of a list.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Answer {
    One(Enqueued),
    List(Vec<Enqueued>),
}

/// What became of a message.
#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    queue: String,
    id: String,
    /// `waiting`, `sending`, `delayed`, `sent` or `dead`; a hint, no proof
    #[schema(example = "sent")]
    state: String,
    /// Since when, ms since 1970
    at: i64,
    /// When it is due, ms since 1970, while it is delayed
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<i64>,
    /// Why it was given up
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What the provider said last, recipients masked
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What the provider calls it
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
}

/// Enqueue a message, or a list of up to 1000
///
/// A list is enqueued in its order, or not at all where one of it is unusable. One whose id waits, is in hand,
/// delayed, or was sent within its retention is not enqueued again; where that is so for all, 200 instead of 201.
#[utoipa::path(
    post,
    path = "/api/v1/messages/{queue}",
    operation_id = "enqueue_messages",
    tag = "messages",
    params(("queue" = String, Path, description = "Name of the queue"), Target),
    request_body(content = Messages, content_type = "application/json", description = "The message, or a list of messages"),
    responses(
        (status = CREATED, description = "At least one waits now", body = Answer),
        (status = OK, description = "All ids are known", body = Answer),
        (status = BAD_REQUEST, description = "No JSON", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = PAYLOAD_TOO_LARGE, description = "One is larger than MAX_MESSAGE_BYTES, or there are too many", body = ErrorBody),
        (status = UNPROCESSABLE_ENTITY, description = "One is no message that a worker could take", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
        (status = INSUFFICIENT_STORAGE, description = "Redis has no memory left", body = ErrorBody),
    ),
)]
pub(super) async fn enqueue(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    into: InQuery<Target>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Answer>), ApiError> {
    let (Path(name), Query(into)) = (name?, into?);
    let given = body::some(&headers, body, api.client.settings().max_message_bytes).await?;
    let (is_list, messages) = match given {
        Given::One(message) => (false, vec![message]),
        Given::List(messages) => (true, messages),
    };
    let mut enqueued = put(&api, &name, &into, messages).await?;
    let status = status_of(&enqueued);
    let answer = match enqueued.pop() {
        Some(only) if !is_list => Answer::One(only),
        last => Answer::List(enqueued.into_iter().chain(last).collect()),
    };
    Ok((status, Json(answer)))
}

/// What became of a message
#[utoipa::path(
    get,
    path = "/api/v1/messages/{queue}/{id}",
    operation_id = "show_message",
    tag = "messages",
    params(
        ("queue" = String, Path, description = "Name of the queue"),
        ("id" = String, Path, description = "The message's id"),
    ),
    responses(
        (status = OK, description = "What is known of it", body = Status),
        (status = NOT_FOUND, description = "No such queue, or nothing is known of this id", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn status(
    State(api): State<Arc<Api>>,
    path: InPath<(String, String)>,
) -> Result<Json<Status>, ApiError> {
    let Path((name, id)) = path?;
    let found = api.ask(async { Ok(api.known(&name).await?.find(&id).await?) }).await?;
    let Some(mut found) = found else {
        return Err(ApiError::not_found("unknown_message", "nothing is known of this id"));
    };
    let mut field = |name| found.fields.remove(name).filter(|text: &String| !text.is_empty());
    Ok(Json(Status {
        reason: field("reason"),
        error: field("error").map(|error| mask::text(&error).into_owned()),
        provider_id: field("provider_id"),
        queue: name,
        id,
        state: found.state,
        at: found.at,
        due: found.due,
    }))
}

/// Enqueues all of `messages`, or none where one is unusable.
pub(super) async fn put(
    api: &Api,
    name: &str,
    into: &Target,
    messages: Vec<Bytes>,
) -> Result<Vec<Enqueued>, ApiError> {
    let lane = match into.lane {
        LaneName::High => Lane::High,
        LaneName::Pending => Lane::Pending,
        LaneName::Low => Lane::Low,
    };
    // A name of its own makes a queue, as it does for the library and the command line.
    let queue = api.client.queue(name)?;
    for (n, message) in messages.iter().enumerate() {
        check(name, message).map_err(|why| match messages.len() {
            1 => ApiError::unusable(why),
            _ => ApiError::unusable(format!("message {n} of the list (from 0): {why}")),
        })?;
    }
    let mut enqueued = Vec::with_capacity(messages.len());
    for step in messages.chunks(STEP) {
        let step = api.ask(async { Ok(queue.enqueue(lane, step.to_vec()).await?) }).await?;
        enqueued.extend(step.into_iter().map(|queue::Enqueued { id, created }| Enqueued { id, created }));
    }
    Ok(enqueued)
}

/// Why a worker would refuse the message for good.
fn check(queue: &str, message: &[u8]) -> Result<(), String> {
    redispatch_workers::validate(queue, message).map_err(|failure| mask::text(&failure.error).into_owned())
}

/// 201 where something was created.
pub(super) fn status_of(enqueued: &[Enqueued]) -> StatusCode {
    if enqueued.iter().any(|message| message.created) { StatusCode::CREATED } else { StatusCode::OK }
}
