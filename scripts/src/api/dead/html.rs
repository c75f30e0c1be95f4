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

/// What a mail may look like. Nothing among it names an address, as `background` does.
const STYLE: [&str; 34] = [
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-spacing",
    "border-style",
    "border-top",
    "border-width",
    "color",
    "direction",
    "display",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "margin",
    "max-width",
    "min-width",
    "padding",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
];

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
    // What is left out may part an address that is whole without it: so it goes first.
    let html = idle(&html);
    let html = if reveal { html } else { masked::in_html(&html) };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_DNS_PREFETCH_CONTROL, "off"),
    ];
    Ok((headers, html).into_response())
}

/// What of it neither runs nor loads anything nor leads anywhere: a policy alone would leave a complaint of the browser
/// for each thing it stops.
fn idle(html: &str) -> String {
    let mut cleaner = ammonia::Builder::default();
    cleaner
        .add_tags(["center", "font"])
        .rm_tags(["wbr"])
        .add_generic_attributes(["align", "bgcolor", "dir", "height", "style", "valign", "width"])
        .add_tag_attributes("font", ["color", "face", "size"])
        .add_tag_attributes("table", ["border", "cellpadding", "cellspacing"])
        .filter_style_properties(STYLE.into())
        .add_url_schemes(["data"])
        .attribute_filter(|_, attribute, value| match attribute {
            "href" | "cite" => None,
            "src" if !value.trim_start().to_ascii_lowercase().starts_with("data:image/") => None,
            _ => Some(value.into()),
        });
    cleaner.clean(html).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_keeps_its_looks() {
        for html in [
            r#"<h1 style="color:teal">Hello</h1>"#,
            r##"<table width="600" cellpadding="4"><tbody><tr><td bgcolor="#eee" align="center">x</td></tr></tbody></table>"##,
            r#"<p>1 &lt; 2 <b>bold</b> <img src="data:image/png;base64,AAAA" alt="a"></p>"#,
        ] {
            assert_eq!(idle(html), html);
        }
    }

    #[test]
    fn what_runs_or_loads_or_leads_elsewhere_is_left_out() {
        for (html, expected) in [
            ("a<script>x</script>b", "ab"),
            ("<META http-equiv=refresh content='0;url=https://e.example'>x", "x"),
            ("<link rel=stylesheet href=https://e.example/x.css>x", "x"),
            ("<style>@import 'https://e.example'</style>x", "x"),
            ("<iframe/src=https://e.example></iframe>x", "x"),
            ("<img src=https://e.example/x.png onerror=alert(1) alt=a>", "<img alt=\"a\">"),
            ("<img srcset='https://e.example/x.png 2x'>", "<img>"),
            (
                "<p style=\"background:url(https://e.example/x);color:red\">x</p>",
                "<p style=\"color:red\">x</p>",
            ),
            ("<svg onload=alert(1)><image href=https://e.example/x></svg>x", "x"),
        ] {
            assert_eq!(idle(html), expected);
        }
        let link = idle("<a href='javascript:alert(1)'>x</a><a href='https://e.example'>y</a>");
        assert!(!link.contains("href") && link.contains(">x</a>"), "{link}");
    }
}
