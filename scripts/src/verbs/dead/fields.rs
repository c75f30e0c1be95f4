//! Changes fields of a message and keeps the others as they are.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::Error;

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
pub(super) fn set(bytes: &[u8], changes: &[String]) -> Result<Vec<u8>, Error> {
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
pub(super) fn keep_delivery(before: &[u8], edited: &[u8]) -> Result<Vec<u8>, Error> {
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
}
