//! Every answer that is no success: `{"error":{"code":"…","message":"…"}}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use redispatch::queue::QueueError;
use serde::Serialize;
use utoipa::ToSchema;

const INTAKE_PAUSED: &str = "intake_paused";
const REDIS_UNAVAILABLE: &str = "redis_unavailable";

/// Seconds until whoever was refused by a paused intake may ask again: a guess, it has no end.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("60");

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// For programs: a word that does not change.
    #[schema(example = "unknown_queue")]
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) message: String,
}

/// The body of an answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    pub(crate) error: Problem,
}

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) problem: Problem,
    /// For the log only: Redis's own words.
    pub(crate) cause: Option<Cause>,
}

/// Why a request failed, kept beside its answer for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause(pub(crate) String);

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, problem: Problem { code, message: message.into() }, cause: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unusable_message", message)
    }

    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Somebody else is at it.
    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "busy", message)
    }

    /// The same, with what is to be known and done where nobody can say whether it was done.
    pub(crate) fn in_doubt(mut self, what: &str) -> Self {
        if self.problem.code == REDIS_UNAVAILABLE {
            self.problem.message = format!("Redis cannot be reached, or refuses: {what}");
        }
        self
    }

    fn because(mut self, cause: String) -> Self {
        self.cause = Some(Cause(cause));
        self
    }
}

impl From<QueueError> for ApiError {
    fn from(error: QueueError) -> Self {
        let told = error.to_string();
        match error {
            QueueError::Name(_) => Self::not_found("unknown_queue", told),
            QueueError::Message(reason) => Self::unusable(reason),
            QueueError::Intake(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, INTAKE_PAUSED, told.clone()).because(told)
            }
            QueueError::Busy(_) => {
                Self::busy("another command is at work on these dead letters; ask again when it is done")
            }
            QueueError::Layout(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "newer_layout", told.clone()).because(told)
            }
            QueueError::Redis(said) if said.contains("OOM") => {
                let message = "Redis has no memory left for more messages; nothing was enqueued by this call";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "redis_full", message).because(told)
            }
            QueueError::Redis(said) if said.contains("WRONGTYPE") => {
                let message = "a key of this queue has another type than it should; ask `queuectl doctor`";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken_queue", message).because(told)
            }
            _ => {
                let message = "Redis cannot be reached, or refuses; with ids it is safe to ask again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, REDIS_UNAVAILABLE, message).because(told)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let is_paused = self.problem.code == INTAKE_PAUSED;
        let mut response = (self.status, Json(ErrorBody { error: self.problem })).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if is_paused {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}
