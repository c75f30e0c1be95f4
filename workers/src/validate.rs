//! Whether a worker would take a message, asked before it is enqueued.

use bytes::Bytes;
use redispatch::Failure;
use redispatch::keys::Lane;
use redispatch::queue::{Plan, Waiting};

use crate::Channel as _;
use crate::email::Email;
use crate::sms::SmsChannel;
use crate::whatsapp::WhatsAppChannel;

/// Checks what a worker of `queue` would refuse for good in a message before any provider sees it: bytes that are no
/// JSON object, times that are none or over, wrong fields, addresses and numbers. What depends on the worker's settings
/// (`MAX_MESSAGE_BYTES`, the default sender, `PHONE_VALIDATION`, what the provider can send) is let through. Of queues
/// other than `email`, `sms` and `whatsapp` only the fields that all queues share are known.
///
/// # Errors
///
/// What would be written into its dead letter; of several faults the first.
pub fn validate(queue: &str, bytes: &[u8]) -> Result<(), Failure> {
    let message = Waiting::look(Lane::Pending, Bytes::copy_from_slice(bytes), usize::MAX);
    if let Plan::GiveUp(failure) = message.plan {
        return Err(failure);
    }
    match queue {
        Email::QUEUE => Email::validate(&message),
        SmsChannel::QUEUE => SmsChannel::validate(&message),
        WhatsAppChannel::QUEUE => WhatsAppChannel::validate(&message),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMAIL: &[&str] = &["email"];
    const SMS: &[&str] = &["sms"];
    const WHATSAPP: &[&str] = &["whatsapp"];
    const NUMBERS: &[&str] = &["sms", "whatsapp"];
    const ALL: &[&str] = &["email", "sms", "whatsapp", "news"];

    #[test]
    fn what_a_worker_would_send() {
        let template = format!(r#"{{"to":"+491701234567","content_sid":"HX{}"}}"#, "0".repeat(32));
        for (queues, json) in [
            (EMAIL, r#"{"to":"user@example.com","subject":"Test","body":"..."}"#),
            (
                EMAIL,
                r#"{"to":["a@example.com","B <b@example.com>"],"html":"<p>x","from":"C <c@example.com>"}"#,
            ),
            (EMAIL, r#"{"to":"a@example.com","body":"x","attachments":[{"filename":"a","content":"YQ=="}]}"#),
            (
                EMAIL,
                r#"{"to":"a@example.com","body":"","id":"1","_delivery":{"recipients":["b@example.com"]}}"#,
            ),
            (NUMBERS, r#"{"to":"+491701234567","body":"Hi","send_at":"2999-01-01T00:00:00Z"}"#),
            // No country has it, which only PHONE_VALIDATION=strict minds.
            (NUMBERS, r#"{"to":"+999123456789","body":"Hi","media_urls":["https://a.example/1.png"]}"#),
            (SMS, r#"{"to":"+491701234567","message":"Hi","from":"ACME"}"#),
            (SMS, r#"{"topic":true,"body":"SMS_PROVIDER=aws-sns takes it"}"#),
            (WHATSAPP, r#"{"to":"whatsapp:+491701234567","body":"Hi"}"#),
            (WHATSAPP, &template),
            (&["news"], r#"{"whatever":1,"id":"1","metadata":{},"max_retries":5}"#),
        ] {
            for queue in queues {
                assert_eq!(validate(queue, json.as_bytes()), Ok(()), "{queue}: {json}");
            }
        }
    }

    #[test]
    fn what_a_worker_would_refuse() {
        let sent_to = |to: &str| format!(r#"{{"to":{to},"body":"x"}}"#);
        let with = |more: &str| format!(r#"{{"to":"a@example.com","body":"x",{more}}}"#);
        for (queues, json, expected) in [
            (ALL, "hello".to_owned(), "not a JSON object"),
            (ALL, "[]".to_owned(), "not a JSON object"),
            (ALL, r#"{"to":"#.to_owned(), "not a JSON object: EOF"),
            (ALL, with(r#""id":7"#), "id: 7 is not a string"),
            (ALL, with(r#""send_at":1700000000"#), "send_at: 1700000000 looks like seconds"),
            (ALL, with(r#""expires_at":"2020-01-01T00:00:00Z""#), "expired"),
            (ALL, with(r#""ttl_ms":1000"#), "ttl_ms: needs created_at"),
            (ALL, with(r#""max_retries":0"#), "max_retries: 0 is not a whole number"),
            (ALL, with(r#""metadata":"x""#), "metadata: not an object"),
            (EMAIL, r#"{"body":"x"}"#.to_owned(), "to: at least one address is needed"),
            (EMAIL, sent_to("7"), "to: invalid type"),
            (EMAIL, sent_to(r#""a@""#), "to: \"a@\" is not an email address"),
            (EMAIL, sent_to(r#"["a@example.com","b"]"#), "to[1]: \"b\" is not an email address"),
            (EMAIL, with(r#""from":"me""#), "from: \"me\" is not an email address"),
            (EMAIL, r#"{"to":"a@example.com"}"#.to_owned(), "one of `body` and `html` is needed"),
            (EMAIL, with(r#""headers":{"From":"x"}"#), "headers.From: this header cannot be set"),
            (EMAIL, with(r#""attachments":[{"content":"?"}]"#), "attachments[0].content: not base64"),
            (EMAIL, with(r#""_delivery":{"recipients":["x"]}"#), "_delivery.recipients[0]: "),
            (NUMBERS, sent_to(r#""""#), "`to` is empty"),
            (
                NUMBERS,
                r#"{"phone":"+491701234567","body":"x"}"#.to_owned(),
                "`to` is missing (there is a `phone`)",
            ),
            (NUMBERS, sent_to(r#""01701234567""#), "to: \"01701234567\" is a national number"),
            (NUMBERS, r#"{"to":"+491701234567"}"#.to_owned(), "`body` is missing"),
            (NUMBERS, r#"{"to":"+491701234567","media_urls":"x"}"#.to_owned(), "media_urls[0]: is no URL"),
            (SMS, r#"{"to":"+491701234567","topic":true,"body":"x"}"#.to_owned(), "`to` and `topic` exclude"),
            (SMS, r#"{"to":"+491701234567","body":"x","from":"?"}"#.to_owned(), "from: \"?\" is no sender"),
            (
                WHATSAPP,
                r#"{"to":"+491701234567","content_sid":"HX1"}"#.to_owned(),
                "content_sid: \"HX1\" is no SID",
            ),
            (WHATSAPP, r#"{"to":"+491701234567","body":"x","from":"ACME"}"#.to_owned(), "from: "),
        ] {
            for queue in queues {
                let failure = validate(queue, json.as_bytes()).expect_err(&json);
                assert!(failure.error.starts_with(expected), "{queue}: {json}: {}", failure.error);
            }
        }
        assert!(validate("news", b"\xff{}").is_err(), "not UTF-8");
    }
}
