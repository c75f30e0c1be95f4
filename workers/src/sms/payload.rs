//! The message of the `sms` queue, as it lies in Redis.

use std::borrow::Cow;
use std::fmt;

use redispatch::Failure;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::json::{self, OneOrMany, Text};

/// What is to be sent. `null` is the same as leaving a field out; unknown fields are ignored.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct SmsPayload<'a> {
    /// Who gets it: one number in E.164, such as `+491701234567`.
    #[serde(borrow)]
    #[schemars(regex(pattern = r"^\+[1-9][0-9]{6,14}$"))]
    pub to: Option<Text<'a>>,
    /// In place of `to`, with SNS only: `true` publishes to the topic `SNS_TOPIC_ARN`, a topic's ARN to that one.
    pub topic: Option<Topic>,
    /// The text, 1 to 1,600 characters. May be left out where there are `media_urls`.
    #[serde(borrow)]
    #[schemars(length(max = 1600))]
    pub body: Option<Text<'a>>,
    /// Another name of `body`.
    #[serde(borrow)]
    #[schemars(length(max = 1600))]
    pub message: Option<Text<'a>>,
    /// The sender: a number in E.164, a short code, a sender ID of up to 11 letters and digits, or the SID of a
    /// messaging service. That of the settings where it is left out.
    #[serde(borrow)]
    pub from: Option<Text<'a>>,
    /// Pictures and the like: up to 10 URLs, `http` or `https`. Twilio only.
    #[serde(borrow)]
    #[schemars(extend("maxItems" = 10))]
    pub media_urls: Option<OneOrMany<'a>>,
    /// Where Twilio reports what becomes of the message: a URL, `http` or `https`.
    #[serde(borrow)]
    pub status_callback: Option<Text<'a>>,
}

/// Whether a message goes to a topic, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// `true`: that of the settings. `false`: none.
    Default(bool),
    /// A topic's ARN.
    Arn(String),
}

impl<'a> SmsPayload<'a> {
    /// Reads a message. Strings without escapes are borrowed from `bytes`.
    ///
    /// # Errors
    ///
    /// Malformed, with the path of the field: not JSON, no object, a field of the wrong type or given twice.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Failure> {
        json::parse(bytes)
    }
}

struct TopicVisitor;

impl Visitor<'_> for TopicVisitor {
    type Value = Topic;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false or a topic's ARN")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Topic, E> {
        Ok(Topic::Default(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Topic, E> {
        Ok(Topic::Arn(value.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TopicVisitor)
    }
}

impl JsonSchema for Topic {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Topic".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"], "pattern": "^arn:" })
    }
}
