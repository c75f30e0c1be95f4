//! A message as an operator may see it by chance: recipients masked, long texts cut.

use redispatch::telemetry::mask;
use serde_json::Value;

/// Characters of a text that are shown.
const SHOWN: usize = 200;

/// The message with every address and number in its texts masked; `None` where it is no JSON.
pub(crate) fn masked(message: &[u8]) -> Option<Value> {
    let mut value = serde_json::from_slice(message).ok()?;
    hide(&mut value, "");
    Some(value)
}

fn hide(value: &mut Value, field: &str) {
    match value {
        Value::String(text) if ["to", "cc", "bcc", "recipients"].contains(&field) => {
            *text = mask::recipient(text);
        }
        // A date, and what else has no room for anybody.
        Value::String(_)
            if ["id", "send_at", "created_at", "expires_at", "dead_at", "at"].contains(&field) => {}
        Value::String(text) => *text = cut(&mask::text(text)),
        Value::Array(values) => values.iter_mut().for_each(|value| hide(value, field)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| hide(value, name)),
        _ => {}
    }
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
            "html":"{}","created_at":1735171200000,"id":"order-1","_delivery":{{"recipients":["jo@example.com"],
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
    }
}
