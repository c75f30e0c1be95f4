//! `GET /api/v1/queues/{queue}/dead/{key}`: one dead letter, opened.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use redispatch::queue::{DeadLetter, FailedAttempt, Queue};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::Letter;
use crate::api::Api;
use crate::api::content::Shown;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::{InPath, InQuery};
use crate::dead::{self, Sought};
use crate::masked;
use crate::status::Attempt;

/// How long a letter is looked for that is not where it was.
const LOOKING: Duration = Duration::from_millis(900);

/// Which dead letter.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Which {
    /// Name of the queue
    pub(super) queue: String,
    /// The letter's key
    pub(super) key: String,
}

/// How to look at it.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// Where to look first: the letter's `near`
    pub(super) near: Option<u64>,
    /// Do not mask addresses and numbers, and cut nothing
    #[serde(default)]
    pub(super) reveal: bool,
}

/// A dead letter with its message.
#[derive(Serialize, ToSchema)]
pub(super) struct OpenedLetter {
    #[serde(flatten)]
    letter: Letter,
    #[serde(flatten)]
    shown: Shown,
    /// The failed attempts that it tells of, oldest first
    attempts: Vec<Attempt>,
}

/// One dead letter with its message
///
/// Addresses and numbers are masked and long texts cut, unless `reveal` is asked for.
#[utoipa::path(
    get,
    path = "/api/v1/queues/{queue}/dead/{key}",
    operation_id = "show_dead_letter",
    tag = "dead letters",
    params(Which, How),
    responses(
        (status = OK, description = "The letter", body = OpenedLetter),
        (status = BAD_REQUEST, description = "An unknown parameter, or no number", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue, or no such letter any more", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
    how: InQuery<How>,
) -> Result<Json<OpenedLetter>, ApiError> {
    let (Path(which), Query(how)) = (which?, how?);
    let letter = open(&api, &which, how.near).await?;
    let (shown, has_html) = Letter::of(&letter, how.reveal);
    Ok(Json(OpenedLetter {
        letter: shown,
        shown: Shown::of(&letter.bytes, how.reveal, has_html),
        attempts: attempts(&letter.bytes, how.reveal),
    }))
}

pub(super) async fn open(api: &Api, which: &Which, near: Option<u64>) -> Result<DeadLetter, ApiError> {
    api.ask(async { find(&api.known(&which.queue).await?, &which.key, near).await }).await
}

/// The letter of this key.
pub(super) async fn find(queue: &Queue, key: &str, near: Option<u64>) -> Result<DeadLetter, ApiError> {
    if key.len() != 32 || key.bytes().any(|byte| !byte.is_ascii_hexdigit()) {
        return Err(unknown("a dead letter is named by 32 hex digits"));
    }
    match dead::by_key(queue, &key.to_ascii_lowercase(), near, LOOKING).await? {
        Sought::Found(letter) => Ok(*letter),
        Sought::Nowhere => Err(unknown("it is no dead letter any more: requeued, purged or edited")),
        Sought::NotAmong(count) => {
            Err(unknown(&format!("it is not where it was, nor among the {count} dead letters looked at")))
        }
    }
}

pub(super) fn unknown(message: &str) -> ApiError {
    ApiError::not_found("unknown_dead_letter", message)
}

/// What the message says of its failed attempts, as far as it can be read.
fn attempts(message: &[u8], reveal: bool) -> Vec<Attempt> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, rename = "_delivery")]
        delivery: &'a RawValue,
    }
    #[derive(Deserialize)]
    struct Delivery {
        attempts: Vec<FailedAttempt>,
    }
    let delivery = serde_json::from_slice::<Message<'_>>(message)
        .and_then(|message| serde_json::from_str::<Delivery>(message.delivery.get()));
    let attempts = delivery.map_or_else(|_| Vec::new(), |delivery| delivery.attempts);
    let shown = |FailedAttempt { at, error, code, provider }| Attempt {
        at,
        error: if reveal { error } else { masked::shown(&error) },
        code,
        provider,
    };
    attempts.into_iter().map(shown).collect()
}
