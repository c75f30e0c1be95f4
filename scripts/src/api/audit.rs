//! Who asked for what: every change, and every look at recipients, is logged.

use axum::extract::{Query, Request};
use axum::middleware::Next;
use axum::response::Response;
use redispatch::telemetry::event;
use tracing::info;

use super::guard::{Known, Peer, is_read};
use super::outer;

/// Logs what a request asked for, once it is answered.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let is_change = !is_read(request.method());
    let is_reveal = is_reveal(&request);
    let known = request.extensions().get::<Known>().copied().unwrap_or(Known::Anybody);
    if known == Known::Anybody || !is_change && !is_reveal {
        return next.run(request).await;
    }
    let peer = request.extensions().get::<Peer>().map(|Peer(peer)| peer.to_string()).unwrap_or_default();
    let (method, path) = (request.method().clone(), outer::in_log(request.uri().path()));
    let response = next.run(request).await;
    let (by, status) = (known.word(), response.status().as_u16());
    match is_change {
        true => {
            info!(event = event::API_CHANGED, %method, %path, status, by, %peer, "a change was asked for")
        }
        false => info!(event = event::API_REVEALED, %path, status, by, %peer, "recipients were asked for"),
    }
    response
}

/// As a handler reads it, however it is written.
fn is_reveal(request: &Request) -> bool {
    #[derive(serde::Deserialize)]
    struct How {
        reveal: Option<String>,
    }
    let how = Query::<How>::try_from_uri(request.uri());
    // Two of them, or what cannot be read: no handler takes it, and it is told all the same.
    how.map_or(request.uri().query().is_some(), |Query(How { reveal })| {
        reveal.is_some_and(|how| how != "false")
    })
}

impl Known {
    fn word(self) -> &'static str {
        match self {
            Self::Anybody => "anybody",
            Self::Local => "local",
            Self::ByToken => "token",
            Self::BySession => "session",
        }
    }
}
