//! The JSON Schema of the email message, committed as `shared/schema/email.json`.

use schemars::{JsonSchema, Schema};

use super::payload::EmailPayload;
use crate::schema::{QueueFields, root};

/// A message of the `email` queue.
#[derive(JsonSchema)]
#[schemars(title = "Email", extend("anyOf" = [{ "required": ["body"] }, { "required": ["html"] }]))]
#[expect(dead_code, reason = "only its schema is used")]
struct EmailMessage {
    #[serde(flatten)]
    payload: EmailPayload<'static>,
    #[serde(flatten)]
    queue: QueueFields,
}

/// The schema of what [`compose`](super::compose::compose) reads and of what the queue adds to it.
pub fn schema() -> Schema {
    root::<EmailMessage>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        crate::schema::assert_committed("email", &schema());
    }

    #[test]
    fn the_schema_has_every_field_of_the_contract() {
        let schema = schema();
        let properties = schema.get("properties").unwrap().as_object().unwrap();
        for field in
            "to cc bcc from reply_to subject body html headers attachments id retries max_retries send_at \
                      expires_at created_at ttl_ms metadata _delivery"
                .split_whitespace()
        {
            assert!(properties[field].get("description").is_some(), "{field}");
        }
        assert_eq!(schema.get("required").unwrap(), &serde_json::json!(["to"]));
        assert!(properties.len() == 19 && schema.get("anyOf").is_some());
    }
}
