//! Changes fields of a message and keeps the others as they are.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::masked;

/// The fields of an object in their order, each value as it is written.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

impl Fields {
    fn read(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::new("it is no JSON object").changed("nothing").cause(error))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(field, _)| field == name)
    }

    fn put(&mut self, name: &str, value: Box<RawValue>) {
        match self.position(name) {
            Some(at) => self.0[at].1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    fn text(&self) -> String {
        let field = |(name, value): &(String, Box<RawValue>)| {
            format!("{}:{value}", serde_json::Value::from(name.as_str()))
        };
        format!("{{{}}}", self.0.iter().map(field).collect::<Vec<_>>().join(","))
    }
}

/// The message with each `NAME=VALUE` of `changes` set. A value that is JSON is taken as it is, others are texts, and an
/// empty one takes the field out.
pub(crate) fn set(bytes: &[u8], changes: &[String]) -> Result<Vec<u8>, Error> {
    let mut fields = Fields::read(bytes)?;
    for change in changes {
        let Some((name, value)) = change.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Error::new(format!("`{change}` is not NAME=VALUE")).changed("nothing"));
        };
        if value.is_empty() {
            fields.0.retain(|(field, _)| field != name);
            continue;
        }
        let json = RawValue::from_string(value.to_owned());
        let value = json.or_else(|_| RawValue::from_string(serde_json::Value::from(value).to_string()));
        fields.put(name, value.map_err(|error| Error::new(format!("cannot set {name}")).cause(error))?);
    }
    Ok(fields.text().into_bytes())
}

/// `edited` with the history of the message it was made of, where it has none of its own: without it a worker would
/// not know that the message starts over.
pub(crate) fn keep_delivery(before: &[u8], edited: &[u8]) -> Result<Vec<u8>, Error> {
    let mut fields = Fields::read(edited)?;
    let Ok(mut known) = Fields::read(before) else { return Ok(edited.to_vec()) };
    match known.position("_delivery") {
        Some(at) if fields.position("_delivery").is_none() => {
            fields.put("_delivery", known.0.swap_remove(at).1);
            Ok(fields.text().into_bytes())
        }
        _ => Ok(edited.to_vec()),
    }
}

/// `given` in place of the message `before`, as a program gives it back that has read and written its JSON: a field that
/// is the same to such a program, or that comes back as it was shown masked, keeps its bytes and its place, and the
/// history is always that of `before`. An error where `given` is no object.
pub(crate) fn merge(before: &[u8], given: &[u8]) -> Result<Vec<u8>, Error> {
    let mut given = Fields::read(given)?;
    let Ok(known) = Fields::read(before) else { return Ok(given.text().into_bytes()) };
    given.0.retain(|(name, _)| name != HISTORY);
    let shown = masked::masked(before).unwrap_or_default();
    let mut merged = Fields(Vec::new());
    for (name, value) in known.0 {
        let kept = match given.position(&name).map(|at| given.0.remove(at).1) {
            Some(new) if is_same(&value, &new) || is_shown(&shown[&name], &new) => value,
            Some(new) => new,
            None if name == HISTORY => value,
            None => continue,
        };
        merged.0.push((name, kept));
    }
    merged.0.extend(given.0);
    // Nothing was changed: not a blank of it either.
    let whole = Fields::read(before)?.text();
    if merged.text() == whole { Ok(before.to_vec()) } else { Ok(merged.text().into_bytes()) }
}

const HISTORY: &str = "_delivery";

/// The same to a program whose numbers are 64-bit floats, and that does not keep the order of fields.
fn is_same(before: &RawValue, given: &RawValue) -> bool {
    fn equal(a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
            }
            (Value::Object(a), Value::Object(b)) => {
                a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| equal(a, b)))
            }
            _ => a == b,
        }
    }
    let read = |text: &RawValue| serde_json::from_str::<Value>(text.get()).ok();
    match (read(before), read(given)) {
        (Some(before), Some(given)) => equal(&before, &given),
        _ => before.get() == given.get(),
    }
}

fn is_shown(shown: &Value, given: &RawValue) -> bool {
    !shown.is_null() && serde_json::from_str::<Value>(given.get()).is_ok_and(|given| given == *shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(json: &str, changes: &[&str]) -> String {
        let changes: Vec<_> = changes.iter().map(ToString::to_string).collect();
        String::from_utf8(set(json.as_bytes(), &changes).unwrap()).unwrap()
    }

    #[test]
    fn fields_that_are_not_named_stay_as_they_are() {
        let json = r#"{"n":1.10,"to":"a","z":{"b": 1,"a":12345678901234567890},"é\"":null}"#;
        assert_eq!(
            changed(json, &["to=new@example.com"]),
            r#"{"n":1.10,"to":"new@example.com","z":{"b": 1,"a":12345678901234567890},"é\"":null}"#
        );
        assert_eq!(changed(r#"{"a":1,"b":2}"#, &["a=", "c=[1, 2]", "b=x=y"]), r#"{"b":"x=y","c":[1, 2]}"#);
        assert_eq!(changed("{}", &["subject=\"17\""]), r#"{"subject":"17"}"#);
        assert!(set(b"[]", &["a=1".into()]).is_err());
        assert!(set(b"{}", &["a".into()]).is_err());
    }

    #[test]
    fn the_history_stays() {
        let kept = |before: &str, edited: &str| {
            String::from_utf8(keep_delivery(before.as_bytes(), edited.as_bytes()).unwrap()).unwrap()
        };
        assert_eq!(kept(r#"{"a":1,"_delivery":{"x":1}}"#, r#"{"a":2}"#), r#"{"a":2,"_delivery":{"x":1}}"#);
        let own = r#"{"_delivery": {},"a":2}"#;
        assert_eq!(kept(r#"{"a":1,"_delivery":{"x":1}}"#, own), own);
        assert_eq!(kept("{ }", r#"{ "a":2 }"#), r#"{ "a":2 }"#);
    }

    #[test]
    fn what_a_browser_did_not_mean_to_change_stays() {
        let merged = |before: &str, given: &str| {
            String::from_utf8(merge(before.as_bytes(), given.as_bytes()).unwrap()).unwrap()
        };
        let before = r#"{ "to":"jo@example.com","n":1.10,"big":12345678901234567890,"m":{"b": 1,"a":[2.0]},"x":1,"_delivery":{"dead_at": "x"}}"#;
        let same = r#"{"to":"jo@example.com","n":1.1,"big":12345678901234567000,"m":{"a":[2],"b":1},"x":1,"_delivery":{"forged":true}}"#;
        assert_eq!(merged(before, same), before, "to the byte");
        let given =
            r#"{"m":{"a":[2],"b":1},"new":"é","to":"kim@example.com","big":12345678901234567000,"n":1.1}"#;
        assert_eq!(
            merged(before, given),
            r#"{"to":"kim@example.com","n":1.10,"big":12345678901234567890,"m":{"b": 1,"a":[2.0]},"_delivery":{"dead_at": "x"},"new":"é"}"#
        );
        let masked = r#"{"to":"j…@e….com","n":2,"big":12345678901234567890,"m":{"a":[2],"b":1},"x":1}"#;
        assert!(merged(before, masked).starts_with(r#"{"to":"jo@example.com","n":2,"#));
        assert_eq!(merged("no JSON", r#"{ "a": 1 }"#), r#"{"a":1}"#);
        assert_eq!(merged(r#"{"a":1}"#, r#"{"a":1,"_delivery":{}}"#), r#"{"a":1}"#, "no history of its own");
        assert!(merge(b"{}", b"[]").is_err());
    }
}
