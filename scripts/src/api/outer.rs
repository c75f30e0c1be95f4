//! What happens around every request: a panic becomes an answer, a failure a log line.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use percent_encoding::percent_decode_str;
use redispatch::clock;
use redispatch::telemetry::{event, mask};
use tracing::warn;

use super::Api;
use super::error::{ApiError, Cause};

/// The same failure is told again this often, ms.
const TOLD_AGAIN: u64 = 60_000;

/// Answers, whatever the handler does; what Redis or a bug is to blame for goes to the log.
pub(super) async fn answer(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = answered.unwrap_or_else(|_| {
        let message = "a bug: the log says where";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message).into_response()
    });
    let cause = response.extensions().get::<Cause>().map_or("", |Cause(cause)| cause);
    let status = response.status().as_u16();
    if (!cause.is_empty() || response.status().is_server_error()) && api.failures.is_news(cause) {
        let path = in_log(&path);
        warn!(event = event::REQUEST_FAILED, %method, %path, status, error = %mask::text(cause), "cannot answer");
    }
    response
}

/// A path as a log may have it: an id in it may be somebody's address, however it is written.
pub(super) fn in_log(path: &str) -> String {
    let part = |part| mask::text(&percent_decode_str(part).decode_utf8_lossy()).into_owned();
    let parts: Vec<String> = path.split('/').map(part).collect();
    parts.join("/").replace(char::is_control, "\u{fffd}")
}

/// Numbers and messages are of this moment, unless an answer says otherwise, and each is what its type says.
pub(super) async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What was told last, and when (boot clock, ms).
#[derive(Default)]
pub(super) struct Failures(Mutex<Option<(String, u64)>>);

impl Failures {
    fn is_news(&self, cause: &str) -> bool {
        let now = clock::boot_ms();
        let mut told = self.0.lock().unwrap_or_else(|error| error.into_inner());
        if told.as_ref().is_some_and(|(text, at)| text == cause && now < at + TOLD_AGAIN) {
            return false;
        }
        *told = Some((cause.to_owned(), now));
        true
    }
}
