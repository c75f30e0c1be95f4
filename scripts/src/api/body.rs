//! What a request brings: read within limits, taken apart without changing a byte of any message.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::error::ApiError;

/// A body has to be here within this time.
const READ_LIMIT: Duration = Duration::from_secs(15);

/// A list may be this long, bytes, and longer where one message may.
const LIST_BYTES: usize = 32 << 20;

/// Most messages of a list.
const LIST_LENGTH: usize = 1000;

/// So long the rest of a body that is too large is read and dropped: a client that still writes would not see the
/// answer.
const DROP_LIMIT: Duration = Duration::from_secs(1);

/// The messages of a body, and whether they came as a list.
#[derive(Debug)]
pub(super) enum Given {
    One(Bytes),
    List(Vec<Bytes>),
}

/// One message of at most `max_bytes`.
pub(super) async fn one(headers: &HeaderMap, body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    match apart(read(headers, body, max_bytes).await?, max_bytes)? {
        Given::One(message) => Ok(message),
        Given::List(_) => Err(ApiError::unusable("not a JSON object; lists go to /api/v1/messages/{queue}")),
    }
}

/// One message or a list of them, each of at most `max_bytes`.
pub(super) async fn some(headers: &HeaderMap, body: Body, max_bytes: usize) -> Result<Given, ApiError> {
    apart(read(headers, body, max_bytes.max(LIST_BYTES)).await?, max_bytes)
}

/// One JSON object of at most `max_bytes` that says what to do.
pub(super) async fn object<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    max_bytes: usize,
) -> Result<T, ApiError> {
    let body = read(headers, body, max_bytes).await?;
    let told = |error: serde_json::Error| match error.is_data() {
        true => ApiError::bad_request(format!("not such an object: {error}")),
        false => ApiError::new(StatusCode::BAD_REQUEST, "bad_json", format!("not JSON: {error}")),
    };
    // A list would be taken for the fields in their order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        serde_json::from_slice::<serde::de::IgnoredAny>(&body).map_err(told)?;
        return Err(ApiError::bad_request("not a JSON object"));
    }
    serde_json::from_slice(&body).map_err(told)
}

async fn read(headers: &HeaderMap, mut body: Body, max_bytes: usize) -> Result<Bytes, ApiError> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large_after(&mut body, max_bytes).await);
    }
    let limited = http_body_util::Limited::new(&mut body, max_bytes).collect();
    match timeout(READ_LIMIT, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large_after(&mut body, max_bytes).await),
        Ok(Err(_)) => Err(ApiError::bad_request("the body ends before its end")),
        Err(_) => {
            let message = format!("the body was not here within {} s", READ_LIMIT.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message))
        }
    }
}

async fn too_large_after(body: &mut Body, max_bytes: usize) -> ApiError {
    let _ = timeout(DROP_LIMIT, async { while let Some(Ok(_)) = body.frame().await {} }).await;
    too_large(format!("more than {max_bytes} bytes"))
}

fn too_large(message: String) -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message)
}

fn apart(body: Bytes, max_bytes: usize) -> Result<Given, ApiError> {
    let bad_json = |error: serde_json::Error| {
        ApiError::new(StatusCode::BAD_REQUEST, "bad_json", format!("not JSON: {error}"))
    };
    let whole: &RawValue = serde_json::from_slice(&body).map_err(bad_json)?;
    let exact = |raw: &RawValue| body.slice_ref(raw.get().as_bytes());
    let given = if whole.get().starts_with('[') {
        let list: Vec<&RawValue> = serde_json::from_str(whole.get()).map_err(bad_json)?;
        if list.len() > LIST_LENGTH {
            return Err(too_large(format!("{} messages; a list may have {LIST_LENGTH}", list.len())));
        }
        Given::List(list.into_iter().map(exact).collect())
    } else {
        Given::One(exact(whole))
    };
    let longest = match &given {
        Given::One(message) => message.len(),
        Given::List(messages) => messages.iter().map(Bytes::len).max().unwrap_or(0),
    };
    if longest > max_bytes {
        return Err(too_large(format!("a message of {longest} bytes; MAX_MESSAGE_BYTES allows {max_bytes}")));
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_changed() {
        let one = br#" {"n": 1.10, "b":2, "a" : 1e400}
"#;
        let Given::One(message) = apart(Bytes::from_static(one), 100).unwrap() else { panic!("one") };
        assert_eq!(message, one.trim_ascii());
        let list = r#"[ {"n": 1.10} , {"é":1},3 ]"#.to_owned();
        let list = if let Ok(Given::List(list)) = apart(list.into(), 100) { list } else { panic!("a list") };
        assert_eq!(list, [&br#"{"n": 1.10}"#[..], "{\"é\":1}".as_bytes(), b"3"]);
    }

    #[test]
    fn what_is_no_json_is_no_message() {
        for text in ["", "{", "{} {}", "[1,", "nul", "\u{feff}{}", "{\"a\":\"\u{1}\"}"] {
            let error = apart(Bytes::copy_from_slice(text.as_bytes()), 100).unwrap_err();
            assert_eq!(error.problem.code, "bad_json", "{text:?}");
        }
        let error = apart(Bytes::from_static(b"{\"a\":\"\xff\"}"), 100).unwrap_err();
        assert_eq!(error.problem.code, "bad_json");
    }

    #[test]
    fn sizes() {
        let list = |count| Bytes::from(format!("[{}]", vec!["{}"; count].join(",")));
        assert!(apart(list(LIST_LENGTH), 2).is_ok());
        assert_eq!(apart(list(LIST_LENGTH + 1), 2).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(apart(list(1), 1).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
