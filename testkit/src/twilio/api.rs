//! What Twilio would say to a request, and its documents.

use hyper::Response;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};

use super::content::Content;
use super::{Answer, Request};

const BASE: &str = "/2010-04-01/Accounts/";
const DATE: &str = "Mon, 03 Feb 2025 10:15:30 +0000";

/// The answer where no rule has one: what Twilio itself checks at once.
pub(super) fn check(request: &Request) -> Answer {
    let refuse = |status, code, message: &str| Answer::Error { status, code, message: message.to_owned() };
    if request.login.is_none() {
        return wrong_login();
    }
    let Some((account, rest)) = account(&request.path) else {
        let message = format!("The requested resource {} was not found", request.path);
        return refuse(404, 20404, &message);
    };
    let has = |name: &str| request.field(name).is_some_and(|value| !value.is_empty());
    match (request.method.as_str(), rest) {
        _ if !is_account(account) => refuse(404, 20404, "The requested account was not found"),
        ("GET", ".json") => Answer::Created,
        ("POST", "/Messages.json") => {
            if !has("To") {
                refuse(400, 21604, "A 'To' phone number is required.")
            } else if !has("From") && !has("MessagingServiceSid") {
                refuse(400, 21603, "A 'From' phone number is required.")
            } else if !["Body", "MediaUrl", "ContentSid"].into_iter().any(has) {
                refuse(400, 21602, "Message body is required.")
            } else if request.field("Body").is_some_and(|body| body.chars().count() > 1600) {
                refuse(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
            } else {
                Answer::Created
            }
        }
        _ => refuse(405, 20004, "Method not allowed"),
    }
}

pub(super) fn wrong_login() -> Answer {
    Answer::Error { status: 401, code: 20003, message: "Authenticate".to_owned() }
}

/// What goes back to the client for `answer`; `number` makes a new message's SID.
pub(super) fn response(answer: &Answer, request: &Request, number: usize) -> Response<Content> {
    match answer {
        Answer::Error { status, code, message } => document(*status, &error(*status, *code, message)),
        Answer::Throttled { retry_after } => {
            let mut response = document(429, &error(429, 20429, "Too Many Requests"));
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(RETRY_AFTER, (*seconds).into());
            }
            response
        }
        Answer::Status { status, headers, body } => {
            let mut response = Response::builder().status(*status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Content::whole(body.clone())).expect("headers that HTTP can carry")
        }
        Answer::Created | Answer::Stall | Answer::Drop | Answer::DropBeforeReading => good(request, number),
        Answer::CutBody => {
            let good = good(request, number);
            let length = good.body().len();
            let mut cut = good.map(Content::cut);
            cut.headers_mut().insert(CONTENT_LENGTH, length.into());
            cut
        }
    }
}

fn good(request: &Request, number: usize) -> Response<Content> {
    let account = account(&request.path).map_or("", |(account, _)| account);
    if request.method == "GET" {
        return document(200, &account_document(account));
    }
    document(201, &message(account, request, number))
}

fn document(status: u16, document: &Value) -> Response<Content> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json;charset=utf-8");
    response.body(Content::whole(document.to_string())).expect("a status that HTTP knows")
}

/// The account of a path, and what follows it.
fn account(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix(BASE)?;
    Some(rest.split_at(rest.find(['/', '.'])?))
}

/// `AC` and 32 hexadecimal digits.
fn is_account(sid: &str) -> bool {
    sid.strip_prefix("AC")
        .is_some_and(|rest| rest.len() == 32 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn error(status: u16, code: u32, message: &str) -> Value {
    let page = format!("https://www.twilio.com/docs/errors/{code}");
    json!({"code": code, "message": message, "more_info": page, "status": status})
}

fn account_document(sid: &str) -> Value {
    json!({
        "sid": sid, "owner_account_sid": sid, "friendly_name": "Scripted account", "status": "active",
        "type": "Full", "date_created": DATE, "date_updated": DATE, "uri": format!("{BASE}{sid}.json"),
    })
}

fn message(account: &str, request: &Request, number: usize) -> Value {
    let sid = format!("SM{number:032x}");
    let uri = format!("{BASE}{account}/Messages/{sid}");
    json!({
        "account_sid": account, "api_version": "2010-04-01", "body": request.field("Body").unwrap_or_default(),
        "date_created": DATE, "date_sent": null, "date_updated": DATE, "direction": "outbound-api",
        "error_code": null, "error_message": null, "from": request.field("From"),
        "messaging_service_sid": request.field("MessagingServiceSid"),
        "num_media": request.fields("MediaUrl").len().to_string(), "num_segments": "1", "price": null,
        "price_unit": null, "sid": sid, "status": "queued",
        "subresource_uris": {"media": format!("{uri}/Media.json")}, "to": request.field("To"),
        "uri": format!("{uri}.json"),
    })
}
