//! `/api/v1/messages/{queue}/{id}/content` and `/html`: a message itself, wherever it is.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use redispatch::queue::{Found, Queue};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use super::dead::html_page;
use super::error::{ApiError, ErrorBody};
use super::message::Which;
use super::queues::{InPath, InQuery};
use crate::dead::{self, Sought};
use crate::masked::{self, Glimpse, masked};

/// How long it is looked for among those that wait, and among the dead letters.
const LOOKING: Duration = Duration::from_millis(500);

/// A message as it may be shown.
#[derive(Serialize, ToSchema)]
pub(super) struct Shown {
    /// The message, where it is JSON: as it is where it is revealed, else masked, and long texts cut
    #[schema(value_type = Option<Object>)]
    message: Option<Box<RawValue>>,
    /// Its text, where it is none
    text: Option<String>,
    /// It has a part that is HTML
    has_html: bool,
}

/// A message itself, and where it is.
#[derive(Serialize, ToSchema)]
pub(super) struct Content {
    queue: String,
    id: String,
    /// `waiting`, `sending`, `delayed` or `dead`
    #[schema(example = "waiting")]
    place: &'static str,
    /// Of a dead letter: its key
    key: Option<String>,
    /// Of a dead letter: its place, 0 for the oldest
    near: Option<u64>,
    #[serde(flatten)]
    shown: Shown,
}

/// How to look at it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Reveal {
    /// Do not mask addresses and numbers, and cut nothing
    #[serde(default)]
    reveal: bool,
}

/// A message that was found.
struct Placed {
    place: &'static str,
    bytes: Bytes,
    near: Option<u64>,
}

impl Shown {
    pub(super) fn of(bytes: &[u8], reveal: bool, has_html: bool) -> Self {
        let message = match reveal {
            true => serde_json::from_slice::<Box<RawValue>>(bytes).ok(),
            false => masked(bytes).and_then(|message| to_raw_value(&message).ok()),
        };
        let text = message.is_none().then(|| {
            let text = String::from_utf8_lossy(bytes);
            if reveal { text.into_owned() } else { masked::shown(&text) }
        });
        Self { message, text, has_html }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(content)).routes(routes!(html))
}

/// A message itself
///
/// While it waits, is sent, is delayed or is a dead letter; what was sent is not kept. One that waits is looked for among
/// the first and last 10,000 of each lane, a dead letter from the newest on, each for half a second at most. Addresses
/// and numbers are masked and long texts cut, unless `reveal` is asked for.
#[utoipa::path(
    get,
    path = "/api/v1/messages/{queue}/{id}/content",
    operation_id = "show_message_content",
    tag = "messages",
    params(Which, Reveal),
    responses(
        (status = OK, description = "The message", body = Content),
        (status = BAD_REQUEST, description = "An unknown parameter", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue, or the message is nowhere: `no_content`", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn content(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
    how: InQuery<Reveal>,
) -> Result<Json<Content>, ApiError> {
    let (Path(Which { queue, id }), Query(Reveal { reveal })) = (which?, how?);
    let Placed { place, bytes, near } = open(&api, &queue, &id).await?;
    let key = near.map(|_| dead::key(&bytes));
    let shown = Shown::of(&bytes, reveal, Glimpse::of(&bytes, reveal).has_html);
    Ok(Json(Content { queue, id, place, key, near, shown }))
}

/// The HTML of a message
///
/// For a sandboxed frame: nothing in it runs, and nothing is loaded. Addresses and numbers are masked unless `reveal` is
/// asked for.
#[utoipa::path(
    get,
    path = "/api/v1/messages/{queue}/{id}/html",
    operation_id = "show_message_html",
    tag = "messages",
    params(Which, Reveal),
    responses(
        (status = OK, description = "Its HTML", content_type = "text/html", body = String),
        (status = BAD_REQUEST, description = "An unknown parameter", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue, the message is nowhere, or it has no HTML", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn html(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
    how: InQuery<Reveal>,
) -> Result<Response, ApiError> {
    let (Path(Which { queue, id }), Query(Reveal { reveal })) = (which?, how?);
    html_page(&open(&api, &queue, &id).await?.bytes, reveal)
}

async fn open(api: &Api, queue: &str, id: &str) -> Result<Placed, ApiError> {
    api.ask(async { find(&api.known(queue).await?, id).await }).await
}

async fn find(queue: &Queue, id: &str) -> Result<Placed, ApiError> {
    let found = queue.find(id).await?;
    let state = found.as_ref().map(|found| found.state.clone()).unwrap_or_default();
    if let Some(placed) = in_hand(found) {
        return Ok(placed);
    }
    let nowhere = |message: &str| Err(ApiError::not_found("no_content", message));
    match state.as_str() {
        "sent" => return nowhere("it was sent, and what was sent is not kept"),
        "cancelled" => return nowhere("it was cancelled, and is not kept"),
        _ => {}
    }
    // A status is a hint: what it says may be over.
    if state == "dead"
        && let Some(placed) = dead_letter(queue, id).await?
    {
        return Ok(placed);
    }
    if let Some(waiting) = queue.find_waiting(id, LOOKING).await? {
        return Ok(Placed { place: "waiting", bytes: waiting.bytes, near: None });
    }
    if state != "dead"
        && let Some(placed) = dead_letter(queue, id).await?
    {
        return Ok(placed);
    }
    // A worker may have taken it meanwhile.
    match in_hand(queue.find(id).await?) {
        Some(placed) => Ok(placed),
        None => nowhere("it is not where one can look: deep in a long lane, or not there any more"),
    }
}

fn in_hand(found: Option<Found>) -> Option<Placed> {
    let found = found?;
    let place = if found.state == "delayed" { "delayed" } else { "sending" };
    Some(Placed { place, bytes: found.message?, near: None })
}

async fn dead_letter(queue: &Queue, id: &str) -> Result<Option<Placed>, ApiError> {
    Ok(match dead::by_id(queue, id, LOOKING).await? {
        Sought::Found(letter) => Some(Placed { place: "dead", near: letter.place, bytes: letter.bytes }),
        Sought::Nowhere | Sought::NotAmong(_) => None,
    })
}
