//! The JSON Schema of the SMS message, committed as `shared/schema/sms.json`.

use schemars::{JsonSchema, Schema};

use super::payload::SmsPayload;
use crate::schema::{QueueFields, root};

/// A message of the `sms` queue.
#[derive(JsonSchema)]
#[schemars(
    title = "SMS",
    extend("allOf" = [
        { "anyOf": [{ "required": ["to"] }, { "required": ["topic"] }] },
        { "anyOf": [{ "required": ["body"] }, { "required": ["message"] }, { "required": ["media_urls"] }] }
    ])
)]
#[expect(dead_code, reason = "only its schema is used")]
struct SmsMessage {
    #[serde(flatten)]
    payload: SmsPayload<'static>,
    #[serde(flatten)]
    queue: QueueFields,
}

/// The schema of what the worker reads and of what the queue adds to it.
pub fn schema() -> Schema {
    root::<SmsMessage>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        crate::schema::assert_committed("sms", &schema());
    }

    #[test]
    fn the_schema_has_every_field_of_the_contract() {
        let schema = schema();
        let properties = schema.get("properties").unwrap().as_object().unwrap();
        let fields = "to topic body message from media_urls status_callback id retries max_retries send_at expires_at \
                      created_at ttl_ms metadata _delivery";
        for field in fields.split_whitespace() {
            assert!(properties[field].get("description").is_some(), "{field}");
        }
        assert!(properties.len() == 16 && schema.get("allOf").is_some());
    }
}
