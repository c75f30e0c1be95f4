use super::*;

const TO: &str = "+491701234567";

fn sms(json: &str) -> Sms {
    check(json.as_bytes(), Validation::Shape).unwrap_or_else(|failure| panic!("{json}: {}", failure.error))
}

fn refused(json: &str) -> Failure {
    check(json.as_bytes(), Validation::Shape).expect_err(json)
}

fn malformed(json: &str) -> String {
    let failure = refused(json);
    assert!(failure.malformed, "{}", failure.error);
    failure.error
}

#[test]
fn every_field() {
    let service = format!("MG{}", "1".repeat(32));
    let json = format!(
        r#"{{"to":"{TO}","body":"Hi 😀","from":"{service}","media_urls":["https://a.example/1.png","http://b.example"],
            "status_callback":"https://c.example/x?y=1","id":"1","whatever":{{}}}}"#
    );
    let expected = Sms {
        to: Target::Number(TO.into()),
        body: "Hi 😀".into(),
        from: Some(service),
        media_urls: vec!["https://a.example/1.png".into(), "http://b.example".into()],
        status_callback: Some("https://c.example/x?y=1".into()),
    };
    assert_eq!(sms(&json), expected);
    let plain =
        r#"{"to":"+491701234567","message":"x","body":null,"from":null,"topic":null,"media_urls":null}"#;
    let expected =
        Sms { body: "x".into(), from: None, media_urls: vec![], status_callback: None, ..expected };
    assert_eq!(sms(plain), expected);
}

#[test]
fn body_and_message_are_one_field() {
    assert_eq!(sms(r#"{"to":"+491701234567","message":"x","body":"x"}"#).body, "x");
    let error = malformed(r#"{"to":"+491701234567","message":"x","body":"y"}"#);
    assert_eq!(error, "`body` and `message` are the same field and differ: leave one out");
}

#[test]
fn bodies_have_1_to_1600_characters() {
    let with = |body: &str| format!(r#"{{"to":"{TO}","body":"{body}"}}"#);
    assert_eq!(sms(&with(&"😀".repeat(1600))).body.chars().count(), 1600);
    assert!(malformed(&with(&"a".repeat(1601))).starts_with("`body` has 1601 characters, and at most 1,600"));
    assert!(malformed(&with("")).starts_with("`body` is empty"));
    assert_eq!(malformed(r#"{"to":"+491701234567"}"#), "`body` is missing");
    assert_eq!(malformed(r#"{"to":"+491701234567","text":"x"}"#), "`body` is missing (there is a `text`)");
    assert_eq!(sms(r#"{"to":"+491701234567","media_urls":"https://a.example/1.png"}"#).body, "");
    assert_eq!(sms(r#"{"to":"+491701234567","body":"","media_urls":["https://a.example/1.png"]}"#).body, "");
    malformed(r#"{"to":"+491701234567","media_urls":[]}"#);
}

#[test]
fn only_a_message_that_says_so_goes_to_a_topic() {
    assert_eq!(malformed(r#"{"body":"x"}"#), "`to` is missing");
    assert_eq!(malformed(r#"{"too":"+491701234567","body":"x"}"#), "`to` is missing (there is a `too`)");
    assert_eq!(malformed(r#"{"phone":"+491701234567","body":"x"}"#), "`to` is missing (there is a `phone`)");
    assert_eq!(malformed(r#"{"to":null,"topic":null,"body":"x"}"#), "`to` is missing");
    assert!(malformed(r#"{"to":"","topic":false,"body":"x"}"#).starts_with("`to` is empty"));
    assert_eq!(sms(r#"{"topic":true,"body":"x"}"#).to, Target::Topic(None));
    assert_eq!(sms(r#"{"topic":true,"to":null,"body":"x"}"#).to, Target::Topic(None));
    let arn = "arn:aws:sns:eu-central-1:123456789012:offers";
    let to = sms(&format!(r#"{{"topic":"{arn}","to":"","body":"x"}}"#)).to;
    assert_eq!(to, Target::Topic(Some(arn.into())));
    for bad in [
        "true",
        "",
        "offers",
        "arn:aws:sqs:eu-central-1:123456789012:offers",
        "arn:aws:sns:eu-central-1:1:offers",
    ] {
        let error = malformed(&format!(r#"{{"topic":"{bad}","body":"x"}}"#));
        assert!(error.contains("is no ARN of a topic: write true, or arn:aws:sns:…"), "{error}");
    }
    assert!(malformed(r#"{"topic":1,"body":"x"}"#).starts_with("topic: invalid type: integer"));
    assert!(malformed(r#"{"topic":true,"to":"+491701234567","body":"x"}"#).contains("exclude each other"));
}

#[test]
fn numbers_and_senders_that_are_none_are_refused_but_not_malformed() {
    let failure = refused(r#"{"to":"0170 1234567","body":"x"}"#);
    assert!(!failure.malformed && failure.error.contains("without spaces"), "{}", failure.error);
    let failure = refused(r#"{"to":"+491701234567","from":"Grüße","body":"x"}"#);
    assert!(
        !failure.malformed && failure.error.starts_with(r#"from: "Grüße" is no sender"#),
        "{}",
        failure.error
    );
    let json = br#"{"to":"+15551234567","body":"x"}"#;
    check(json, Validation::Shape).unwrap();
    assert!(check(json, Validation::Strict).unwrap_err().error.contains("PHONE_VALIDATION=strict"));
}

#[test]
fn urls() {
    let with = |url: &str| format!(r#"{{"to":"{TO}","body":"x","media_urls":["https://ok.example",{url}]}}"#);
    for bad in [
        "a.png",
        "ftp://a.example/1.png",
        "https://",
        "//a.example/1",
        "https://a.example/a b",
        "",
        " https://a.example",
    ] {
        let error = malformed(&with(&format!("{bad:?}")));
        assert!(
            error.starts_with("media_urls[1]: ")
                && error.ends_with("is no URL: write it as https://host/path, without spaces"),
            "{error}"
        );
    }
    assert!(malformed(&with("1")).starts_with("media_urls[1]: invalid type: integer"));
    let ten = [r#""https://a.example""#; 10].join(",");
    assert!(malformed(&with(&ten)).starts_with("media_urls: 11 are given"));
    let error = malformed(r#"{"to":"+491701234567","body":"x","status_callback":"localhost:1/x"}"#);
    assert!(error.starts_with("status_callback: "), "{error}");
}

/// Reasons are logged, and bodies and secrets are not.
#[test]
fn a_reason_shows_neither_body_nor_secret() {
    for (fields, expected) in [
        (r#""body":482913"#, "body: invalid type: integer, expected a string at line 1 column"),
        (r#""body":4829.13"#, "body: invalid type: floating point, expected a string at line 1 column"),
        (
            r#""body":"x","media_urls":{"482913":1}"#,
            "media_urls: invalid type: map, expected a string or a list",
        ),
        (r#""body":"x","status_callback":"https://me:482913@a.example/ x""#, "status_callback: is no URL"),
    ] {
        let error = malformed(&format!(r#"{{"to":"{TO}",{fields}}}"#));
        assert!(error.starts_with(expected) && !error.contains("4829"), "{error}");
    }
}

/// What a producer sends that cut its text in the middle of an emoji.
#[test]
fn half_an_emoji() {
    for half in [r"\ud83d", r"\ud83d x", r"\ud83d\u0041", r"\ude00"] {
        let error = malformed(&format!(r#"{{"to":"{TO}","body":"Hi {half}"}}"#));
        assert!(error.starts_with("body: half of an emoji"), "{half}: {error}");
    }
}

#[test]
fn what_is_no_message_is_malformed() {
    for json in [
        "",
        "null",
        "[]",
        "\"x\"",
        r#"["+491701234567","x"]"#,
        r#"{"to":1,"body":"x"}"#,
        r#"{"to":["+491701234567"],"body":"x"}"#,
    ] {
        malformed(json);
    }
}
