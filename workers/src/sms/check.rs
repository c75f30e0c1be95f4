//! From the bytes of a message to an SMS that a provider may get.

use redispatch::Failure;

use super::message::{Sms, Target};
use super::payload::{SmsPayload, Topic};
use super::sender;
use crate::content::{body, media, missing_to, url};
use crate::json::excerpt;
use crate::phone::Validation;

/// Reads and checks a message.
///
/// # Errors
///
/// Malformed where it is not of this queue's shape; else a failure for good: no usable number, sender or URL.
pub(super) fn check(bytes: &[u8], phones: Validation) -> Result<Sms, Failure> {
    let payload = SmsPayload::parse(bytes)?;
    let to = target(bytes, &payload, phones)?;
    let media_urls = media(payload.media_urls.as_ref())?;
    let given = one_of(("body", payload.body.as_deref()), ("message", payload.message.as_deref()))?;
    let body = body(bytes, given, !media_urls.is_empty())?;
    let from = payload.from.as_deref().map(|from| sender::check("from", from)).transpose()?;
    let status_callback =
        payload.status_callback.as_deref().map(|text| url("status_callback", text)).transpose()?;
    Ok(Sms { to, body: body.to_owned(), from, media_urls, status_callback })
}

/// A topic only where the message says so: a typo must not broadcast.
fn target(bytes: &[u8], payload: &SmsPayload<'_>, phones: Validation) -> Result<Target, Failure> {
    let number = payload.to.as_deref().filter(|to| !to.is_empty());
    let topic = match &payload.topic {
        None | Some(Topic::Default(false)) => None,
        Some(Topic::Default(true)) => Some(None),
        Some(Topic::Arn(arn)) if is_topic_arn(arn) => Some(Some(arn.clone())),
        Some(Topic::Arn(arn)) => {
            let why = format!("topic: {} is no ARN of a topic: write true, or arn:aws:sns:…", excerpt(arn));
            return Err(Failure::malformed(why));
        }
    };
    match (number, topic) {
        (Some(_), Some(_)) => Err(Failure::malformed("`to` and `topic` exclude each other: leave one out")),
        (Some(number), None) => {
            phones.check("to", number)?;
            Ok(Target::Number(number.to_owned()))
        }
        (None, Some(topic)) => Ok(Target::Topic(topic)),
        (None, None) => Err(missing_to(bytes, payload.to.is_some())),
    }
}

fn is_topic_arn(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    matches!(parts[..], ["arn", partition, "sns", region, account, name]
        if partition.starts_with("aws") && !region.is_empty() && account.len() == 12 && !name.is_empty()
            && text.bytes().all(|b| b.is_ascii_graphic()))
}

/// Two names of one field. Both may be there if they say the same.
///
/// # Errors
///
/// Malformed: they do not.
fn one_of<'a>(
    (name, value): (&str, Option<&'a str>),
    (other_name, other): (&str, Option<&'a str>),
) -> Result<Option<&'a str>, Failure> {
    match (value, other) {
        (Some(a), Some(b)) if a != b => {
            let why = format!("`{name}` and `{other_name}` are the same field and differ: leave one out");
            Err(Failure::malformed(why))
        }
        _ => Ok(value.or(other)),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
