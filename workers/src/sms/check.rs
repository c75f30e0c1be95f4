//! From the bytes of a message to an SMS that a provider may get.

use redispatch::Failure;
use url::Url;

use super::message::{Sms, Target};
use super::payload::{SmsPayload, Topic};
use super::sender;
use crate::json::{OneOrMany, Text, excerpt};
use crate::phone::Validation;
use crate::typo;

/// Characters of a body; Twilio takes no more.
pub(crate) const LONGEST_BODY: usize = 1_600;
/// Media of one message; Twilio takes no more.
const MOST_MEDIA: usize = 10;

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

/// The reason where nobody is to get it.
pub(crate) fn missing_to(bytes: &[u8], is_empty: bool) -> Failure {
    let others =
        ["phone", "phone_number", "phonenumber", "number", "recipient", "recipients", "mobile", "msisdn"];
    Failure::malformed(match is_empty {
        true => "`to` is empty: give a number, + and the country code first".to_owned(),
        false => format!("`to` is missing{}", typo::hint(bytes, "to", &others)),
    })
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
pub(crate) fn one_of<'a>(
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

/// The text to send; empty only beside media.
///
/// # Errors
///
/// Malformed: missing, empty, too long.
pub(crate) fn body<'a>(bytes: &[u8], given: Option<&'a str>, has_media: bool) -> Result<&'a str, Failure> {
    let body = given.unwrap_or_default();
    let count = body.chars().count();
    match (given, count) {
        (_, 1..=LONGEST_BODY) => Ok(body),
        (_, 0) if has_media => Ok(body),
        (None, 0) => {
            let others = ["message", "text", "content", "msg", "sms"];
            Err(Failure::malformed(format!("`body` is missing{}", typo::hint(bytes, "body", &others))))
        }
        (Some(_), 0) => Err(Failure::malformed("`body` is empty: write a text of 1 to 1,600 characters")),
        _ => {
            let why =
                format!("`body` has {count} characters, and at most 1,600 can be sent: shorten or split it");
            Err(Failure::malformed(why))
        }
    }
}

/// The URLs of media.
///
/// # Errors
///
/// Malformed: too many, or one is no URL.
pub(crate) fn media(given: Option<&OneOrMany<'_>>) -> Result<Vec<String>, Failure> {
    let urls: &[Text<'_>] = match given {
        None => &[],
        Some(OneOrMany::One(url)) => std::slice::from_ref(url),
        Some(OneOrMany::Many(urls)) => urls,
    };
    if urls.len() > MOST_MEDIA {
        let count = urls.len();
        return Err(Failure::malformed(format!(
            "media_urls: {count} are given, and at most {MOST_MEDIA} can be sent"
        )));
    }
    let numbered = urls.iter().enumerate();
    numbered.map(|(index, text)| url(&format!("media_urls[{index}]"), text)).collect()
}

/// A URL that others can open.
fn url(field: &str, text: &str) -> Result<String, Failure> {
    let usable = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // The parser mends white space and control characters; Twilio would get them as they are.
    if usable && text.bytes().all(|b| b > b' ' && b != 0x7f) {
        return Ok(text.to_owned());
    }
    // Not shown: it may hold a password or a token, and reasons are logged.
    Err(Failure::malformed(format!("{field}: is no URL: write it as https://host/path, without spaces")))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
