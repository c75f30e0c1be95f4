//! Answers that may be a moment old: whoever sends `Cache-Control: max-age=N` may get what another one was told within
//! the last N seconds, so that a hundred open pages cost Redis what one does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::response::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use redispatch::clock;

use super::Api;
use super::error::ApiError;
use super::guard::{Known, SESSION, is_read};

/// Different questions that are remembered.
const QUESTIONS: usize = 200;

/// Nothing larger is kept, bytes.
const LARGEST: usize = 1 << 20;

/// Nobody may ask for what is older, s.
const OLDEST: u64 = 10;

/// What was answered lately.
#[derive(Default)]
pub(super) struct Copies {
    known: Mutex<HashMap<String, Arc<Place>>>,
    /// Goes up with every change: what was read before it is no answer any more.
    changes: AtomicU64,
}

/// One at a time asks; the others wait for its answer.
type Place = tokio::sync::Mutex<Option<Copy>>;

struct Copy {
    /// Boot clock, ms: before it was asked for, and after it was answered.
    asked: u64,
    done: u64,
    changes: u64,
    parts: Parts,
    body: Bytes,
}

/// Answers with a copy where the request takes one and there is one.
pub(super) async fn answer(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let copies = &api.copies;
    if !is_read(request.method()) {
        let response = next.run(request).await;
        copies.changes.fetch_add(1, Ordering::SeqCst);
        return response;
    }
    let is_shared = request.method() == Method::GET && is_for_all(&request);
    let age = max_age(request.headers()).filter(|_| is_shared);
    let (Some(age), Some(question)) = (age, request.uri().path_and_query()) else {
        return next.run(request).await;
    };
    let place = copies.place(question.as_str());
    let came = clock::boot_ms();
    let mut last = place.lock().await;
    let changes = copies.changes.load(Ordering::SeqCst);
    if let Some(copy) = &*last
        && copy.changes == changes
        && copy.is_for(came, age)
    {
        return Response::from_parts(copy.parts.clone(), copy.body.clone().into());
    }
    let asked = clock::boot_ms();
    let (parts, body) = next.run(request).await.into_parts();
    // A stream has no end to wait for; and what depends on more than the address is not for others.
    let is_own = [header::VARY, header::SET_COOKIE].iter().any(|name| parts.headers.contains_key(name));
    if is_own || http_body::Body::size_hint(&body).exact().is_none() {
        return Response::from_parts(parts, body);
    }
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return ApiError::bad_request("the answer ended before its end").into_response(),
    };
    let done = clock::boot_ms();
    if body.len() > LARGEST {
        return Response::from_parts(parts, Body::from(body));
    }
    *last = Some(Copy { asked, done, changes, parts: parts.clone(), body: body.clone() });
    Response::from_parts(parts, Body::from(body))
}

impl Copy {
    /// Whether it answers one who came then and takes what is `age` seconds old. A failure is only for those who waited
    /// for it: each for itself would wait in vain for as long.
    fn is_for(&self, came: u64, age: u64) -> bool {
        came <= self.done || self.parts.status.is_success() && clock::boot_ms() <= self.asked + age * 1000
    }
}

/// Whoever may ask gets the same answer: so it is with all but the session, which is of one.
fn is_for_all(request: &Request) -> bool {
    let known = request.extensions().get::<Known>().copied();
    let is_revealing = request.uri().query().is_some_and(|query| query.contains("reveal"));
    known.is_some_and(|known| known != Known::Anybody) && request.uri().path() != SESSION && !is_revealing
}

impl Copies {
    fn place(&self, question: &str) -> Arc<Place> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= QUESTIONS && !known.contains_key(question) {
            // Those that nobody waits for.
            known.retain(|_, place| Arc::strong_count(place) > 1);
        }
        known.entry(question.to_owned()).or_default().clone()
    }
}

/// How old an answer may be, s.
fn max_age(headers: &HeaderMap) -> Option<u64> {
    let wish = headers.get(header::CACHE_CONTROL)?.to_str().ok()?;
    let age = wish.split(',').find_map(|word| word.trim().strip_prefix("max-age="))?.parse().ok()?;
    Some(u64::min(age, OLDEST)).filter(|age| *age > 0)
}
