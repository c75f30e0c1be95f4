//! What SMS and WhatsApp messages have in common: a number to go to, a text, media.

use redispatch::Failure;
use url::Url;

use crate::json::{OneOrMany, Text};
use crate::typo;

/// Characters of a body; Twilio takes no more.
const LONGEST_BODY: usize = 1_600;
/// Media of one message; Twilio takes no more.
const MOST_MEDIA: usize = 10;
/// Most of a body that is shown, in characters.
const BODY_SHOWN: usize = 70;

/// The reason where nobody is to get it.
pub(crate) fn missing_to(bytes: &[u8], is_empty: bool) -> Failure {
    let others =
        ["phone", "phone_number", "phonenumber", "number", "recipient", "recipients", "mobile", "msisdn"];
    Failure::malformed(match is_empty {
        true => "`to` is empty: give a number, + and the country code first".to_owned(),
        false => format!("`to` is missing{}", typo::hint(bytes, "to", &others)),
    })
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
///
/// # Errors
///
/// Malformed: it is none.
pub(crate) fn url(field: &str, text: &str) -> Result<String, Failure> {
    let usable = Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    // The parser mends white space and control characters; Twilio would get them as they are.
    if usable && text.bytes().all(|b| b > b' ' && b != 0x7f) {
        return Ok(text.to_owned());
    }
    // Not shown: it may hold a password or a token, and reasons are logged.
    Err(Failure::malformed(format!("{field}: is no URL: write it as https://host/path, without spaces")))
}

/// The start of a body, in one line.
pub(crate) fn shown(body: &str) -> String {
    let start: String = body.chars().take(BODY_SHOWN).collect();
    format!("{start:?}{}", if start.len() < body.len() { "…" } else { "" })
}

/// How many media there are, if any.
pub(crate) fn shown_media(urls: &[String]) -> Option<(&'static str, String)> {
    (!urls.is_empty()).then(|| ("media", urls.len().to_string()))
}
