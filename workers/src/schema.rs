//! What the JSON Schemas of all queues share. Those are committed under `shared/schema/`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};

/// What every queue knows of a message.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct QueueFields {
    /// The idempotency key: printable ASCII. A message whose `id` was sent before is dropped as a duplicate.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[ -~]+$"))]
    id: Option<String>,
    /// Failed sends so far; set by the worker.
    retries: Option<u32>,
    /// Sends in all, instead of `MAX_RETRIES`.
    #[schemars(range(min = 1, max = 1000))]
    max_retries: Option<u32>,
    /// Not to be sent before: RFC 3339 with offset, or epoch milliseconds.
    send_at: Option<Time>,
    /// Not to be sent after: RFC 3339 with offset, or epoch milliseconds.
    expires_at: Option<Time>,
    /// When it was made: RFC 3339 with offset, or epoch milliseconds.
    created_at: Option<Time>,
    /// Milliseconds from `created_at` after which it is not to be sent.
    ttl_ms: Option<u64>,
    /// Goes to logs and status, never sent.
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
    /// Reserved: history kept by the workers.
    #[serde(rename = "_delivery")]
    delivery: Option<serde_json::Map<String, serde_json::Value>>,
}

/// RFC 3339 or epoch milliseconds; smaller numbers are seconds, and refused.
struct Time;

impl JsonSchema for Time {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "format": "date-time", "minimum": 100_000_000_000u64 })
    }
}

/// The schema of `T` and of all it holds.
pub(crate) fn root<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// Compares `current` with `shared/schema/<queue>.json`, or writes that where `UPDATE_SCHEMA` is set.
#[cfg(test)]
pub(crate) fn assert_committed(queue: &str, current: &Schema) {
    let file = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/schema/{}.json"), queue);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, serde_json::to_string_pretty(current).unwrap() + "\n").unwrap();
    }
    let committed = std::fs::read(file).unwrap_or_default();
    assert!(
        serde_json::from_slice::<serde_json::Value>(&committed).is_ok_and(|committed| committed == *current),
        "shared/schema/{queue}.json is out of date; renew it with\n  \
         UPDATE_SCHEMA=1 cargo test -p redispatch-workers schema"
    );
}
