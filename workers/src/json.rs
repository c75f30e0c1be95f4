//! Messages as JSON: how they are read, and shapes that serde has no ready type for, each with its own words for a
//! wrong type.

use std::{borrow::Cow, fmt, marker::PhantomData, ops::Deref};

use redispatch::Failure;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};

/// In characters: a path may hold the key of a header, of any length.
const LONGEST_ERROR: usize = 300;

/// Reads a message. Strings without escapes are borrowed from `bytes`.
///
/// # Errors
///
/// Malformed, with the path of the field: not JSON, no object, a field of the wrong type or given twice.
pub(crate) fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Failure> {
    match serde_json::from_slice(bytes) {
        Ok(Object(payload)) => Ok(payload),
        Err(error) => Err(Failure::malformed(locate::<T>(bytes, &error))),
    }
}

/// Reads once more, slower, to say where the fault is.
fn locate<'a, T: Deserialize<'a>>(bytes: &'a [u8], error: &serde_json::Error) -> String {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, Object<T>>(&mut json) {
        Err(error) if error.path().iter().next().is_some() => {
            format!("{}: {}", error.path(), in_words(&error.inner().to_string()))
        }
        _ => in_words(&error.to_string()),
    }
    .chars()
    .map(|c| if c.is_control() { ' ' } else { c })
    .take(LONGEST_ERROR)
    .collect()
}

/// What serde says, without the value it did not want, which may be a whole body, and with a cure where it has none.
fn in_words(error: &str) -> String {
    let halves = ["unexpected end of hex escape", "lone leading surrogate in hex escape"];
    let half = halves.iter().find_map(|half| error.strip_prefix(half));
    let error = half.map_or(Cow::Borrowed(error), |place| {
        format!("half of an emoji or another character that takes two \\u escapes{place}").into()
    });
    let value = error.find("invalid type: ").map(|at| at + "invalid type: ".len());
    match (value, error.rfind(", expected")) {
        (Some(start), Some(end)) if start < end => {
            let kind = error[start..end].split(['"', '`']).next().unwrap_or_default();
            format!("{}{}{}", &error[..start], kind.trim_end(), &error[end..])
        }
        _ => error.into_owned(),
    }
}

/// `text` in quotes, its start where it is long, as it may stand in a reason.
pub(crate) fn excerpt(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    format!("{short:?}{}", if short.len() < text.len() { "…" } else { "" })
}

/// A string, borrowed from the message where it has no escapes.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(inline)]
pub struct Text<'a>(Cow<'a, str>);

/// A string or a list of strings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneOrMany<'a> {
    /// `"a"`
    One(Text<'a>),
    /// `["a", "b"]`
    Many(Vec<Text<'a>>),
}

/// An object whose values are strings or lists of strings, in the order in which they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields<'a>(pub Vec<(Text<'a>, OneOrMany<'a>)>);

/// `T` written as a JSON object: serde alone would also take a list of `T`'s fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object<T>(pub T);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(value)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(value)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct OneOrManyVisitor;

impl<'de> Visitor<'de> for OneOrManyVisitor {
    type Value = OneOrMany<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        TextVisitor.visit_borrowed_str(value).map(OneOrMany::One)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        TextVisitor.visit_str(value).map(OneOrMany::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(OneOrMany::Many(items))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for OneOrMany<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneOrManyVisitor)
    }
}

impl JsonSchema for OneOrMany<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Fields(fields))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl JsonSchema for Fields<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<OneOrMany<'_>>() })
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Object<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}
