//! Entries that nobody should have pushed: given up with the reason, or sent harmlessly; the worker goes on.

use serde_json::{Value, json};

use super::{Left, NOTHING, SHORT_LEASE, Site, header, served, stop, text};

/// What was pushed, why it is given up, and a part of the reason.
fn unusable() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let mut cases: Vec<(Vec<u8>, &str, &str)> = [
        ("", "malformed", "not a JSON object"),
        (" ", "malformed", "not a JSON object"),
        ("hello", "malformed", "not a JSON object"),
        ("null", "malformed", "not a JSON object"),
        ("[]", "malformed", "not a JSON object"),
        (r#"["to","a@example.com"]"#, "malformed", "not a JSON object"),
        (r#""{\"to\":\"a@example.com\"}""#, "malformed", "not a JSON object"),
        ("{", "malformed", "not a JSON object"),
        (r#"{"to":"a@example.com","body":"x"}}"#, "malformed", "not a JSON object"),
        (r#"{"to":"a@example.com","body":"x"#, "malformed", "not a JSON object"),
        ("{}", "malformed", "to"),
        (r#"{"to":7,"body":"x"}"#, "malformed", "to"),
        (r#"{"to":{"a":1},"body":"x"}"#, "malformed", "to"),
        (r#"{"to":[],"body":"x"}"#, "malformed", "to"),
        (r#"{"to":[null],"body":"x"}"#, "malformed", "to"),
        (r#"{"to":"a@example.com"}"#, "malformed", "body"),
        (r#"{"to":"a@example.com","body":5}"#, "malformed", "body"),
        (r#"{"to":"a@example.com","body":"x","id":5}"#, "malformed", "id"),
        (r#"{"to":"a@example.com","body":"x","id":""}"#, "malformed", "id"),
        (r#"{"to":"a@example.com","body":"x","id":"a\nb"}"#, "malformed", "id"),
        (r#"{"to":"a@example.com","body":"x","retries":-1}"#, "malformed", "retries"),
        (r#"{"to":"a@example.com","body":"x","retries":"3"}"#, "malformed", "retries"),
        (r#"{"to":"a@example.com","body":"x","max_retries":1e99}"#, "malformed", "max_retries"),
        (r#"{"to":"a@example.com","body":"x","send_at":1700000000}"#, "malformed", "seconds"),
        (r#"{"to":"a@example.com","body":"x","send_at":"tomorrow"}"#, "malformed", "send_at"),
        (r#"{"to":"a@example.com","body":"x","ttl_ms":5}"#, "malformed", "created_at"),
        (r#"{"to":"a@example.com","body":"x","expires_at":"2001-01-01T00:00:00Z"}"#, "expired", "expired"),
        (r#"{"to":"a@example.com","body":"x","metadata":[]}"#, "malformed", "metadata"),
        (r#"{"to":"a@example.com","body":"x","_delivery":7}"#, "malformed", "_delivery"),
        (r#"{"to":"a@example.com","body":"x","headers":"X: y"}"#, "malformed", "headers"),
        (
            r#"{"to":"a@example.com","body":"x","headers":{"X-A\r\nBcc":"b@example.com"}}"#,
            "malformed",
            "headers",
        ),
        (r#"{"to":"a@example.com","body":"x","headers":{"Bcc":"b@example.com"}}"#, "malformed", "headers"),
        (r#"{"to":"a@example.com","body":"x","headers":{"":"b"}}"#, "malformed", "headers"),
        (r#"{"to":"a@example.com","body":"x","attachments":[{"content":"%%"}]}"#, "malformed", "attachments"),
        (
            r#"{"to":"Eve\r\nBcc: b@example.com <a@example.com>","body":"x"}"#,
            "malformed",
            "control character",
        ),
        (r#"{"to":"a\u0000 <a@example.com>","body":"x"}"#, "malformed", "control character"),
        (r#"{"to":"nobody","body":"x"}"#, "reject", "to: "),
        (r#"{"to":"a@example.com>\r\nRCPT TO:<b@example.com","body":"x"}"#, "reject", "to: "),
        (r#"{"to":"a@example.com\nb@example.com","body":"x"}"#, "reject", "to: "),
        (r#"{"to":["a@example.com","b@exam\r\nple.com"],"body":"x"}"#, "reject", "to[1]"),
        (r#"{"to":"a@example.com","from":"x\r\nDATA","body":"x"}"#, "reject", "from: "),
    ]
    .map(|(pushed, reason, part)| (pushed.as_bytes().to_vec(), reason, part))
    .into();
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    cases.extend([
        (b"{\"to\":\"a@example.com\",\"body\":\"\xff\xfe\"}".to_vec(), "malformed", "not UTF-8"),
        (b"\xff".to_vec(), "malformed", "not UTF-8"),
        (b"\0".to_vec(), "malformed", "not a JSON object"),
        (format!(r#"{{"to":{},"body":"x"}}"#, nested(100)).into(), "malformed", "to"),
        (nested(100_000).into(), "malformed", "not a JSON object"),
        (
            format!(r#"{{"to":"a@example.com","body":"{}"}}"#, "x".repeat(20 << 20)).into(),
            "malformed",
            "bytes",
        ),
    ]);
    cases
}

#[tokio::test]
async fn unusable_entries_are_given_up_with_the_reason() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    for (pushed, reason, part) in unusable() {
        let shown = String::from_utf8_lossy(&pushed[..pushed.len().min(100)]).into_owned();
        site.push(&pushed).await;
        site.redis.wait_until(&["LLEN", super::DEAD], |n| n.int() == 1, super::LIMIT).await;
        let letter = &site.dead_letters().await[0];
        let record = &letter["_delivery"];
        assert_eq!(record["reason"], reason, "{shown}: {record}");
        assert!(record["error"].as_str().unwrap().contains(part), "{shown}: {record}");
        assert!(kept(&pushed, letter), "{shown}: {letter}");
        site.redis.command(&["DEL", super::DEAD]).await;
    }
    site.push_to("a").await;
    assert_eq!(served(&site.mails(1).await), ["a@example.com"], "the one that was fine");
    stop(&worker).await;
    assert_eq!((site.left().await, worker.events("send_panicked").len()), (NOTHING, 0));
    assert_eq!(site.smtp.count("RCPT"), 1, "nobody else was ever named");
}

/// Whether a dead letter still holds what was pushed: as it was, or wrapped.
fn kept(pushed: &[u8], letter: &Value) -> bool {
    use base64::Engine as _;
    if let Some(raw) = letter["raw"].as_str() {
        return raw.as_bytes() == pushed;
    }
    if let Some(raw) = letter["raw_base64"].as_str() {
        return base64::engine::general_purpose::STANDARD.decode(raw).is_ok_and(|raw| raw == pushed);
    }
    let mut letter = letter.clone();
    letter.as_object_mut().expect("an object").remove("_delivery");
    serde_json::from_slice::<Value>(pushed).is_ok_and(|mut pushed| {
        pushed.as_object_mut().expect("an object").remove("_delivery");
        pushed == letter
    })
}

/// Everything that may be said in a header is said as text; no line of the mail or of the session is theirs.
#[tokio::test]
async fn line_breaks_are_sent_harmlessly() {
    let site = Site::start().await;
    let worker = site.worker(&[]).await;
    let message = json!({
        "to": "a@example.com",
        "subject": "Hi\r\nBcc: b@example.com\r\n\r\nevil",
        "body": "one\n.\r\nRCPT TO:<b@example.com>\r\n.\nlast\u{0}\u{8}",
        "html": "<p>\r\n.\r\nQUIT\r\n</p>",
        "headers": { "X-Note": "a\r\nX-Evil: 1" },
        "attachments": [{ "filename": "a.txt", "content": "LgoKLg==", "content_type": "text/plain" }],
        "id": "a@b>\"c d",
    });
    site.push(message.to_string()).await;
    let mails = site.mails(1).await;
    assert_eq!(
        (served(&mails), mails[0].from.as_str()),
        (vec!["a@example.com".into()], "sender@example.com")
    );
    let head = text(&mails[0].data).split("\r\n\r\n").next().unwrap().to_owned();
    let names: Vec<_> = head
        .lines()
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split(':').next().unwrap())
        .collect();
    let expected = ["Date", "Message-ID", "From", "To", "Subject", "X-Note", "MIME-Version", "Content-Type"];
    assert_eq!(names, expected);
    assert!(header(&mails[0], "Subject").starts_with("Hi"));
    assert_eq!((site.smtp.count("RCPT"), site.smtp.count("DATA")), (1, 1));
    stop(&worker).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 1));
}

/// Its bytes exceed what is allowed, and by far what a claim takes at once.
#[tokio::test]
async fn many_entries_of_twenty_megabytes_stop_nobody() {
    let site = Site::start().await;
    let huge = format!(r#"{{"to":"a@example.com","body":"{}"}}"#, "x".repeat(20 << 20));
    for _ in 0..4 {
        site.push(&huge).await;
    }
    site.push_to("b").await;
    let worker = site.worker(&[SHORT_LEASE]).await;
    assert_eq!(served(&site.mails(1).await), ["b@example.com"]);
    stop(&worker).await;
    assert_eq!(site.left().await, Left { dead: 4, ..NOTHING });
    assert_eq!(site.counter("taken_over").await, 0);
}
