//! A message as an operator may see it by chance: recipients masked, long texts cut.

mod html;

use redispatch::telemetry::mask;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use html::in_html;

/// Characters of a text that are shown.
const SHOWN: usize = 200;

/// The message with every address and number in its texts masked; `None` where it is no JSON.
pub(crate) fn masked(message: &[u8]) -> Option<Value> {
    let mut value = serde_json::from_slice(message).ok()?;
    hide(&mut value, "");
    Some(value)
}

/// A free text with every address and number masked, cut where it is long.
pub(crate) fn shown(text: &str) -> String {
    cut(&mask::text(text))
}

/// What tells a message to people in a list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Glimpse {
    /// Whom it goes to, the first of several: `jo…@e….com +2`.
    pub(crate) to: Option<String>,
    /// Its subject, cut.
    pub(crate) subject: Option<String>,
    /// It has a part that is HTML.
    pub(crate) has_html: bool,
}

#[derive(Default, Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    to: Option<&'a RawValue>,
    #[serde(borrow)]
    cc: Option<&'a RawValue>,
    #[serde(borrow)]
    bcc: Option<&'a RawValue>,
    #[serde(borrow)]
    subject: Option<&'a RawValue>,
    #[serde(borrow)]
    html: Option<&'a RawValue>,
}

impl<'a> Parts<'a> {
    fn read(message: &'a [u8]) -> Self {
        serde_json::from_slice(message).unwrap_or_default()
    }
}

fn value(raw: Option<&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

impl Glimpse {
    /// Of a message; with `reveal` nobody is masked. What cannot be read is not there.
    pub(crate) fn of(message: &[u8], reveal: bool) -> Self {
        let parts = Parts::read(message);
        let said = |text: &str| if reveal { cut(text) } else { shown(text) };
        Self {
            to: first(&value(parts.to), reveal),
            subject: value(parts.subject).as_str().map(said),
            // An empty text is `""`.
            has_html: parts.html.is_some_and(|html| html.get().starts_with('"') && html.get().len() > 2),
        }
    }
}

/// The HTML of a message; `None` where it has none.
pub(crate) fn html(message: &[u8]) -> Option<String> {
    value(Parts::read(message).html).as_str().filter(|html| !html.is_empty()).map(str::to_owned)
}

/// Whether a recipient or the subject of a message contains `text`, which is in small letters.
pub(crate) fn mentions(message: &[u8], text: &str) -> bool {
    fn says(value: &Value, text: &str) -> bool {
        match value {
            Value::String(string) => string.to_lowercase().contains(text),
            Value::Array(values) => values.iter().any(|value| says(value, text)),
            _ => false,
        }
    }
    let Parts { to, cc, bcc, subject, .. } = Parts::read(message);
    [to, cc, bcc, subject].into_iter().flatten().any(|raw| says(&value(Some(raw)), text))
}

/// The first of the recipients in `to`, and how many more there are; `None` where it has none.
pub(crate) fn first(to: &Value, reveal: bool) -> Option<String> {
    let one = |to: &str| if reveal { cut(to) } else { cut(&mask::recipient(to)) };
    match to {
        Value::String(to) => Some(one(to)),
        Value::Number(number) => Some(one(&number.to_string())),
        Value::Array(all) => {
            let first = one(all.first()?.as_str().unwrap_or_default());
            Some(if all.len() > 1 { format!("{first} +{}", all.len() - 1) } else { first })
        }
        _ => None,
    }
}

fn hide(value: &mut Value, field: &str) {
    let names_people = ["to", "cc", "bcc", "recipients"].iter().any(|name| name.eq_ignore_ascii_case(field));
    match value {
        Value::String(text) if names_people => *text = mask::recipient(text),
        Value::Number(number) if names_people => *value = mask::recipient(&number.to_string()).into(),
        // A date, and what else has no room for anybody.
        Value::String(_) if field == "id" => {}
        Value::String(text)
            if ["send_at", "created_at", "expires_at", "dead_at", "at"].contains(&field) && is_time(text) => {
        }
        Value::String(text) => *text = shown(text),
        Value::Array(values) => values.iter_mut().for_each(|value| hide(value, field)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| {
            // `{"name": …, "email": …}` names somebody by both.
            hide(value, if names_people { field } else { name });
        }),
        _ => {}
    }
}

/// RFC 3339, or digits: nobody's address.
fn is_time(text: &str) -> bool {
    text.len() <= 35 && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.+TtZz ".contains(&byte))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} more bytes)", &text[..end], text.len() - end),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_be_read() {
        let message = format!(
            r#"{{"to":["Jo Doe <jo@example.com>"],"cc":"kim@example.com","body":"Call +491701234567, kim@example.com",
            "html":"{}","created_at":1735171200000,"id":"order-1","_delivery":{{"recipients":["jo@example.com"],"at":"jo@example.com","to":[{{"name":"Jo Doe"}}],
            "attempts":[{{"error":"<jo@example.com> unknown","at":"2026-01-01T00:00:00.000Z"}}]}}}}"#,
            "x".repeat(300)
        );
        let shown = masked(message.as_bytes()).unwrap();
        let text = shown.to_string();
        for secret in ["jo@", "kim@", "Doe", "1234567", &"x".repeat(201)] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
        assert_eq!(shown["created_at"], 1_735_171_200_000_i64);
        assert_eq!(shown["_delivery"]["attempts"][0]["at"], "2026-01-01T00:00:00.000Z");
        assert!(shown["html"].as_str().unwrap().ends_with("… (100 more bytes)"), "{text}");
        assert_eq!(masked(b"no JSON"), None);
        let odd = masked(br#"{"to":491701234567,"headers":{"To":"Jo Doe <jo@example.com>"}}"#).unwrap();
        assert_eq!(odd.to_string(), r#"{"headers":{"To":"j…@e….com"},"to":"4917••••••67"}"#);
    }

    #[test]
    fn a_glimpse() {
        let of = |message: &str| Glimpse::of(message.as_bytes(), false);
        let seen = of(
            r#"{"to":["Jo <jo@example.com>","kim@example.com"],"subject":"For jo@example.com","html":"<p>"}"#,
        );
        assert_eq!(seen.to.as_deref(), Some("j…@e….com +1"));
        assert_eq!((seen.subject.as_deref(), seen.has_html), (Some("For j…@e….com"), true));
        for message in ["no JSON", "[]", r#"{"to":{},"subject":5,"html":""}"#, r#"{"to":[],"html":null}"#] {
            assert_eq!(of(message), Glimpse::default(), "{message}");
        }
        let bare = Glimpse::of(br#"{"to":"jo@example.com"}"#, true);
        assert_eq!(bare.to.as_deref(), Some("jo@example.com"));
    }

    #[test]
    fn what_a_message_mentions() {
        let message =
            br#"{"to":["Jo@Example.com"],"bcc":"kim@example.com","subject":"R\u00e9sum\u00e9","body":"lee"}"#;
        for text in ["jo@example", "kim@", "résumé"] {
            assert!(mentions(message, text), "{text}");
        }
        assert!(!mentions(message, "lee") && !mentions(b"jo@example", "jo"));
    }
}
