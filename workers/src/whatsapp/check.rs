//! From the bytes of a message to a WhatsApp message that Twilio may get.

use redispatch::Failure;
use serde_json::value::RawValue;

use super::message::{Content, WhatsApp};
use super::payload::WhatsAppPayload;
use crate::content::{body, media, missing_to};
use crate::json::excerpt;
use crate::phone::Validation;
use crate::twilio;

/// Stands before every number.
pub(super) const PREFIX: &str = "whatsapp:";

/// Reads and checks a message.
///
/// # Errors
///
/// Malformed where it is not of this queue's shape; else a failure for good: no usable number.
pub(super) fn check(bytes: &[u8], phones: Validation) -> Result<WhatsApp, Failure> {
    let payload = WhatsAppPayload::parse(bytes)?;
    let to = match payload.to.as_deref().filter(|to| !bare(to).is_empty()) {
        Some(to) => address("to", to, phones)?,
        None => return Err(missing_to(bytes, payload.to.is_some())),
    };
    let content = content(bytes, &payload)?;
    let from = payload.from.as_deref().map(|from| address("from", from, Validation::Shape)).transpose()?;
    Ok(WhatsApp { to, from, content })
}

/// A number with the prefix.
fn address(field: &str, text: &str, phones: Validation) -> Result<String, Failure> {
    let number = bare(text);
    phones.check(field, number)?;
    Ok(format!("{PREFIX}{number}"))
}

/// A number without the prefix.
pub(super) fn bare(text: &str) -> &str {
    text.strip_prefix(PREFIX).unwrap_or(text)
}

fn content(bytes: &[u8], payload: &WhatsAppPayload<'_>) -> Result<Content, Failure> {
    let media_urls = media(payload.media_urls.as_ref())?;
    let Some(sid) = payload.content_sid.as_deref() else {
        if payload.content_variables.is_some() {
            return Err(Failure::malformed("`content_variables` need a `content_sid`"));
        }
        let body = body(bytes, payload.body.as_deref(), !media_urls.is_empty())?.to_owned();
        return Ok(Content::Free { body, media_urls });
    };
    if payload.body.is_some() || !media_urls.is_empty() {
        let other = if payload.body.is_some() { "body" } else { "media_urls" };
        let why = format!(
            "`{other}` and `content_sid` exclude each other: a template brings its own, leave one out"
        );
        return Err(Failure::malformed(why));
    }
    if !twilio::is_sid(sid, "HX") {
        let why = format!("content_sid: {} is no SID of a template: HX and 32 of 0-9 and a-f", excerpt(sid));
        return Err(Failure::malformed(why));
    }
    let variables = payload.content_variables.map(variables).transpose()?;
    Ok(Content::Template { sid: sid.to_owned(), variables })
}

/// The object as it was written, which keeps the order of its keys and the digits of its numbers.
fn variables(given: &RawValue) -> Result<String, Failure> {
    match given.get().starts_with('{') {
        true => Ok(given.get().to_owned()),
        false => Err(Failure::malformed("content_variables: write an object such as {\"1\":\"Jo\"}")),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
