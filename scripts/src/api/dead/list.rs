//! `GET /api/v1/queues/{queue}/dead`: the newest, or those that are meant.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use redispatch::queue::{Order, Queue, QueueError, Selector};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::Letter;
use crate::api::Api;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::{InPath, InQuery};
use crate::dead::Filter;

/// At a time, unless more are asked for.
const LIMIT: usize = 50;

/// At a time, at most.
const MOST: usize = 500;

/// Letters that one call looks at, about, where few of them are meant.
const LOOKED_AT: u64 = 20_000;

/// How long one call looks where few may be meant, and where all are.
const LOOKING: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(1));

/// Which letters. An empty `reason`, `class`, `code` or `provider` means those that have none.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Pass over so many first: `next` of the answer before
    #[serde(default)]
    from: u64,
    /// At most so many: 1 to 500, 50 where it is not given
    #[param(minimum = 1, maximum = 500)]
    limit: Option<usize>,
    /// Its id, or its reference
    id: Option<String>,
    /// `malformed`, `reject`, `expired`, `poison`, `in_doubt` or `retries_exhausted`
    reason: Option<String>,
    /// How the last attempt ended
    class: Option<String>,
    /// What the provider answered
    code: Option<String>,
    /// Who was to send it
    provider: Option<String>,
    /// A part of the error, in small or capital letters
    error: Option<String>,
    /// Given up before then, ms since 1970
    before: Option<i64>,
    /// Given up then or later, ms since 1970
    since: Option<i64>,
}

/// Some dead letters, the newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct DeadLetters {
    queue: String,
    /// How many there are in all, meant or not
    total: u64,
    /// How many this call looked at
    looked_at: u64,
    /// `from` of the call that goes on; none at the end
    next: Option<u64>,
    letters: Vec<Letter>,
}

/// Dead letters, the newest first
///
/// With a filter a call looks at about 20,000 letters, or for 300 ms: where fewer than `limit` of these are meant the
/// answer is short, and `next` says where to go on. What is given up meanwhile moves the others on, so that one may come
/// twice.
#[utoipa::path(
    get,
    path = "/api/v1/queues/{queue}/dead",
    operation_id = "list_dead_letters",
    tag = "dead letters",
    params(("queue" = String, Path, description = "Name of the queue"), Wanted),
    responses(
        (status = OK, description = "Some of them", body = DeadLetters),
        (status = BAD_REQUEST, description = "An unknown parameter, or no number", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    name: InPath<String>,
    wanted: InQuery<Wanted>,
) -> Result<Json<DeadLetters>, ApiError> {
    let (Path(name), Query(wanted)) = (name?, wanted?);
    let Wanted { from, limit, id, reason, class, code, provider, error, before, since } = wanted;
    let most = limit.unwrap_or(LIMIT).clamp(1, MOST);
    let selector = Filter { id, reason, class, code, provider, error, before, since }.selector(None);
    let found = api.ask(async { Ok(find(&api.known(&name).await?, &selector, from, most).await?) });
    Ok(Json(found.await?))
}

async fn find(queue: &Queue, selector: &Selector, from: u64, most: usize) -> Result<DeadLetters, QueueError> {
    let until = Instant::now() + if selector.is_all() { LOOKING.1 } else { LOOKING.0 };
    let mut scan = queue.dead_letters(Order::Newest).await?.skip(from);
    let (total, first) = (scan.total, scan.looked_at());
    let (mut letters, mut next) = (Vec::new(), first);
    while letters.len() < most && next - first < LOOKED_AT {
        let some = scan.next().await?;
        if some.is_empty() {
            break;
        }
        for letter in some {
            next += 1;
            if selector.matches(&letter) {
                letters.push(Letter::of(&letter, false).0);
                if letters.len() == most {
                    break;
                }
            }
        }
        if Instant::now() >= until {
            break;
        }
    }
    let queue = queue.name().to_owned();
    Ok(DeadLetters { queue, total, looked_at: next - first, next: (next < total).then_some(next), letters })
}
