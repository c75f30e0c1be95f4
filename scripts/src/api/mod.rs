//! The HTTP API: one file a group of routes.

mod accept;
mod audit;
mod body;
mod content;
mod copies;
mod dead;
mod delayed;
mod error;
mod exposition;
mod guard;
mod health;
mod jobs;
mod live;
mod message;
mod messages;
mod metrics;
mod openapi;
mod operations;
mod outer;
mod page;
mod pause;
mod queues;
mod search;
mod server;
mod session;
mod snapshot;
mod stats;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use redispatch::config::ApiSettings;
use redispatch::queue::Client;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use error::ApiError;
use guard::Guard;
use snapshot::Snapshots;

pub(crate) use live::watch;
pub(crate) use server::{ENDING_LIMIT, serve};

/// Longest wait for Redis: whoever asks while it is away is told within 2 s.
const REDIS_LIMIT: Duration = Duration::from_millis(1500);

/// What all requests share.
pub(crate) struct Api {
    client: Client,
    guard: Guard,
    attempts: session::Attempts,
    copies: copies::Copies,
    snapshots: Snapshots,
    groupings: dead::Groupings,
    pub(crate) operations: operations::Operations,
    live: live::Live,
    failures: outer::Failures,
    /// Ms since 1970.
    started: u64,
}

impl Api {
    /// The API for the queues of `client`.
    pub(crate) fn new(client: Client, settings: &ApiSettings) -> Self {
        Self {
            client,
            guard: Guard::new(settings),
            attempts: session::Attempts::default(),
            copies: copies::Copies::default(),
            snapshots: Snapshots::default(),
            groupings: dead::Groupings::default(),
            operations: operations::Operations::default(),
            live: live::Live::default(),
            failures: outer::Failures::default(),
            started: redispatch::clock::unix_ms(),
        }
    }

    /// Asks Redis, no longer than [`REDIS_LIMIT`].
    async fn ask<T>(&self, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        self.client.within(REDIS_LIMIT, work).await
    }
}

/// Every route, with its description.
fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(health::health))
        .routes(routes!(stats::stats))
        .routes(routes!(jobs::jobs, jobs::enqueue))
        .routes(routes!(delayed::delayed, messages::enqueue))
        .routes(routes!(message::status, message::reschedule, message::cancel))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::openapi))
        .merge(session::routes())
        .merge(live::routes())
        .merge(dead::routes())
        .merge(operations::routes())
        .merge(content::routes())
        .merge(search::routes())
        .merge(pause::routes())
}

/// All that a connection is served with.
pub(crate) fn router(api: Arc<Api>) -> Router {
    let (router, _) = routes().split_for_parts();
    with_rules(router.merge(page::routes()), api)
}

/// `routes` with what holds for each of them.
fn with_rules(routes: Router<Arc<Api>>, api: Arc<Api>) -> Router {
    routes
        .fallback(async || ApiError::not_found("not_found", "no such page; /api/openapi.json lists them all"))
        .method_not_allowed_fallback(async || {
            let message = "this page does not take that method; /api/openapi.json lists those it takes";
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        })
        .layer(from_fn_with_state(api.clone(), copies::answer))
        .layer(from_fn(audit::log))
        .layer(from_fn_with_state(api.clone(), guard::check))
        .layer(from_fn_with_state(api.clone(), outer::answer))
        .layer(from_fn(outer::headers))
        .with_state(api)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use axum::response::Response;
    use axum::routing::get;
    use http_body_util::BodyExt as _;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;
    use redispatch::config::{API, QueueSettings, Reader, Sources};

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let sources = Sources::new(&[API], [], Default::default());
        let settings = ApiSettings::read(&mut Reader::new(&sources));
        let client = Client::new(QueueSettings::new("redis://127.0.0.1:1".parse().unwrap())).unwrap();
        let routes = Router::new().route("/panics", get(async || -> Response { panic!("a bug") }));
        let router = with_rules(routes, Arc::new(Api::new(client, &settings)));
        let request = Request::get("/panics").header(header::HOST, "localhost").body(Body::empty()).unwrap();
        let answer = TowerToHyperService::new(router).call(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"error":{"code":"internal_error","message":"a bug: the log says where"}}"#);
    }
}
