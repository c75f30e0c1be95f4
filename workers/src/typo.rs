//! Which field of a message was probably meant to be another.

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use crate::json::excerpt;

/// ` (there is a `too`)` where a field of `message` reads like `field` or is one of `others`, else nothing.
pub(crate) fn hint(message: &[u8], field: &str, others: &[&str]) -> String {
    let Ok(Keys(keys)) = serde_json::from_slice(message) else { return String::new() };
    let meant = keys.iter().filter(|key| *key != field).find(|key| {
        let key = key.trim().to_lowercase();
        *key == *field || others.contains(&&*key) || one_slip(&key, field)
    });
    meant.map(|key| format!(" (there is a {})", excerpt(key).replace('"', "`"))).unwrap_or_default()
}

/// Whether one letter too many, too few, wrong, or two in the wrong order make `a` of `b`.
fn one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..], &b[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    match (&a[..a.len() - end], &b[..b.len() - end]) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

/// The names of an object's fields.
struct Keys(Vec<String>);

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut keys = Vec::new();
        while let Some((key, IgnoredAny)) = map.next_entry()? {
            keys.push(key);
        }
        Ok(Keys(keys))
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(KeysVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_that_was_meant() {
        for (message, expected) in [
            (r#"{"body":"x","too":"+1"}"#, " (there is a `too`)"),
            (r#"{"ot":"+1"}"#, " (there is a `ot`)"),
            (r#"{"t":"+1"}"#, " (there is a `t`)"),
            (r#"{"To":"+1"}"#, " (there is a `To`)"),
            (r#"{"to ":"+1"}"#, " (there is a `to `)"),
            (r#"{"phone":"+1"}"#, " (there is a `phone`)"),
            (r#"{"id":"1","body":"x","topic":false,"token":1}"#, ""),
            ("{}", ""),
            ("[]", ""),
        ] {
            assert_eq!(hint(message.as_bytes(), "to", &["phone"]), expected, "{message}");
        }
        let long = format!(r#"{{"too{}":1}}"#, "o".repeat(1000));
        assert_eq!(hint(long.as_bytes(), "to", &[]), "");
    }
}
