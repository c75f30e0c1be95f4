//! Who may ask: token, local host name, content type.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Api;
use super::error::ApiError;

/// Monitoring needs no token: these tell how many messages there are, and nothing of any of them.
const OPEN: [&str; 2] = ["/api/v1/health/redis", "/metrics"];

/// Whom the API answers.
pub(super) struct Guard {
    /// SHA-256 of the token, so that comparing takes as long whatever is sent, its length included.
    token: Option<[u8; 32]>,
}

/// Lets a request pass, or answers why not.
pub(super) async fn check(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    match api.guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

impl Guard {
    pub(super) fn new(token: Option<&SecretString>) -> Self {
        Self { token: token.map(|token| hash(token.expose_secret())) }
    }

    fn check(&self, request: &Request) -> Result<(), ApiError> {
        if OPEN.contains(&request.uri().path()) {
            return Ok(());
        }
        match &self.token {
            Some(token) => authorized(token, request.headers())?,
            None => asked_locally(request)?,
        }
        let is_write = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
        if is_write && !is_json(request.headers()) {
            let message = "send Content-Type: application/json";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        Ok(())
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn authorized(token: &[u8; 32], headers: &HeaderMap) -> Result<(), ApiError> {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (scheme, given) = sent.split_once(' ').unwrap_or_default();
    let is_known = bool::from(hash(given.trim()).ct_eq(token));
    if scheme.eq_ignore_ascii_case("bearer") && is_known {
        return Ok(());
    }
    let message = "send Authorization: Bearer TOKEN, with the token that API_TOKEN sets";
    Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message))
}

/// Without a token only this host is answered; a page in its browser that had its own name resolve to 127.0.0.1 would
/// ask under that name.
fn asked_locally(request: &Request) -> Result<(), ApiError> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let is_local = host.is_some_and(is_local)
        && hosts.next().is_none()
        && request.uri().authority().is_none_or(|authority| is_local(authority.as_str()));
    if is_local {
        return Ok(());
    }
    let message = "without API_TOKEN only requests to localhost, 127.0.0.1 or [::1] are answered";
    Err(ApiError::new(StatusCode::FORBIDDEN, "host_not_local", message))
}

fn is_local(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let has_port = authority.port_u16().is_some();
    (name.len() == host.len() || has_port)
        && !host.contains('@')
        && (name.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_hosts() {
        for host in
            ["localhost", "LOCALHOST:8000", "127.0.0.1", "127.0.0.1:1", "127.1.2.3:80", "[::1]", "[::1]:8000"]
        {
            assert!(is_local(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.1",
            "[::2]:80",
            "0.0.0.0",
            "localhost@evil.example",
            "a@localhost",
            "127.0.0.1:x",
            "localhost:8000:9000",
            "2130706433",
        ] {
            assert!(!is_local(host), "{host}");
        }
    }
}
