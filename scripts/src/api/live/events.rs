//! `/api/v1/events` and `/api/v1/overview`: what was seen last, as it comes or when somebody asks.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::Stream;
use futures::stream::unfold;
use redispatch::clock;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::overview::Overview;
use super::{Live, Told};
use crate::api::error::{ApiError, ErrorBody};
use crate::api::{Api, REDIS_LIMIT};

/// So often a stream says what is as it is, though nothing has changed but ages.
const ALIVE: Duration = Duration::from_secs(5);

/// A stream ends after this time, for its session to be looked at anew. It is shorter than a connection lasts.
const STREAM_LIMIT: Duration = Duration::from_secs(240);

/// An overview that is asked for is no older, ms.
const FRESH: u64 = 2_000;

/// How soon a browser comes back whose stream has ended.
const RETRY: Bytes = Bytes::from_static(b"retry: 1000\n\n");

/// Seconds until somebody may try again who came when there were too many.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("10");

/// All queues, as it happens
///
/// Server-sent events: `overview`, whose data is what `/api/v1/overview` answers, at once and whenever something has
/// changed, at most once a second, and every five seconds in any case. A stream ends after four minutes; browsers come back by themselves.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    operation_id = "watch_overview",
    tag = "live",
    responses(
        (status = OK, description = "A stream", content_type = "text/event-stream", body = String),
        (status = SERVICE_UNAVAILABLE, description = "Too many streams; Retry-After says when", body = ErrorBody),
    ),
)]
pub(in crate::api) async fn events(State(api): State<Arc<Api>>) -> Response {
    let Ok(place) = api.live.streams.clone().try_acquire_owned() else {
        let message = "too many pages are open; /api/v1/overview answers all the same";
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", message);
        let mut response = error.into_response();
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        return response;
    };
    api.live.wanted.notify_one();
    let mut response = Body::from_stream(Listener::stream(api.live.told.subscribe(), place)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies that gather answers would hold it back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// All queues at a glance
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    operation_id = "show_overview",
    tag = "live",
    responses((status = OK, description = "All queues; `redis.up` says whether they are of now", body = Overview)),
)]
pub(in crate::api) async fn overview(State(api): State<Arc<Api>>) -> Json<Overview> {
    Json(api.live.recent().await.as_ref().clone())
}

impl Live {
    /// What was seen within the last two seconds, or last if no look comes to its end.
    async fn recent(&self) -> Arc<Overview> {
        let asked = clock::boot_ms();
        let mut told = self.told.subscribe();
        if told.borrow().looked + FRESH < asked || told.borrow().looked == 0 {
            self.wanted.notify_one();
            let _ = timeout(2 * REDIS_LIMIT, told.wait_for(|told| told.looked + FRESH >= asked)).await;
        }
        told.borrow().overview.clone()
    }
}

/// One who listens.
struct Listener {
    told: watch::Receiver<Told>,
    /// When the look began that it was told of last, boot clock, ms.
    looked: u64,
    /// What that was; none where it was old by then, so that the next look is news.
    version: Option<u64>,
    said: Instant,
    ends: Instant,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    fn stream(
        told: watch::Receiver<Told>,
        place: OwnedSemaphorePermit,
    ) -> impl Stream<Item = Result<Bytes, Infallible>> {
        futures::StreamExt::chain(
            futures::stream::once(async { Ok(RETRY) }),
            unfold(Self::new(told, place), |mut listener| async {
                Some((Ok(listener.next().await?), listener))
            }),
        )
    }

    fn new(told: watch::Receiver<Told>, place: OwnedSemaphorePermit) -> Self {
        let now = Instant::now();
        Self { told, looked: 0, version: None, said: now, ends: now + STREAM_LIMIT, _place: place }
    }

    /// What there is to say next: only the newest, however long it took to say the last one. None at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            {
                let told = self.told.borrow_and_update();
                if told.over || Instant::now() >= self.ends {
                    return None;
                }
                let is_due = self.version != Some(told.version) || self.said.elapsed() >= ALIVE;
                if told.looked > self.looked && is_due {
                    let is_fresh = told.looked + FRESH >= clock::boot_ms();
                    self.version = is_fresh.then_some(told.version);
                    (self.looked, self.said) = (told.looked, Instant::now());
                    return Some(told.event.clone());
                }
            }
            tokio::select! {
                changed = self.told.changed() => changed.ok()?,
                () = sleep_until(self.said + 2 * ALIVE) => {
                    // No look comes to its end.
                    self.said = Instant::now();
                    return Some(Bytes::from_static(b": alive\n\n"));
                }
                () = sleep_until(self.ends) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::sync::Semaphore;

    use super::*;

    fn told(looked: u64, version: u64) -> Told {
        Told { looked, version, event: Bytes::from(version.to_string()), ..Told::default() }
    }

    fn listener(told: &watch::Sender<Told>) -> Listener {
        Listener::new(told.subscribe(), Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap())
    }

    /// What it hears without waiting: nothing, or that it is the end, or an event.
    fn heard(listener: &mut Listener) -> Option<Option<Bytes>> {
        listener.next().now_or_never()
    }

    #[tokio::test]
    async fn who_is_slow_hears_only_the_newest() {
        let now = clock::boot_ms();
        let sender = watch::Sender::new(Told::default());
        let mut slow = listener(&sender);
        (1..=100).for_each(|n| drop(sender.send_replace(told(now + n, n))));
        assert_eq!(heard(&mut slow), Some(Some(Bytes::from("100"))));
        assert_eq!(heard(&mut slow), None);
    }

    #[tokio::test]
    async fn ages_alone_are_told_every_five_seconds() {
        let now = clock::boot_ms();
        let sender = watch::Sender::new(told(now, 1));
        let mut page = listener(&sender);
        assert!(heard(&mut page).is_some());
        sender.send_replace(told(now + 1, 1));
        assert_eq!(heard(&mut page), None);
        page.said = Instant::now().checked_sub(ALIVE).unwrap();
        assert!(heard(&mut page).is_some());
        page.said = Instant::now().checked_sub(ALIVE).unwrap();
        assert_eq!(heard(&mut page), None, "nobody has looked since");
    }

    #[tokio::test]
    async fn whoever_comes_after_a_pause_hears_the_next_look_though_nothing_has_changed() {
        let now = clock::boot_ms();
        let sender = watch::Sender::new(told(now - 9_000, 1));
        let mut page = listener(&sender);
        assert!(heard(&mut page).is_some(), "what is old is better than nothing");
        assert_eq!(heard(&mut page), None, "and is told once");
        sender.send_replace(told(now, 1));
        assert!(heard(&mut page).is_some());
        sender.send_replace(told(now + 1, 1));
        assert_eq!(heard(&mut page), None);
    }

    #[tokio::test]
    async fn a_stream_ends_in_time_though_there_is_always_more_to_say() {
        let sender = watch::Sender::new(told(clock::boot_ms(), 1));
        let mut page = listener(&sender);
        page.ends = Instant::now();
        assert_eq!(heard(&mut page), Some(None));
    }
}
