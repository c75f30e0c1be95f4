use serde_json::json;

use super::Site;
use crate::queue::{Left, NOTHING};
use crate::site::{Channel as _, Sns, stop};

/// None of them leaves this host.
#[tokio::test]
async fn each_is_kept_with_a_reason_to_act_on() {
    let site = Site::start().await;
    let worker = site.worker(&[("PHONE_VALIDATION", "strict")]).await;
    let to = "+491701234567";
    let cases = [
        (json!({"body": "x"}), "malformed", "`to` is missing"),
        (json!({"too": to, "body": "x"}), "malformed", "`to` is missing (there is a `too`)"),
        (json!({"to": null, "body": "x"}), "malformed", "`to` is missing"),
        (
            json!({"to": "", "body": "x"}),
            "malformed",
            "`to` is empty: give a number, + and the country code first",
        ),
        (json!({"to": [to], "body": "x"}), "malformed", "to: invalid type: sequence, expected a string"),
        (
            json!({"to": "0170 1234567", "body": "x"}),
            "reject",
            "without spaces, brackets and dashes, as in +4917…",
        ),
        (
            json!({"to": "01701234567", "body": "x"}),
            "reject",
            "is a national number: write + and the country code",
        ),
        (json!({"to": "00491701234567", "body": "x"}), "reject", "begins with 00: write + instead"),
        (json!({"to": "+15551234567", "body": "x"}), "reject", "is in no country's numbering plan"),
        (json!({"to": to}), "malformed", "`body` is missing"),
        (json!({"to": to, "text": "x"}), "malformed", "`body` is missing (there is a `text`)"),
        (json!({"to": to, "body": ""}), "malformed", "`body` is empty"),
        (
            json!({"to": to, "body": "ü".repeat(1601)}),
            "malformed",
            "`body` has 1601 characters, and at most 1,600",
        ),
        (
            json!({"to": to, "body": "x", "message": "y"}),
            "malformed",
            "`body` and `message` are the same field and differ",
        ),
        (
            json!({"to": to, "body": "x", "from": "Far too long a name"}),
            "reject",
            "is no sender: write a number",
        ),
        (json!({"to": to, "body": "x", "media_urls": ["ftp://a.example"]}), "malformed", "media_urls[0]: "),
        (json!({"to": to, "body": "x", "status_callback": "c.example"}), "malformed", "status_callback: "),
        (json!({"topic": true, "body": "x"}), "reject", "`topic` needs SNS"),
        (json!({"topic": "offers", "body": "x"}), "malformed", "is no ARN of a topic"),
        (json!({"topic": true, "to": to, "body": "x"}), "malformed", "`to` and `topic` exclude each other"),
    ];
    site.queue().gives_up(&cases).await;
    stop(&worker).await;
    let log: String = worker.log().into_iter().map(|line| line.raw).collect();
    for number in ["1701234567", "170 1234567", "5551234567"] {
        assert!(!log.contains(number), "{number} is in clear in {log}");
    }
    assert_eq!((site.channel.attempts(), site.queue().counter("retried").await), (0, 0));
    assert_eq!(site.queue().left().await, Left { dead: cases.len() as i64, ..NOTHING });
}

/// Whatever stands where `to` or `topic` should: nothing leaves, although there is a default topic.
#[tokio::test]
async fn nothing_is_published_by_mistake() {
    let site = crate::site::Site::<Sns>::start().await;
    let worker = site.worker(&[("SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:news")]).await;
    let messages = [
        json!({"body": "x"}),
        json!({"to": null, "body": "x"}),
        json!({"to": "", "body": "x"}),
        json!({"to": " ", "body": "x"}),
        json!({"too": "+491701234567", "body": "x"}),
        json!({"to": "news", "body": "x"}),
        json!({"to": "arn:aws:sns:us-east-1:123456789012:news", "body": "x"}),
        json!({"topic": false, "body": "x"}),
        json!({"topic": null, "body": "x"}),
        json!({"topic": "", "body": "x"}),
        json!({"topic": "true", "body": "x"}),
        json!({"topic": 1, "body": "x"}),
        json!({"topic": [true], "body": "x"}),
        json!({"Topic": true, "body": "x"}),
        json!({"topic": true, "to": "+491701234567", "body": "x"}),
        json!({"topic": "arn:aws:sns:eu-west-1:123456789012:news", "body": "x"}),
        json!({"topic": "arn:aws:sqs:us-east-1:123456789012:news", "body": "x"}),
    ];
    site.queue().push(&messages.each_ref().map(ToString::to_string)).await;
    site.queue().push(&[r#"{"topic":false,"topic":true,"body":"x"}"#.to_owned()]).await;
    assert_eq!(site.queue().settled().await, messages.len() as i64 + 1);
    stop(&worker).await;
    assert_eq!(site.channel.attempts(), 0);
}
