//! `/api/admin/jobs/{queue}`: what a queue did last, and a way to put something into it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use futures::future::try_join4;
use redispatch::queue::{Active, Ended, Scheduled};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, ErrorBody};
use super::messages::{self, Target};
use super::queues::{InPath, InQuery};
use super::stats::Counts;
use super::{Api, body};

/// Of each kind, unless more are asked for.
const RECENT: usize = 100;

/// Of each kind, at most.
const MOST: usize = 1000;

/// A queue at a glance.
#[derive(Serialize, ToSchema)]
pub(super) struct Jobs {
    counts: Counts,
    recent: Recent,
    /// Schedules of the queue that workers can use, by name
    scheduled: Vec<Schedule>,
}

/// The newest first.
#[derive(Serialize, ToSchema)]
struct Recent {
    /// Sent
    completed: Vec<EndedJob>,
    /// Given up
    failed: Vec<EndedJob>,
    /// Being sent, those whose lease ends first in front
    active: Vec<ActiveJob>,
}

/// A message that was sent or given up.
#[derive(Serialize, ToSchema)]
struct EndedJob {
    /// Its id, or its reference where its producer gave none
    id: String,
    /// `sent` or `dead`
    state: String,
    /// When, ms since 1970
    at: u64,
    /// As its producer gave it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// A message that is being sent.
#[derive(Serialize, ToSchema)]
struct ActiveJob {
    /// Its id, or its reference where its producer gave none
    id: String,
    /// `sending`
    state: &'static str,
    /// Its name since its first claim
    reference: String,
    /// When its lease ends unless it is renewed, ms since 1970 by Redis's clock
    lease_ends: i64,
    /// Workers that died while they held it
    crashes: u32,
    /// Start id of the worker that holds it
    worker: String,
    /// As its producer gave it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    metadata: Option<Box<RawValue>>,
}

/// A cron schedule.
#[derive(Serialize, ToSchema)]
struct Schedule {
    /// `<queue>:<name>`
    key: String,
    pattern: String,
    timezone: String,
    /// The last firing, or when it was added, ms since 1970
    last: Option<i64>,
    /// The next firing, ms since 1970; none after its end
    next: Option<i64>,
}

/// The message that was enqueued.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Job {
    /// Its id, made up where it had none
    job_id: String,
}

/// What to show.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Shown {
    /// Only what has this text as `tenant` in its `metadata`
    tenant: Option<String>,
    /// Most entries of each list: 0 to 1000, 100 where it is not given
    #[param(maximum = 1000)]
    limit: Option<usize>,
}

impl From<Ended> for EndedJob {
    fn from(Ended { id, state, at, metadata }: Ended) -> Self {
        Self { id, state, at, metadata }
    }
}

impl From<Active> for ActiveJob {
    fn from(job: Active) -> Self {
        Self {
            id: job.id,
            state: "sending",
            reference: job.reference,
            lease_ends: job.lease_ends,
            crashes: job.crashes,
            worker: job.taker,
            metadata: job.metadata,
        }
    }
}

impl Schedule {
    fn new(queue: &str, scheduled: Scheduled) -> Option<Self> {
        let Scheduled { name, schedule, last, next } = scheduled;
        let schedule = schedule.ok()?;
        let key = format!("{queue}:{name}");
        Some(Self { key, pattern: schedule.pattern, timezone: schedule.timezone, last, next })
    }
}

/// A queue at a glance
#[utoipa::path(
    get,
    path = "/api/admin/jobs/{queue}",
    operation_id = "show_jobs",
    tag = "queues",
    params(("queue" = String, Path, description = "Name of the queue"), Shown),
    responses(
        (status = OK, description = "The queue", body = Jobs),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn jobs(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    shown: InQuery<Shown>,
) -> Result<Json<Jobs>, ApiError> {
    let (Path(name), Query(Shown { tenant, limit })) = (name?, shown?);
    let most = limit.unwrap_or(RECENT).min(MOST);
    // Of a tenant's there may be few among many.
    let active = if tenant.is_some() { MOST } else { most };
    let jobs = api.ask(async {
        let queue = api.known(&name).await?;
        let asked = try_join4(queue.stats(), queue.recent(), queue.active(active), queue.schedules());
        let (stats, recent, active, scheduled) = asked.await?;
        let is_meant = |whose: Option<String>| tenant.is_none() || whose == tenant;
        let ended = |state: &str| {
            let jobs = recent.iter().filter(|job| job.state == state && is_meant(job.tenant()));
            jobs.take(most).cloned().map(EndedJob::from).collect()
        };
        let active = active.into_iter().filter(|job| is_meant(job.tenant())).take(most);
        let recent = Recent {
            completed: ended("sent"),
            failed: ended("dead"),
            active: active.map(ActiveJob::from).collect(),
        };
        let scheduled = scheduled.into_iter().filter_map(|one| Schedule::new(&name, one)).collect();
        Ok(Jobs { counts: (&stats).into(), recent, scheduled })
    });
    Ok(Json(jobs.await?))
}

/// Enqueue one message
///
/// One whose id waits, is in hand, delayed, or was sent within its retention is not enqueued again: 200 instead of 201.
#[utoipa::path(
    post,
    path = "/api/admin/jobs/{queue}",
    operation_id = "enqueue_job",
    tag = "queues",
    params(("queue" = String, Path, description = "Name of the queue"), Target),
    request_body(content = Object, content_type = "application/json", description = "The message"),
    responses(
        (status = CREATED, description = "It waits", body = Job),
        (status = OK, description = "Its id is known", body = Job),
        messages::NotEnqueued,
    ),
)]
pub(super) async fn enqueue(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    into: InQuery<Target>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    let (Path(name), Query(into)) = (name?, into?);
    let message = body::one(&headers, body, api.client.settings().max_message_bytes).await?;
    let enqueued = messages::put(&api, &name, &into, vec![message]).await?;
    let status = messages::status_of(&enqueued);
    let job_id = enqueued.into_iter().next().map(|enqueued| enqueued.id).unwrap_or_default();
    Ok((status, Json(Job { job_id })))
}
