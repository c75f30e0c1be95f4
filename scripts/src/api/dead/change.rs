//! One dead letter, chosen by its very bytes: edited, requeued or purged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use redispatch::queue::{DeadLetter, Queue};
use redispatch::telemetry::mask;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoResponses, ToSchema};

use super::one::{Which, find, unknown};
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::InPath;
use crate::api::{Api, body};
use crate::dead::{fields, key, refusal};

/// A body that says where a letter is, is no longer, bytes.
const LONGEST: usize = 1 << 10;

const GONE: &str = "it is no dead letter any more: somebody requeued, purged or edited it meanwhile";

/// Where to look first.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    /// The letter's `near`
    near: Option<u64>,
}

/// The message as it shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditOrder {
    /// The whole message. A field that is as it was, or that comes back as it was shown masked, keeps its bytes; what
    /// `_delivery` says stays whatever is given
    #[schema(value_type = Object)]
    message: Box<RawValue>,
    /// Requeue it at once
    #[serde(default)]
    requeue: bool,
    /// Even where a worker would refuse it
    #[serde(default)]
    force: bool,
    /// The letter's `near`
    near: Option<u64>,
}

/// What came of an edit.
#[derive(Serialize, ToSchema)]
pub(super) struct Edited {
    /// Its key from now on
    key: String,
    /// False where it was like that before
    edited: bool,
    requeued: bool,
}

/// It waits in its lane.
#[derive(Serialize, ToSchema)]
pub(super) struct Requeued {
    requeued: bool,
}

/// It is gone for good.
#[derive(Serialize, ToSchema)]
pub(super) struct Purged {
    purged: bool,
}

/// Why one letter was not changed.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only described")]
pub(super) enum NotChanged {
    /// No JSON, or not such an object
    #[response(status = BAD_REQUEST)]
    Bad(ErrorBody),
    /// No such queue, or no letter of these bytes any more: nothing was changed
    #[response(status = NOT_FOUND)]
    Unknown(ErrorBody),
    /// Many of them are being moved, or that was broken off and is put right now: `busy`, nothing was changed
    #[response(status = CONFLICT)]
    Busy(ErrorBody),
    /// Redis is away: the message says what may be done all the same
    #[response(status = SERVICE_UNAVAILABLE)]
    Away(ErrorBody),
}

/// Requeue one dead letter
///
/// To the end of its own lane, with its full retries. Chosen by its bytes: one that changed meanwhile is unknown.
#[utoipa::path(
    post,
    path = "/api/v1/queues/{queue}/dead/{key}/requeue",
    operation_id = "requeue_dead_letter",
    tag = "dead letters",
    params(Which),
    request_body(content = Place, content_type = "application/json", description = "Where it is"),
    responses((status = OK, description = "It waits", body = Requeued), NotChanged),
)]
pub(super) async fn requeue(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Requeued>, ApiError> {
    let Path(which) = which?;
    let Place { near } = body::object(&headers, body, LONGEST).await?;
    let requeued = api.ask(async {
        let (queue, letter) = choose(&api, &which, near).await?;
        Ok(queue.requeue_dead(&letter).await?)
    });
    let told = "it may be requeued all the same; ask again, and it is unknown where it was";
    if !requeued.await.map_err(|error| error.in_doubt(told))? {
        return Err(unknown(GONE));
    }
    api.groupings.forget(&which.queue);
    Ok(Json(Requeued { requeued: true }))
}

/// Purge one dead letter
///
/// What is purged is gone. Chosen by its bytes: one that changed meanwhile is unknown.
#[utoipa::path(
    post,
    path = "/api/v1/queues/{queue}/dead/{key}/purge",
    operation_id = "purge_dead_letter",
    tag = "dead letters",
    params(Which),
    request_body(content = Place, content_type = "application/json", description = "Where it is"),
    responses((status = OK, description = "It is gone", body = Purged), NotChanged),
)]
pub(super) async fn purge(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Purged>, ApiError> {
    let Path(which) = which?;
    let Place { near } = body::object(&headers, body, LONGEST).await?;
    let purged = api.ask(async {
        let (queue, letter) = choose(&api, &which, near).await?;
        Ok(queue.purge_dead(&letter).await?)
    });
    let told = "it may be purged all the same; ask again, and it is unknown where it was";
    if !purged.await.map_err(|error| error.in_doubt(told))? {
        return Err(unknown(GONE));
    }
    api.groupings.forget(&which.queue);
    Ok(Json(Purged { purged: true }))
}

/// How far an edit has come.
const FOUND: u8 = 1;
const EDITED: u8 = 2;

/// Edit one dead letter
///
/// In its place, and requeue it where that is asked for. What a worker would refuse is refused here, unless `force`.
#[utoipa::path(
    put,
    path = "/api/v1/queues/{queue}/dead/{key}",
    operation_id = "edit_dead_letter",
    tag = "dead letters",
    params(Which),
    request_body(content = EditOrder, content_type = "application/json", description = "The message as it shall be"),
    responses(
        (status = OK, description = "It is like that", body = Edited),
        (status = PAYLOAD_TOO_LARGE, description = "More than MAX_MESSAGE_BYTES", body = ErrorBody),
        (status = UNPROCESSABLE_ENTITY, description = "No object, or a worker would refuse it", body = ErrorBody),
        NotChanged,
    ),
)]
pub(super) async fn edit(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Edited>, ApiError> {
    let Path(which) = which?;
    let most = api.client.settings().max_message_bytes;
    let order: EditOrder = body::object(&headers, body, most.saturating_add(LONGEST)).await?;
    let stage = AtomicU8::new(0);
    let edited = api.ask(async {
        let (queue, letter) = choose(&api, &which, order.near).await?;
        let edited = usable(&queue, &letter, &order, most)?;
        stage.store(FOUND, Relaxed);
        change(&queue, letter, edited, order.requeue, &stage).await
    });
    let edited = edited.await.map_err(|error| match stage.load(Relaxed) {
        EDITED => error.in_doubt("it is edited, and may be requeued; the list says where it is"),
        FOUND => error.in_doubt("it may be edited all the same; ask again, and it is unknown where it was"),
        _ => error.in_doubt("nothing was changed"),
    })?;
    api.groupings.forget(&which.queue);
    Ok(Json(edited))
}

/// The letter, where nobody moves many of them just now.
async fn choose(api: &Arc<Api>, which: &Which, near: Option<u64>) -> Result<(Queue, DeadLetter), ApiError> {
    let queue = api.known(&which.queue).await?;
    if queue.dead_are_moved().await? {
        api.operations.mend(api, &which.queue);
        let message = "many of these dead letters are being moved, or that was broken off and is put right now: ask \
                       again in a moment";
        return Err(ApiError::busy(message));
    }
    let letter = find(&queue, &which.key, near).await?;
    Ok((queue, letter))
}

/// The message that it shall be, where a worker could use it.
fn usable(queue: &Queue, letter: &DeadLetter, order: &EditOrder, most: usize) -> Result<Bytes, ApiError> {
    let edited = fields::merge(&letter.bytes, order.message.get().as_bytes());
    let edited: Bytes = edited.map_err(|_| ApiError::unusable("message: not a JSON object"))?.into();
    if edited.len() > most.max(letter.bytes.len()) {
        let message = format!("a message of {} bytes; MAX_MESSAGE_BYTES allows {most}", edited.len());
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message));
    }
    match refusal(queue.name(), &edited).filter(|_| !order.force) {
        Some(why) => Err(ApiError::unusable(mask::text(&why))),
        None => Ok(edited),
    }
}

async fn change(
    queue: &Queue,
    letter: DeadLetter,
    edited: Bytes,
    requeue: bool,
    stage: &AtomicU8,
) -> Result<Edited, ApiError> {
    let is_edited = edited != letter.bytes;
    if is_edited && !queue.edit_dead(&letter, edited.clone()).await? {
        return Err(unknown(GONE));
    }
    let key = key(&edited);
    if requeue {
        if is_edited {
            stage.store(EDITED, Relaxed);
        }
        let requeued = queue.requeue_dead(&DeadLetter::read(edited).at(letter.place)).await;
        match requeued.map_err(ApiError::from) {
            Ok(true) => {}
            Ok(false) if is_edited => {
                return Err(unknown("it was edited, and then somebody else requeued or purged it"));
            }
            Ok(false) => return Err(unknown(GONE)),
            Err(busy) if is_edited && busy.status == StatusCode::CONFLICT => {
                return Err(ApiError::busy(
                    "it is edited, and not requeued: many dead letters are being moved",
                ));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Edited { key, edited: is_edited, requeued: requeue })
}
