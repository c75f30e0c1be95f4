//! Input that wants to break out of its field, or just breaks.

use super::*;

const OWN: [&str; 8] = [
    "Date",
    "Message-ID",
    "From",
    "To",
    "Subject",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

#[test]
fn line_breaks_in_a_subject_stay_text() {
    for subject in [
        "a\r\nBcc: x@example.net\r\n\r\nbody",
        "a\nX-Evil: 1",
        "a\rX-Evil: 1",
        "ü\r\nX-Evil: 1",
        "\u{2028}X: 1",
    ] {
        let (mail, entity) = composed(json!({ "to": "a@b", "subject": subject, "body": "b" }));
        assert_eq!(entity.names(), OWN, "{subject:?}");
        assert_eq!(addresses(&mail.recipients), ["a@b"]);
        assert_eq!(entity.text(), "b\r\n");
        let expected: Vec<_> = subject.split(char::is_control).filter(|part| !part.is_empty()).collect();
        assert_eq!(entity.header("Subject"), expected.join(" "));
    }
}

#[test]
fn line_breaks_in_custom_headers_stay_text() {
    let (_, entity) = composed(json!({ "to": "a@b", "subject": "s", "body": "b",
        "headers": { "X-A": "1\r\nBcc: x@example.net", "X-B": ["ü\n\nbody", "2\r X-C: 1"] } }));
    let names: Vec<_> = entity.names().into_iter().filter(|name| !OWN.contains(name)).collect();
    assert_eq!(names, ["X-A", "X-B", "X-B"]);
    assert_eq!(entity.raw("X-A"), "1 Bcc: x@example.net");
}

#[test]
fn names_that_would_break_a_line_are_malformed() {
    let attachment = |field: &str, value: &str| {
        let mut attachment = json!({ "filename": "f", "content": "" });
        attachment[field] = json!(value);
        json!({ "to": "a@b", "body": "b", "attachments": [{ "content": "" }, attachment] })
    };
    for (message, path) in [
        (json!({ "to": "x\r\nBcc: y@z <a@b>", "body": "b" }), "to: control character"),
        (json!({ "to": ["a@b", "x\n <a@b>"], "body": "b" }), "to[1]: control character"),
        (json!({ "to": "a@b", "from": "x\0 <a@b>", "body": "b" }), "from: control character"),
        (json!({ "to": "a@b", "reply_to": "x\r <a@b>", "body": "b" }), "reply_to: control character"),
        (json!({ "to": "a@b", "body": "b", "headers": { "X\r\nBcc": "y@z" } }), "headers: "),
        (json!({ "to": "a@b", "body": "b", "headers": { "Bcc": "y@z" } }), "headers.Bcc: "),
        (attachment("filename", "f\r\nX: 1"), "attachments[1].filename: "),
        (attachment("filename", "f\0"), "attachments[1].filename: "),
        (attachment("content_id", "c>\r\nX: 1"), "attachments[1].content_id: "),
        (attachment("content_id", "c> <d"), "attachments[1].content_id: "),
        (attachment("content_type", "a/b\r\nX: 1"), "attachments[1].content_type: "),
        (attachment("content_type", "nonsense"), "attachments[1].content_type: "),
        (attachment("content", "a\\b"), "attachments[1].content: not base64"),
        (json!({ "to": "a@b", "body": "b", "attachments": [{}] }), "attachments[0].content: missing"),
    ] {
        let failure = failure(message);
        assert!(failure.malformed && failure.error.starts_with(path), "{path}: {failure:?}");
        assert!(!failure.error.contains(char::is_control), "{failure:?}");
    }
}

#[test]
fn what_is_no_address_is_refused_for_good_but_has_its_shape() {
    for (message, path) in [
        (json!({ "to": "nobody", "body": "b" }), "to: "),
        (json!({ "to": ["a@b", ""], "body": "b" }), "to[1]: "),
        (json!({ "to": "a@b\r\nRCPT TO:<x@y>", "body": "b" }), "to: "),
        (json!({ "to": "<a@b>\r\nRCPT TO:<x@y>", "body": "b" }), "to: "),
        (json!({ "to": "a@b", "bcc": "x@y>\r\nDATA", "body": "b" }), "bcc: "),
        (json!({ "to": "a@b", "cc": "c", "body": "b" }), "cc: "),
        (json!({ "to": "a@b", "from": "x@y, z@w", "body": "b" }), "from: "),
    ] {
        let failure = failure(message);
        assert!(failure.error.starts_with(path), "{path}: {failure:?}");
        assert!(!failure.error.contains(char::is_control), "{failure:?}");
    }
    assert!(!failure(json!({ "to": "nobody", "body": "b" })).malformed);
}

#[test]
fn missing_parts_are_malformed() {
    for (message, error) in [
        (json!({ "body": "b" }), "to: at least one address is needed"),
        (json!({ "to": [], "body": "b" }), "to: at least one address is needed"),
        (json!({ "to": null, "body": "b" }), "to: at least one address is needed"),
        (json!({ "to": " ", "cc": "a@b", "body": "b" }), "to: at least one address is needed"),
        (json!({ "to": "a@b" }), "one of `body` and `html` is needed"),
        (json!({ "to": "a@b", "body": null, "html": null }), "one of `body` and `html` is needed"),
    ] {
        assert_eq!(failure(message), Failure::malformed(error));
    }
}

#[test]
fn a_text_cannot_end_its_part() {
    let (mail, _) = composed(json!({ "to": "a@b", "body": "t", "html": "h" }));
    let data = String::from_utf8(mail.data).unwrap();
    let boundary = data.split("boundary=\"").nth(1).unwrap().split('"').next().unwrap();
    let text = format!("a\r\n--{boundary}\r\nContent-Type: text/html\r\n\r\nevil\r\n--{boundary}--\r\n");
    let (_, entity) = composed(json!({ "to": "a@b", "body": text, "html": text }));
    assert_eq!(entity.shape(), "alternative(plain, html)");
    assert_eq!((entity.parts[0].text(), entity.parts[1].text()), (text.as_str(), text.as_str()));
}

#[test]
fn long_and_strange_text_fits_the_lines() {
    for text in [
        "x".repeat(10_000),
        "ü".repeat(10_000),
        " ".repeat(5_000),
        "\0\u{1}\u{7f}".into(),
        ".\r\n.\n.\r.".into(),
    ] {
        let (_, entity) =
            composed(json!({ "to": "a@b", "subject": text, "body": text, "headers": { "X-A": text } }));
        assert_eq!(
            entity.text().trim_end_matches("\r\n"),
            text.replace("\r\n", "\n").replace(['\r', '\n'], "\r\n")
        );
    }
    let name = "n".repeat(5_000);
    let (_, entity) = composed(json!({ "to": format!("{name} <a@b>"), "body": "b" }));
    assert_eq!(entity.header("To"), format!("{name} <a@b>"));
}
