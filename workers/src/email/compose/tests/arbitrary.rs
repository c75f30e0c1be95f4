//! Any JSON in any field: an answer, never a panic, and mails that hold what they should and no more.

use proptest::prelude::*;

use super::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        any::<String>(),
        "[a-z]{1,8}@[a-z]{1,8}(, [A-Z][a-z]{0,8} <[a-z]{1,4}@[a-zü]{1,4}>){0,3}",
        "([a-zü ,;:<>@\"\\\\=?]|\r\n|\n|Bcc: |--=_){0,60}",
        "[A-Za-z0-9+/]{0,40}={0,2}",
        "[a-zé ]{0,3}x{900,1200}",
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z-]{0,10}|\\PC{0,5}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn attachment() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec!["image/png", "text/csv; charset=utf-8", ""]);
    let id = prop::sample::select(vec![None, Some("a@b"), Some("c")]);
    ("[^\\p{Cc}]{0,200}", kind, "([A-Za-z0-9+/]{4}){0,30}", id).prop_map(|(filename, kind, content, id)| {
        json!({ "filename": filename, "content_type": kind, "content": content, "content_id": id })
    })
}

proptest! {
    #[test]
    fn no_json_panics(fields in prop::collection::btree_map(
        "to|cc|bcc|from|reply_to|subject|body|html|headers|attachments|id|metadata", any_json(), 0..12)) {
        let message = Value::Object(fields.into_iter().collect());
        if let Ok(mail) = try_compose(&message) {
            check_lines(&mail.data);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(compose(&bytes, &context(None)).is_err());
    }

    #[test]
    fn mails_hold_what_they_should(
        subject in text(), body in text(), html in prop::option::of(text()), value in text(),
        name in "[^\\p{Cc}<>@\"\\\\]{0,1200}", cc in any::<bool>(),
        attachments in prop::collection::vec(attachment(), 0..3),
    ) {
        let mut message = json!({ "to": format!("\"{name}\" <a@example.org>"), "bcc": "hidden@example.net",
            "subject": subject,
            "body": body, "html": html, "headers": { "X-Custom": value }, "attachments": attachments });
        if cc {
            message["cc"] = json!("c@example.org");
        }
        let mail = try_compose(&message).unwrap();
        check_lines(&mail.data);
        let entity = Entity::read(&mail.data);
        let mut expected = vec!["Date", "Message-ID", "From", "To"];
        expected.extend(cc.then_some("Cc"));
        expected.extend((!subject.trim().is_empty()).then_some("Subject"));
        expected.extend(["X-Custom", "MIME-Version", "Content-Type"]);
        expected.extend(entity.parts.is_empty().then_some("Content-Transfer-Encoding"));
        prop_assert_eq!(entity.names(), expected);
        prop_assert_eq!(mail.recipients.len(), 2 + usize::from(cc));
        prop_assert!(!mail.eight_bit && mail.data.is_ascii());
        let words = |text: &str| text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|w| !w.is_empty())
            .map(str::to_owned).collect::<Vec<_>>();
        prop_assert_eq!(words(&entity.header("X-Custom")), words(&value));
        prop_assert_eq!(words(&entity.header("Subject")), words(&subject));
        let mut leaf = &entity;
        while let Some(first) = leaf.parts.first() {
            leaf = first;
        }
        let shown = if body.is_empty() { html.unwrap_or_default() } else { body };
        let shown = shown.replace("\r\n", "\n").replace(['\r', '\n'], "\r\n");
        prop_assert_eq!(leaf.text().trim_end_matches("\r\n"), shown.trim_end_matches("\r\n"));
    }
}
