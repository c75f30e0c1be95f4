//! The message of the `email` queue, as it lies in Redis.

use redispatch::Failure;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::json::{self, Fields, Object, OneOrMany, Text};

/// What is to be sent. `null` is the same as leaving a field out; unknown fields are ignored.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct EmailPayload<'a> {
    /// Who gets it: `a@b`, `Name <a@b>`, a comma-separated list of them, or a JSON list.
    #[serde(borrow)]
    #[schemars(required)]
    pub to: Option<OneOrMany<'a>>,
    /// Who gets a copy that everybody sees. Written as `to`.
    #[serde(borrow)]
    pub cc: Option<OneOrMany<'a>>,
    /// Who gets a copy that nobody else sees. Written as `to`.
    #[serde(borrow)]
    pub bcc: Option<OneOrMany<'a>>,
    /// The sender: one `a@b` or `Name <a@b>`. `SMTP_FROM` where it is left out.
    #[serde(borrow)]
    pub from: Option<Text<'a>>,
    /// Where answers go. Written as `to`.
    #[serde(borrow)]
    pub reply_to: Option<OneOrMany<'a>>,
    /// One line; line breaks and other control characters become spaces.
    #[serde(borrow)]
    pub subject: Option<Text<'a>>,
    /// The text. One of `body` and `html` is needed; both make alternatives of each other.
    #[serde(borrow)]
    pub body: Option<Text<'a>>,
    /// The text as HTML. Inline attachments are referenced as `cid:` and their `content_id`.
    #[serde(borrow)]
    pub html: Option<Text<'a>>,
    /// More headers: name (letters, digits, `-`) to value or values. Names that the worker writes itself,
    /// or that change routing or structure, are refused.
    #[serde(borrow)]
    pub headers: Option<Fields<'a>>,
    /// Files, and images inside the HTML.
    #[serde(borrow)]
    pub attachments: Option<Vec<Object<Attachment<'a>>>>,
}

/// A file that travels with the mail.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct Attachment<'a> {
    /// The name under which the reader saves it, any Unicode but control characters.
    #[serde(borrow)]
    pub filename: Option<Text<'a>>,
    /// `type/subtype`, with parameters where needed; `application/octet-stream` where it is left out.
    #[serde(borrow)]
    pub content_type: Option<Text<'a>>,
    /// The bytes in base64, standard alphabet. White space and missing padding are tolerated.
    #[serde(borrow)]
    #[schemars(required)]
    pub content: Option<Text<'a>>,
    /// Makes it an image inside the HTML, referenced as `cid:` and this name.
    #[serde(borrow)]
    pub content_id: Option<Text<'a>>,
}

impl<'a> EmailPayload<'a> {
    /// Reads a message. Strings without escapes are borrowed from `bytes`.
    ///
    /// # Errors
    ///
    /// Malformed, with the path of the field: not JSON, no object, a field of the wrong type or given twice.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Failure> {
        json::parse(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(json: &str) -> String {
        let failure = EmailPayload::parse(json.as_bytes()).unwrap_err();
        assert!(failure.malformed);
        failure.error
    }

    #[test]
    fn faults_name_their_field() {
        assert!(error(r#"{"subject":5}"#).starts_with("subject: invalid type: integer, expected a string"));
        assert!(error(r#"{"to":["a@b",{}]}"#).starts_with("to[1]: invalid type: map, expected a string"));
        assert!(
            error(r#"{"to":true}"#).starts_with("to: invalid type: boolean, expected a string or a list")
        );
        assert!(error(r#"{"attachments":[{},{"content":[]}]}"#).starts_with("attachments[1].content: "));
        assert!(
            error(r#"{"attachments":[["f","t","c"]]}"#).starts_with("attachments[0]: invalid type: sequence")
        );
        assert!(error(r#"{"headers":{"X-A":1}}"#).starts_with("headers.X-A: invalid type: integer"));
        assert!(error(r#"{"headers":{"X-A":[1]}}"#).starts_with("headers.X-A[0]: invalid type: integer"));
        assert!(error(r#"{"to":"a@b","to":"c@d"}"#).contains("duplicate field `to`"));
    }

    #[test]
    fn only_an_object_is_a_message() {
        assert!(error(r#"["a@b"]"#).starts_with("invalid type: sequence, expected an object"));
        for json in ["", "null", "5", "{", "{}x", "\"a\"", "{\"to\":\"\u{fffd}"] {
            error(json);
        }
        assert!(EmailPayload::parse(b"{\"to\":\"\xff\"}").unwrap_err().malformed);
        assert!(EmailPayload::parse(br#"{"to":"\ud800"}"#).unwrap_err().malformed);
    }

    #[test]
    fn content_is_not_repeated_in_errors() {
        let error = error(r#"{"attachments":"confidential \", expected words","to":"a@b"}"#);
        assert!(error.starts_with("attachments: invalid type: string, expected"), "{error}");
        assert!(!error.contains("confidential"), "{error}");
        let error = self::error(&format!(r#"{{"headers":{{"\n{}":1}}}}"#, "x".repeat(100_000)));
        assert!(error.len() == 300 && !error.contains('\n'), "{error}");
    }

    #[test]
    fn null_and_unknown_fields_count_for_nothing() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        let json =
            format!(r#"{{"x":{deep},"cc":null,"headers":null,"attachments":null,"subject":null,"id":5}}"#);
        let payload = EmailPayload::parse(json.as_bytes()).unwrap();
        assert!(payload.cc.is_none() && payload.headers.is_none() && payload.attachments.is_none());
    }
}
