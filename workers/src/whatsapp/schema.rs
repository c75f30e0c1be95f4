//! The JSON Schema of the WhatsApp message, committed as `shared/schema/whatsapp.json`.

use schemars::{JsonSchema, Schema};

use super::payload::WhatsAppPayload;
use crate::schema::{QueueFields, root};

/// A message of the `whatsapp` queue.
#[derive(JsonSchema)]
#[schemars(
    title = "WhatsApp",
    extend("anyOf" = [{ "required": ["body"] }, { "required": ["media_urls"] }, { "required": ["content_sid"] }])
)]
#[expect(dead_code, reason = "only its schema is used")]
struct WhatsAppMessage {
    #[serde(flatten)]
    payload: WhatsAppPayload<'static>,
    #[serde(flatten)]
    queue: QueueFields,
}

/// The schema of what the worker reads and of what the queue adds to it.
pub fn schema() -> Schema {
    root::<WhatsAppMessage>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        crate::schema::assert_committed("whatsapp", &schema());
    }

    #[test]
    fn the_schema_has_every_field_of_the_contract() {
        let schema = schema();
        let properties = schema.get("properties").unwrap().as_object().unwrap();
        let fields = "to body content_sid content_variables from media_urls id retries max_retries send_at expires_at \
                      created_at ttl_ms metadata _delivery";
        for field in fields.split_whitespace() {
            assert!(properties[field].get("description").is_some(), "{field}");
        }
        assert_eq!(schema.get("required").unwrap(), &serde_json::json!(["to"]));
        assert!(properties.len() == 15 && schema.get("anyOf").is_some());
    }
}
