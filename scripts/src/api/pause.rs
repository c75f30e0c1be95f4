//! `/api/v1/queues/{queue}/pause` and `/resume`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use redispatch::queue::{Pause, Queue};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody};
use super::queues::InPath;
use super::{Api, body};

/// A body is no longer, bytes.
const LONGEST: usize = 16 << 10;

/// Bytes of a note, at most.
const NOTE: usize = 1_000;

/// A century: longer, and clocks overflow.
const LAST: u64 = 36_525 * 86_400_000;

/// What to pause, and how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseOrder {
    /// How long, ms; until somebody resumes where it is null or not given
    #[schema(minimum = 1, example = 900_000)]
    for_ms: Option<u64>,
    /// Why, for whoever finds it paused: at most 1000 bytes
    #[serde(default)]
    #[schema(example = "new SMTP password is coming")]
    note: String,
    /// Refuse what is enqueued through library, queuectl and HTTP, and let workers go on; it has no end of its own
    #[serde(default)]
    intake: bool,
}

/// What to resume.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResumeOrder {
    /// The intake, not the workers
    #[serde(default)]
    intake: bool,
}

/// What is paused now.
#[derive(Serialize, ToSchema)]
pub(super) struct NowPaused {
    queue: String,
    /// Workers claim nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<PausedUntil>,
    /// Nothing is taken in through library, queuectl and HTTP
    #[serde(skip_serializing_if = "Option::is_none")]
    intake_paused: Option<PausedSince>,
}

/// A paused queue.
#[derive(Serialize, ToSchema)]
struct PausedUntil {
    /// Its end, ms since 1970 by Redis's clock; null until somebody resumes
    until: Option<i64>,
    note: String,
}

/// A paused intake.
#[derive(Serialize, ToSchema)]
struct PausedSince {
    /// Ms since 1970 by Redis's clock
    since: Option<i64>,
    note: String,
}

/// What is not paused any more.
#[derive(Serialize, ToSchema)]
pub(super) struct Resumed {
    queue: String,
    /// False where it was not paused
    resumed: bool,
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(pause)).routes(routes!(resume))
}

/// Pause a queue, or its intake
///
/// In place of a pause that there is. What is in hand goes on. Safe to repeat.
#[utoipa::path(
    post,
    path = "/api/v1/queues/{queue}/pause",
    operation_id = "pause_queue",
    tag = "queues",
    params(("queue" = String, Path, description = "Name of the queue")),
    request_body(content = PauseOrder, content_type = "application/json", description = "What, how long and why"),
    responses(
        (status = OK, description = "It is paused", body = NowPaused),
        (status = BAD_REQUEST, description = "No JSON, or not such an object", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away: it may be paused all the same", body = ErrorBody),
    ),
)]
pub(super) async fn pause(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<NowPaused>, ApiError> {
    let Path(name) = name?;
    let PauseOrder { for_ms, note, intake } = body::object(&headers, body, LONGEST).await?;
    if note.len() > NOTE {
        return Err(ApiError::bad_request(format!("note: {} bytes; {NOTE} are kept at most", note.len())));
    }
    if intake && for_ms.is_some() {
        return Err(ApiError::bad_request("for_ms: an intake is paused until somebody resumes it"));
    }
    if for_ms.is_some_and(|ms| !(1..=LAST).contains(&ms)) {
        return Err(ApiError::bad_request("for_ms: give 1 ms to 100 years, or null"));
    }
    let paused = api.ask(async {
        let queue = api.known(&name).await?;
        if intake { pause_intake(&queue, note).await } else { pause_workers(&queue, for_ms, note).await }
    });
    Ok(Json(
        paused.await.map_err(|error| error.in_doubt("it may be paused all the same; safe to ask again"))?,
    ))
}

async fn pause_workers(queue: &Queue, for_ms: Option<u64>, note: String) -> Result<NowPaused, ApiError> {
    let pause = Pause { lasts: for_ms.map(Duration::from_millis), note };
    let ends = queue.pause(&pause).await?;
    let paused = PausedUntil { until: (ends >= 0).then_some(ends), note: pause.note };
    Ok(NowPaused { queue: queue.name().to_owned(), paused: Some(paused), intake_paused: None })
}

async fn pause_intake(queue: &Queue, note: String) -> Result<NowPaused, ApiError> {
    queue.pause_intake(&note).await?;
    let since = queue.stats().await?.gates.intake.map(|intake| intake.since);
    let paused = PausedSince { since, note };
    Ok(NowPaused { queue: queue.name().to_owned(), paused: None, intake_paused: Some(paused) })
}

/// Resume a queue, or its intake
///
/// Safe to repeat: then nothing is paused any more, and the answer says so.
#[utoipa::path(
    post,
    path = "/api/v1/queues/{queue}/resume",
    operation_id = "resume_queue",
    tag = "queues",
    params(("queue" = String, Path, description = "Name of the queue")),
    request_body(content = ResumeOrder, content_type = "application/json", description = "What"),
    responses(
        (status = OK, description = "It is not paused", body = Resumed),
        (status = BAD_REQUEST, description = "No JSON, or not such an object", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away: it may be resumed all the same", body = ErrorBody),
    ),
)]
pub(super) async fn resume(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Resumed>, ApiError> {
    let Path(name) = name?;
    let ResumeOrder { intake } = body::object(&headers, body, LONGEST).await?;
    let resumed = api.ask(async {
        let queue = api.known(&name).await?;
        Ok(if intake { queue.resume_intake().await? } else { queue.resume().await? })
    });
    let resumed =
        resumed.await.map_err(|error| error.in_doubt("it may be resumed all the same; safe to ask again"))?;
    Ok(Json(Resumed { queue: name, resumed }))
}
