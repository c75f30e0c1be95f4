//! The message of the `whatsapp` queue, as it lies in Redis.

use redispatch::Failure;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{self, OneOrMany, Text};

/// What is to be sent. `null` is the same as leaving a field out; unknown fields are ignored.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct WhatsAppPayload<'a> {
    /// Who gets it: one number in E.164, such as `+491701234567`, with or without `whatsapp:` before it.
    #[serde(borrow)]
    #[schemars(required, regex(pattern = r"^(whatsapp:)?\+[1-9][0-9]{6,14}$"))]
    pub to: Option<Text<'a>>,
    /// The text, 1 to 1,600 characters. May be left out where there are `media_urls`.
    #[serde(borrow)]
    #[schemars(length(max = 1600))]
    pub body: Option<Text<'a>>,
    /// In place of `body`: the SID of an approved template, `HX` and 32 hex digits.
    #[serde(borrow)]
    #[schemars(regex(pattern = r"^HX[0-9a-fA-F]{32}$"))]
    pub content_sid: Option<Text<'a>>,
    /// What stands for the variables of the template: `{"1":"Jo","2":"10:30"}`.
    #[serde(borrow)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub content_variables: Option<&'a RawValue>,
    /// The sender: one number in E.164, with or without `whatsapp:`. `WHATSAPP_FROM_NUMBER` where it is left out.
    #[serde(borrow)]
    #[schemars(regex(pattern = r"^(whatsapp:)?\+[1-9][0-9]{6,14}$"))]
    pub from: Option<Text<'a>>,
    /// Pictures and the like, beside or in place of a `body`: up to 10 URLs, `http` or `https`.
    #[serde(borrow)]
    #[schemars(extend("maxItems" = 10))]
    pub media_urls: Option<OneOrMany<'a>>,
}

impl<'a> WhatsAppPayload<'a> {
    /// Reads a message. Strings without escapes are borrowed from `bytes`.
    ///
    /// # Errors
    ///
    /// Malformed, with the path of the field: not JSON, no object, a field of the wrong type or given twice.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Failure> {
        json::parse(bytes)
    }
}
