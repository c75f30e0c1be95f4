//! Who may ask: token or session, local host name, content type, and that the page itself asks for changes.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use redispatch::config::ApiSettings;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::error::ApiError;
use super::session::{Cookie, Sealer};
use super::{Api, page};

/// Monitoring needs no token: these tell how many messages there are, and nothing of any of them.
const MONITORING: [&str; 2] = ["/api/v1/health/redis", "/metrics"];

/// Logging in and out.
pub(super) const SESSION: &str = "/api/v1/session";

/// Brings back a session's `csrf`.
const CSRF: &str = "x-csrf-token";

/// Whom the API answers.
pub(super) struct Guard {
    token: Option<Token>,
    read_only: bool,
}

struct Token {
    /// SHA-256 of the token, so that comparing takes as long whatever is sent, its length included.
    hash: [u8; 32],
    sealer: Sealer,
}

/// The host at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// How whoever asks has shown who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It need not.
    Anybody,
    /// It asks on this host, and there is no token.
    Local,
    ByToken,
    BySession,
}

/// Lets a request pass, or answers why not.
pub(super) async fn check(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    match api.guard.check(&request) {
        Ok(known) => {
            request.extensions_mut().insert(known);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// Whether a request only reads.
pub(super) fn is_read(method: &Method) -> bool {
    [Method::GET, Method::HEAD, Method::OPTIONS].contains(method)
}

impl Guard {
    pub(super) fn new(settings: &ApiSettings) -> Self {
        let token = |token: &SecretString| {
            Some(Token { hash: hash(token.expose_secret()), sealer: Sealer::new(token)? })
        };
        Self { token: settings.token.as_ref().and_then(token), read_only: settings.read_only }
    }

    pub(super) fn needs_token(&self) -> bool {
        self.token.is_some()
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Whether `given` is the token.
    pub(super) fn is_token(&self, given: &str) -> bool {
        self.token.as_ref().is_some_and(|token| bool::from(hash(given).ct_eq(&token.hash)))
    }

    /// Whether a request brings the token, or needs none.
    pub(super) fn is_authorized(&self, headers: &HeaderMap) -> bool {
        self.token.is_none() || bearer(headers).is_some_and(|given| self.is_token(given))
    }

    /// The session that a request brings.
    pub(super) fn cookie(&self, headers: &HeaderMap) -> Option<Cookie> {
        self.token.as_ref()?.sealer.read(headers)
    }

    /// A session that begins; `None` where no login is needed.
    pub(super) fn new_cookie(&self) -> Option<Cookie> {
        Some(self.token.as_ref()?.sealer.open())
    }

    fn check(&self, request: &Request) -> Result<Known, ApiError> {
        let (path, method, headers) = (request.uri().path(), request.method(), request.headers());
        if MONITORING.contains(&path) || self.needs_token() && page::is_part(path) {
            return Ok(Known::Anybody);
        }
        let known = match path {
            SESSION if self.needs_token() => Known::Anybody,
            _ => self.known(request)?,
        };
        if is_read(method) {
            return Ok(known);
        }
        from_here(headers)?;
        if path != SESSION && self.read_only {
            let message = "this server is read-only: API_READ_ONLY";
            return Err(ApiError::new(StatusCode::FORBIDDEN, "read_only", message));
        }
        let has_body = [Method::POST, Method::PUT, Method::PATCH].contains(method);
        if has_body && !is_json(headers) {
            let message = "send Content-Type: application/json";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message));
        }
        Ok(known)
    }

    fn known(&self, request: &Request) -> Result<Known, ApiError> {
        let headers = request.headers();
        if self.token.is_none() {
            return asked_locally(request).map(|()| Known::Local);
        }
        // A wrong token is told, whatever session there is.
        if headers.contains_key(header::AUTHORIZATION) {
            return if self.is_authorized(headers) { Ok(Known::ByToken) } else { Err(unauthorized()) };
        }
        let cookie = self.cookie(headers).ok_or_else(unauthorized)?;
        let brought = headers.get(CSRF).map_or(&b""[..], |csrf| csrf.as_bytes());
        if is_read(request.method()) || bool::from(cookie.csrf.as_bytes().ct_eq(brought)) {
            return Ok(Known::BySession);
        }
        let message = "send X-CSRF-Token, with `csrf` of GET /api/v1/session";
        Err(ApiError::new(StatusCode::FORBIDDEN, "csrf", message))
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, given) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(given.trim())
}

fn unauthorized() -> ApiError {
    let message = "send Authorization: Bearer TOKEN, with the token that API_TOKEN sets, or log in";
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
}

/// A browser says where a request comes from; no page of another host changes anything.
fn from_here(headers: &HeaderMap) -> Result<(), ApiError> {
    match headers.get("sec-fetch-site").map(|site| site.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => {
            let message = "a page of another host asks for this";
            Err(ApiError::new(StatusCode::FORBIDDEN, "cross_site", message))
        }
    }
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
