//! A connection, and the way of a request through the rules.

use std::fmt;
use std::sync::Arc;

use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::content::Content;
use super::{Answer, Request, Shared, api, lock};
use crate::watched::Counted;

/// Serves a connection to its end.
pub(super) async fn serve(stream: TcpStream, number: usize, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(number, request, &shared));
    // An end in the middle is what many tests are about.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Ends the connection without an answer.
#[derive(Debug)]
struct HangUp;

impl fmt::Display for HangUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as the script says")
    }
}

impl std::error::Error for HangUp {}

async fn answer(
    connection: usize,
    request: hyper::Request<Incoming>,
    shared: &Shared,
) -> Result<Response<Content>, HangUp> {
    let (head, body) = request.into_parts();
    let mut request = Request::new(connection, &head);
    if let Some(answer) = shared.rule(&request, true) {
        shared.requests.send_modify(|requests| requests.push(Request { answer, ..request }));
        return Err(HangUp);
    }
    let body = body.collect().await.map_err(|_| HangUp)?.to_bytes();
    request.read(&body);
    request.answer = shared.decide(&request);
    let answer = request.answer.clone();
    let mut response = None;
    // Recorded first, answered then: whoever has the answer finds the record.
    shared.requests.send_modify(|requests| {
        response = Some(api::response(&answer, &request, requests.len() + 1));
        requests.push(request);
    });
    match answer {
        Answer::Drop => return Err(HangUp),
        Answer::Stall => shared.stall().await,
        _ => {}
    }
    response.ok_or(HangUp)
}

impl Shared {
    fn decide(&self, request: &Request) -> Answer {
        if lock(&self.login).as_ref().is_some_and(|required| request.login.as_ref() != Some(required)) {
            return api::wrong_login();
        }
        self.rule(request, false).unwrap_or_else(|| api::check(request))
    }

    /// The answer of the first rule that fits, among those that act before the body is read or among the others.
    fn rule(&self, request: &Request, early: bool) -> Option<Answer> {
        let mut rules = lock(&self.rules);
        rules.iter_mut().filter(|rule| rule.is_early() == early).find_map(|rule| rule.apply(request))
    }

    /// Sits still until the test lets go.
    async fn stall(&self) {
        let mut released = self.released.subscribe();
        let _stalled = Counted::new(&self.stalled);
        let _ = released.changed().await;
    }
}
