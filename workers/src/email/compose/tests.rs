use serde_json::{Value, json};

use self::reader::Entity;
use super::*;

mod arbitrary;
mod hostile;
mod reader;

/// Sat, 21 Nov 2026 14:13:20 +0000
const DATE_MS: u64 = 1_795_270_400_000;

fn context(default_from: Option<&Mailbox>) -> ComposeContext<'_> {
    ComposeContext { default_from, reference: "ref-1", id: Some("id-1"), date_ms: DATE_MS, recipients: None }
}

fn try_compose(message: &Value) -> Result<Mail, Failure> {
    let default_from = Mailbox::parse("Shop <shop@example.com>").unwrap();
    compose(message.to_string().as_bytes(), &context(Some(&default_from)))
}

fn composed(message: Value) -> (Mail, Entity) {
    let mail = try_compose(&message).unwrap();
    check_lines(&mail.data);
    let entity = Entity::read(&mail.data);
    (mail, entity)
}

fn failure(message: Value) -> Failure {
    try_compose(&message).unwrap_err()
}

/// What SMTP asks of the bytes between DATA and the final dot.
fn check_lines(data: &[u8]) {
    assert!(data.ends_with(b"\r\n") && !data.contains(&0));
    for line in data[..data.len() - 2].split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r') && line.len() <= 998, "{:?}", String::from_utf8_lossy(line));
    }
    assert_eq!(
        data.iter().filter(|b| **b == b'\n').count(),
        data.windows(2).filter(|w| w == b"\r\n").count()
    );
}

fn addresses(list: &[Address]) -> Vec<&str> {
    list.iter().map(AsRef::as_ref).collect()
}

#[test]
fn a_plain_text_mail_to_the_byte() {
    let (mail, _) =
        composed(json!({ "to": "Ann <ann@example.org>", "subject": "Hello", "body": "Hi,\nBye.\n" }));
    let expected = "Date: Sat, 21 Nov 2026 14:13:20 +0000\r\n\
                    Message-ID: <id-1@example.com>\r\n\
                    From: Shop <shop@example.com>\r\n\
                    To: Ann <ann@example.org>\r\n\
                    Subject: Hello\r\n\
                    MIME-Version: 1.0\r\n\
                    Content-Type: text/plain; charset=utf-8\r\n\
                    Content-Transfer-Encoding: 7bit\r\n\
                    \r\n\
                    Hi,\r\nBye.\r\n";
    assert_eq!(String::from_utf8(mail.data.clone()).unwrap(), expected);
    assert_eq!(mail.from.as_ref() as &str, "shop@example.com");
    assert_eq!(addresses(&mail.recipients), ["ann@example.org"]);
    assert_eq!(mail.message_id, "<id-1@example.com>");
    assert!(mail.from_is_default && !mail.needs_smtputf8 && !mail.eight_bit);
}

#[test]
fn every_tree_of_parts() {
    let png = json!({ "filename": "a.png", "content_type": "image/png", "content": "iVBORw0KGgo=" });
    let inline = json!({ "content_type": "image/png", "content": "iVBORw0KGgo=", "content_id": "logo@shop" });
    let shape = |message: Value| composed(message).1.shape();
    assert_eq!(shape(json!({ "to": "a@b", "html": "<p>" })), "html");
    assert_eq!(shape(json!({ "to": "a@b", "body": "t", "html": "<p>" })), "alternative(plain, html)");
    assert_eq!(shape(json!({ "to": "a@b", "body": "t", "html": "" })), "plain");
    assert_eq!(shape(json!({ "to": "a@b", "body": "", "html": "<p>" })), "html");
    assert_eq!(shape(json!({ "to": "a@b", "body": "" })), "plain");
    assert_eq!(shape(json!({ "to": "a@b", "html": "" })), "html");
    assert_eq!(shape(json!({ "to": "a@b", "body": "t", "attachments": [png] })), "mixed(plain, png)");
    assert_eq!(shape(json!({ "to": "a@b", "body": "t", "attachments": [] })), "plain");
    assert_eq!(shape(json!({ "to": "a@b", "html": "<p>", "attachments": [inline] })), "related(html, png)");
    assert_eq!(shape(json!({ "to": "a@b", "body": "t", "attachments": [inline] })), "mixed(plain, png)");
    assert_eq!(
        shape(json!({ "to": "a@b", "body": "t", "html": "<p>", "attachments": [png, inline, png, inline] })),
        "mixed(alternative(plain, related(html, png, png)), png, png)"
    );
}

#[test]
fn attachments_arrive_as_they_were() {
    let (_, mail) = composed(json!({ "to": "a@b", "html": "<img src=\"cid:logo@shop\">", "attachments": [
        { "filename": "Größe \"1\".png", "content_type": "image/png", "content": "AAEC\nAwQ",
          "content_id": "logo@shop" },
        { "filename": "notes.bin", "content": "" },
    ] }));
    let image = &mail.parts[0].parts[1];
    assert_eq!(image.raw("Content-ID"), "<logo@shop>");
    assert_eq!(image.raw("Content-Disposition"), "inline; filename*0*=utf-8''Gr%C3%B6%C3%9Fe%20%221%22.png");
    assert_eq!(image.content, [0, 1, 2, 3, 4]);
    let file = &mail.parts[1];
    assert_eq!(file.raw("Content-Type"), "application/octet-stream");
    assert_eq!(file.raw("Content-Disposition"), "attachment; filename=\"notes.bin\"");
    assert!(file.content.is_empty());
}

#[test]
fn unicode_everywhere() {
    let text = "Grüße 🥳 aus 東京\nund weiter";
    let (mail, entity) = composed(json!({
        "from": "Müller, Jürgen <j@bücher.example>", "to": ["Äbc <a@b>", "\"Ö, ü\" <c@d>"],
        "cc": "東京 <e@f>",
        "reply_to": "Ré <g@h>", "subject": "Schöne Grüße 🥳", "body": text, "html": "<p>Grüße</p>",
        "headers": { "X-Ort": "東京" },
    }));
    assert!(mail.data.is_ascii() && !mail.eight_bit && !mail.needs_smtputf8 && !mail.from_is_default);
    assert_eq!(entity.header("From"), "Müller, Jürgen <j@xn--bcher-kva.example>");
    assert_eq!(entity.header("To"), "Äbc <a@b>, Ö, ü <c@d>");
    assert_eq!(entity.header("Cc"), "東京 <e@f>");
    assert_eq!(entity.header("Reply-To"), "Ré <g@h>");
    assert_eq!(entity.header("Subject"), "Schöne Grüße 🥳");
    assert_eq!(entity.header("X-Ort"), "東京");
    assert_eq!(entity.parts[0].text(), text.replace('\n', "\r\n"));
    assert_eq!(entity.parts[1].text(), "<p>Grüße</p>");
    assert_eq!(mail.message_id, "<id-1@xn--bcher-kva.example>");
}

#[test]
fn only_local_parts_beyond_ascii_need_smtputf8() {
    let (mail, entity) = composed(json!({ "to": "Jürgen <jürgen@bücher.example>", "body": "b" }));
    assert!(mail.needs_smtputf8 && mail.eight_bit);
    assert_eq!(entity.header("To"), "Jürgen <jürgen@xn--bcher-kva.example>");
    let (mail, _) = composed(json!({ "to": "a@b", "bcc": "jürgen@example.com", "body": "b" }));
    assert!(mail.needs_smtputf8 && !mail.eight_bit);
    let (mail, _) = composed(json!({ "to": "a@bücher.example", "body": "ü" }));
    assert!(!mail.needs_smtputf8 && !mail.eight_bit);
}

#[test]
fn everybody_gets_it_once_and_bcc_stays_unseen() {
    let (mail, entity) = composed(json!({
        "to": "a@Example.org, B@example.org", "cc": ["x <a@example.ORG>", "b@example.org"],
        "bcc": ["Hidden <secret@example.net>", "a@example.org"], "body": "b",
    }));
    assert_eq!(
        addresses(&mail.recipients),
        ["a@example.org", "B@example.org", "b@example.org", "secret@example.net"]
    );
    let data = String::from_utf8(mail.data).unwrap().to_lowercase();
    assert!(!data.contains("bcc") && !data.contains("secret") && !data.contains("hidden"));
    assert_eq!(entity.raw("Cc"), "x <a@example.org>, b@example.org");
}

#[test]
fn recipients_of_a_split_change_the_envelope_only() {
    let message = json!({ "to": "a@b, c@d", "bcc": "e@f", "body": "b" }).to_string();
    let from = Mailbox::parse("s@example.com").unwrap();
    let whole = compose(message.as_bytes(), &context(Some(&from))).unwrap();
    let rest = ["c@d".to_owned(), "e@f".to_owned(), "c@D".to_owned()];
    let with = |rest| ComposeContext { recipients: Some(rest), ..context(Some(&from)) };
    let part = compose(message.as_bytes(), &with(&rest)).unwrap();
    assert_eq!(addresses(&part.recipients), ["c@d", "e@f"]);
    assert_eq!((part.data, part.message_id), (whole.data, whole.message_id));
    assert!(compose(message.as_bytes(), &with(&[])).unwrap_err().malformed);
    let error = compose(message.as_bytes(), &with(&["x\r\n".to_owned()])).unwrap_err().error;
    assert!(error.starts_with("_delivery.recipients[0]: "), "{error}");
}

#[test]
fn custom_headers_keep_order_and_repetition() {
    let references: Vec<_> = (0..30).map(|i| format!("<{i}.0123456789@example.com>")).collect();
    let message = format!(
        r#"{{"to":"a@b","body":"b","headers":{{"X-B":["1","2"],"X-A":"","List-Unsubscribe":
        "<https://example.com/u?x=1>, <mailto:u@example.com>","References":"{}","x-b":"3"}}}}"#,
        references.join(" ")
    );
    let from = Mailbox::parse("s@example.com").unwrap();
    let mail = Entity::read(&compose(message.as_bytes(), &context(Some(&from))).unwrap().data);
    let custom: Vec<_> = mail.headers.iter().filter(|(name, _)| name.starts_with(['X', 'x'])).collect();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(custom, [&pair("X-B", "1"), &pair("X-B", "2"), &pair("X-A", ""), &pair("x-b", "3")]);
    assert_eq!(mail.raw("List-Unsubscribe"), "<https://example.com/u?x=1>, <mailto:u@example.com>");
    assert_eq!(mail.raw("References"), references.join(" "));
}

#[test]
fn the_message_id_is_stable_and_falls_back_to_the_reference() {
    let from = Mailbox::parse("s@example.com").unwrap();
    let message = br#"{"to":"a@b","body":"b","html":"h"}"#;
    let later = ComposeContext { date_ms: 0, ..context(Some(&from)) };
    let (first, second) =
        (compose(message, &context(Some(&from))).unwrap(), compose(message, &later).unwrap());
    let after_date =
        |mail: Mail| String::from_utf8(mail.data).unwrap().split_once("\r\n").unwrap().1.to_owned();
    assert_eq!(first.message_id, second.message_id);
    assert_eq!(after_date(first), after_date(second));
    let nameless = ComposeContext { id: None, ..later };
    assert_eq!(compose(message, &nameless).unwrap().message_id, "<ref-1.ref@example.com>");
}

#[test]
fn a_missing_sender_is_no_malformed_message() {
    let failure = compose(br#"{"to":"a@b","body":"b","from":" "}"#, &context(None)).unwrap_err();
    assert_eq!(failure, Failure::new("no sender: set SMTP_FROM or give `from`"));
}

#[test]
fn dates_out_of_range_do_no_harm() {
    let from = Mailbox::parse("s@example.com").unwrap();
    let endless = ComposeContext { date_ms: u64::MAX, ..context(Some(&from)) };
    let mail = compose(br#"{"to":"a@b","body":"b"}"#, &endless).unwrap();
    assert_eq!(Entity::read(&mail.data).raw("Date"), "Fri, 31 Dec 9999 23:59:59 +0000");
}

#[test]
fn twenty_megabytes_of_attachment() {
    let content = "QUJD".repeat(5 << 20);
    let message =
        format!(r#"{{"to":"a@b","body":"b","attachments":[{{"filename":"f","content":"{content}"}}]}}"#);
    let from = Mailbox::parse("s@example.com").unwrap();
    let mail = compose(message.as_bytes(), &context(Some(&from))).unwrap();
    let lines = mail.data.split(|b| *b == b'\n').filter(|line| line.starts_with(b"QUJD")).count();
    assert_eq!(lines, content.len().div_ceil(76));
}
