//! `/api/v1/session`: logging in to the dashboard with the token.

mod attempts;
mod cookie;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use redispatch::telemetry::event;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::{ApiError, ErrorBody};
use super::guard::Peer;
use super::{Api, body};

pub(super) use attempts::Attempts;
pub(super) use cookie::{Cookie, Sealer};

/// A body that brings a token is no longer, bytes.
const LONGEST: usize = 8 << 10;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(session, log_in, log_out))
}

/// Whether whoever asks is logged in.
#[derive(Serialize, ToSchema)]
pub(super) struct Session {
    /// `needed` where `API_TOKEN` is set, else `not_needed`
    #[schema(example = "needed")]
    login: &'static str,
    /// Whether this request would be answered elsewhere
    signed_in: bool,
    /// Whether this server changes nothing for anybody
    read_only: bool,
    /// What every change has to bring as the header `X-CSRF-Token`, where the session is kept in a cookie
    csrf: Option<String>,
    /// Version of the server
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// Who wants to log in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Login {
    /// What `API_TOKEN` is set to
    token: String,
}

impl Api {
    fn session(&self, cookie: Option<&Cookie>, signed_in: bool) -> Session {
        Session {
            login: if self.guard.needs_token() { "needed" } else { "not_needed" },
            signed_in,
            read_only: self.guard.is_read_only(),
            csrf: cookie.map(|cookie| cookie.csrf.clone()),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Whether you are logged in
#[utoipa::path(
    get,
    path = "/api/v1/session",
    operation_id = "show_session",
    tag = "session",
    security(()),
    responses((status = OK, description = "Who is logged in", body = Session)),
)]
pub(super) async fn session(State(api): State<Arc<Api>>, headers: HeaderMap) -> Response {
    let cookie = api.guard.cookie(&headers);
    let signed_in = cookie.is_some() || api.guard.is_authorized(&headers);
    match cookie.filter(|cookie| cookie.is_ageing()).and_then(|_| api.guard.new_cookie()) {
        Some(renewed) => with_cookie(api.session(Some(&renewed), true), &renewed, &headers),
        None => Json(api.session(api.guard.cookie(&headers).as_ref(), signed_in)).into_response(),
    }
}

/// Log in
///
/// The session is kept in a cookie that no script can read. After five wrong tokens within a minute nobody at that
/// address can log in until the minute is over.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    operation_id = "log_in",
    tag = "session",
    security(()),
    request_body(content = Login, content_type = "application/json", description = "The token"),
    responses(
        (status = OK, description = "You are logged in", body = Session),
        (status = BAD_REQUEST, description = "No JSON", body = ErrorBody),
        (status = UNAUTHORIZED, description = "Another token", body = ErrorBody),
        (status = TOO_MANY_REQUESTS, description = "Too many wrong tokens; Retry-After says when", body = ErrorBody),
    ),
)]
pub(super) async fn log_in(
    State(api): State<Arc<Api>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let Some(cookie) = api.guard.new_cookie() else {
        return Ok(Json(api.session(None, true)).into_response());
    };
    let login: Login = serde_json::from_slice(&body::one(&headers, body, LONGEST).await?)
        .map_err(|_| ApiError::bad_request("not {\"token\": \"…\"}"))?;
    if let Err(wait) = api.attempts.begin(peer) {
        warn!(event = event::API_LOGIN, %peer, outcome = "too_many", "too many wrong tokens");
        return Ok(too_many(wait.as_secs().max(1)));
    }
    if !api.guard.is_token(&login.token) {
        warn!(event = event::API_LOGIN, %peer, outcome = "wrong_token", "a wrong token");
        let message = "that is not the token: API_TOKEN of queuectl serve";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, "wrong_token", message));
    }
    api.attempts.forget(peer);
    info!(event = event::API_LOGIN, %peer, outcome = "logged_in", "logged in");
    Ok(with_cookie(api.session(Some(&cookie), true), &cookie, &headers))
}

/// Log out
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    operation_id = "log_out",
    tag = "session",
    security(()),
    responses((status = OK, description = "The cookie is gone", body = Session)),
)]
pub(super) async fn log_out(State(api): State<Arc<Api>>) -> Response {
    let mut response = Json(api.session(None, !api.guard.needs_token())).into_response();
    response.headers_mut().insert(header::SET_COOKIE, HeaderValue::from_static(cookie::GONE));
    response
}

fn with_cookie(session: Session, cookie: &Cookie, headers: &HeaderMap) -> Response {
    let mut response = Json(session).into_response();
    // A proxy in front that speaks TLS says so.
    let is_https = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    if let Ok(value) = HeaderValue::from_str(&cookie.header(is_https)) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn too_many(seconds: u64) -> Response {
    let message = format!("too many wrong tokens from this address; try again in {seconds} s");
    let mut response =
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_logins", message).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}
