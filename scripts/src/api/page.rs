//! `GET /`: the dashboard, whose parts are in this program.

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use data_encoding::HEXLOWER;
use rust_embed::{Embed, EmbeddedFile};
use tower_http::compression::CompressionLayer;

use super::error::ApiError;

/// Nothing from anywhere but this server, and nothing that stands in the page itself.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     frame-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

#[derive(Embed)]
#[folder = "dashboard/page"]
struct Page;

/// The page and its parts.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| part("index.html", &headers)))
        .route(
            "/assets/{*path}",
            get(async |Path(path): Path<String>, headers: HeaderMap| part(&path, &headers)),
        )
        .layer(CompressionLayer::new())
}

/// Whether a path is of the page: nothing in it is secret.
pub(super) fn is_part(path: &str) -> bool {
    path == "/" || path.starts_with("/assets/")
}

fn part(path: &str, asked: &HeaderMap) -> Response {
    let (Some(kind), Some(file)) = (kind(path), Page::get(path)) else {
        return ApiError::not_found("not_found", "the dashboard has no such part").into_response();
    };
    let tag = tag(&file);
    let is_known =
        asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes().ends_with(tag.as_bytes()));
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Body::from(file.data).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // Asked for anew each time, so that page and API are always of one version; sent only where it changed.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// What a browser calls this version of `file`. Weak: it may come compressed.
fn tag(file: &EmbeddedFile) -> String {
    format!("W/\"{}\"", HEXLOWER.encode(&file.metadata.sha256_hash()[..16]))
}

/// The content type; nothing else is served.
fn kind(path: &str) -> Option<&'static str> {
    Some(match path.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}
