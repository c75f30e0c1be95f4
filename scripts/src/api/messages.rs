//! `POST /api/v1/messages/{queue}`: put messages in.

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
use utoipa::{IntoParams, IntoResponses, ToSchema};

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
    /// Enqueue also an id that was sent before; one that waits or is delayed gives way to the new message
    #[serde(default)]
    force: bool,
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

/// Why nothing was enqueued, whichever way it was asked for.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described")]
pub(super) enum NotEnqueued {
    /// No JSON
    #[response(status = BAD_REQUEST)]
    NoJson(ErrorBody),
    /// No such queue
    #[response(status = NOT_FOUND)]
    NoQueue(ErrorBody),
    /// One is larger than MAX_MESSAGE_BYTES, or there are too many
    #[response(status = PAYLOAD_TOO_LARGE)]
    TooLarge(ErrorBody),
    /// One is no message that a worker could take
    #[response(status = UNPROCESSABLE_ENTITY)]
    Unusable(ErrorBody),
    /// Redis is away, or the intake is paused: `intake_paused`, with the reason and `Retry-After`
    #[response(status = SERVICE_UNAVAILABLE)]
    NotNow(ErrorBody),
    /// Redis has no memory left
    #[response(status = INSUFFICIENT_STORAGE)]
    Full(ErrorBody),
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
        NotEnqueued,
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
        let step = api.ask(async {
            Ok(match into.force {
                true => queue.enqueue_again(lane, step.to_vec()).await?,
                false => queue.enqueue(lane, step.to_vec()).await?,
            })
        });
        let step = step.await?;
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
