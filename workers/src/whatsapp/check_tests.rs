use super::*;

const SID: &str = "HX00000000000000000000000000000abc";

fn message(json: &str) -> WhatsApp {
    check(json.as_bytes(), Validation::Shape).unwrap_or_else(|failure| panic!("{json}: {}", failure.error))
}

fn malformed(json: &str) -> String {
    let failure = check(json.as_bytes(), Validation::Shape).expect_err(json);
    assert!(failure.malformed, "{}", failure.error);
    failure.error
}

#[test]
fn the_prefix_is_optional() {
    for to in ["+491701234567", "whatsapp:+491701234567"] {
        for from in ["+14155238886", "whatsapp:+14155238886"] {
            let message = message(&format!(r#"{{"to":"{to}","from":"{from}","body":"x"}}"#));
            assert_eq!(
                (&*message.to, message.from.as_deref()),
                ("whatsapp:+491701234567", Some("whatsapp:+14155238886"))
            );
        }
    }
    for bad in [
        "whatsapp:01701234567",
        "whatsapp:whatsapp:+491701234567",
        "WhatsApp:+491701234567",
        "sms:+491701234567",
    ] {
        let json = format!(r#"{{"to":"{bad}","body":"x"}}"#);
        let failure = check(json.as_bytes(), Validation::Shape).unwrap_err();
        assert!(!failure.malformed && failure.error.starts_with("to: "), "{}", failure.error);
    }
    let failure =
        check(br#"{"to":"+491701234567","from":"ACME","body":"x"}"#, Validation::Shape).unwrap_err();
    assert!(failure.error.starts_with("from: "), "{}", failure.error);
}

#[test]
fn a_body_with_media() {
    let json = r#"{"to":"+491701234567","body":"x","media_urls":["https://a.example/1.png"],"content_sid":null,"content_variables":null}"#;
    let media_urls = vec!["https://a.example/1.png".to_owned()];
    assert_eq!(message(json).content, Content::Free { body: "x".into(), media_urls });
    assert_eq!(message(json).from, None);
}

/// Order and digits stay as they are, which a map of numbers would not keep.
#[test]
fn a_template_with_variables_as_they_were_written() {
    let json = format!(
        r#"{{"to":"+491701234567","content_sid":"{SID}","content_variables":{{"2":"ü 😀","1":1.50,"10":12345678901234567890}}}}"#
    );
    let variables = Some(r#"{"2":"ü 😀","1":1.50,"10":12345678901234567890}"#.to_owned());
    assert_eq!(message(&json).content, Content::Template { sid: SID.into(), variables });
    for none in ["", r#","content_variables":null"#] {
        let json = format!(r#"{{"to":"+491701234567","content_sid":"{SID}"{none}}}"#);
        assert_eq!(message(&json).content, Content::Template { sid: SID.into(), variables: None });
    }
}

#[test]
fn what_does_not_go_together_is_malformed() {
    let with = |more: &str| format!(r#"{{"to":"+491701234567",{more}}}"#);
    let template = format!(r#""content_sid":"{SID}""#);
    for (more, expected) in [
        (format!(r#"{template},"body":"x""#), "`body` and `content_sid` exclude each other"),
        (
            format!(r#"{template},"media_urls":["https://a.example"]"#),
            "`media_urls` and `content_sid` exclude each other",
        ),
        (
            r#""body":"x","content_variables":{"1":"x"}"#.to_owned(),
            "`content_variables` need a `content_sid`",
        ),
        (r#""content_sid":"HX1""#.to_owned(), "content_sid: \"HX1\" is no SID of a template"),
        (r#""content_sid":"""#.to_owned(), "content_sid: \"\" is no SID"),
        (format!(r#"{template},"content_variables":"{{}}""#), "content_variables: write an object"),
        (format!(r#"{template},"content_variables":["x"]"#), "content_variables: write an object"),
        (r#""body":"""#.to_owned(), "`body` is empty"),
        (r#""media_urls":[]"#.to_owned(), "`body` is missing"),
        (format!(r#""body":"{}""#, "a".repeat(1601)), "`body` has 1601 characters"),
    ] {
        let error = malformed(&with(&more));
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!(
        malformed(r#"{"body":"x","tо":"+491701234567"}"#),
        "`to` is missing (there is a `tо`)",
        "a Cyrillic о"
    );
    for empty in ["", "whatsapp:"] {
        assert!(malformed(&format!(r#"{{"to":"{empty}","body":"x"}}"#)).starts_with("`to` is empty"));
    }
}

#[test]
fn a_fault_beside_variables_names_its_field() {
    let error = malformed(r#"{"content_variables":{"1":"x"},"to":5}"#);
    assert_eq!(error, "to: invalid type: integer, expected a string at line 1 column 37");
}
