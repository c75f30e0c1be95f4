//! The HTML of a message, for a frame in which nothing runs and that loads nothing.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::one::{How, Which, open};
use crate::api::Api;
use crate::api::error::{ApiError, ErrorBody};
use crate::api::queues::{InPath, InQuery};
use crate::masked;

/// Whoever opens it, in a frame or not: no script, no form, no page behind a link in it, nothing from anywhere.
const POLICY: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'self'";

/// Elements that a policy says too little of: what goes elsewhere by itself, or asks for a name or a connection.
const IDLE: [&str; 10] =
    ["base", "embed", "form", "frame", "frameset", "iframe", "link", "meta", "object", "script"];

/// The HTML of a dead letter
///
/// For a sandboxed frame: nothing in it runs, and nothing is loaded. Addresses and numbers are masked unless `reveal` is
/// asked for.
#[utoipa::path(
    get,
    path = "/api/v1/queues/{queue}/dead/{key}/html",
    operation_id = "show_dead_letter_html",
    tag = "dead letters",
    params(Which, How),
    responses(
        (status = OK, description = "Its HTML", content_type = "text/html", body = String),
        (status = BAD_REQUEST, description = "An unknown parameter, or no number", body = ErrorBody),
        (status = NOT_FOUND, description = "No such queue, no such letter any more, or it has no HTML", body = ErrorBody),
        (status = SERVICE_UNAVAILABLE, description = "Redis is away", body = ErrorBody),
    ),
)]
pub(super) async fn html(
    State(api): State<Arc<Api>>,
    which: InPath<Which>,
    how: InQuery<How>,
) -> Result<Response, ApiError> {
    let (Path(which), Query(how)) = (which?, how?);
    page(&open(&api, &which, how.near).await?.bytes, how.reveal)
}

/// The HTML of a message as a page of its own.
pub(in crate::api) fn page(message: &[u8], reveal: bool) -> Result<Response, ApiError> {
    let Some(html) = masked::html(message) else {
        return Err(ApiError::not_found("no_html", "this message has no HTML"));
    };
    let html = idle(&if reveal { html } else { masked::in_html(&html) });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_DNS_PREFETCH_CONTROL, "off"),
    ];
    Ok((headers, html).into_response())
}

/// The same with elements of [`IDLE`] made ones that mean nothing.
fn idle(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at + 1);
        let (slash, name) = tag.strip_prefix('/').map_or(("", tag), |name| ("/", name));
        let length = name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len());
        out.push_str(before);
        out.push_str(slash);
        if IDLE.iter().any(|idle| idle.eq_ignore_ascii_case(&name[..length])) {
            out.push_str("x-");
        }
        rest = name;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_elsewhere_by_itself_means_nothing() {
        for (html, expected) in [
            ("<p>1 < 2</p>", "<p>1 < 2</p>"),
            ("<META http-equiv=refresh>", "<x-META http-equiv=refresh>"),
            ("<link\nrel=preconnect>", "<x-link\nrel=preconnect>"),
            ("<script>x</script>", "<x-script>x</x-script>"),
            ("<iframe/src=x><frame", "<x-iframe/src=x><x-frame"),
            ("<linked><<base>", "<linked><<x-base>"),
            ("</", "</"),
        ] {
            assert_eq!(idle(html), expected);
        }
    }
}
