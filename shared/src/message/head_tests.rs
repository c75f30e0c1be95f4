use super::{Head, Malformed};

const LIMIT: usize = 10 << 20;

fn read(text: &str) -> Result<Head, Malformed> {
    Head::read(text.as_bytes(), LIMIT)
}

fn good(text: &str) -> Head {
    read(text).unwrap_or_else(|malformed| panic!("{malformed}: {text}"))
}

/// The reason why a message with this member is refused; it can be edited, for it is an object.
fn refused(member: &str) -> String {
    let malformed = read(&format!("{{{member}}}")).expect_err(member);
    assert!(!malformed.wrap, "{member}: {malformed}");
    malformed.reason
}

#[test]
fn an_empty_object_has_nothing() {
    for text in ["{}", " \t\r\n{ } \n", r#"{"to":"a@example.com","unknown":{"id":5}}"#] {
        let head = good(text);
        assert_eq!((head.id, head.retries, head.max_retries), (None, 0, None));
        assert_eq!((head.send_at, head.expires_at), (None, None));
        assert!(head.metadata.is_none() && head.record.is_none());
    }
}

#[test]
fn null_counts_as_absent() {
    for name in [
        "id",
        "retries",
        "max_retries",
        "send_at",
        "expires_at",
        "created_at",
        "ttl_ms",
        "metadata",
        "_delivery",
    ] {
        let head = good(&format!(r#"{{"{name}":null}}"#));
        assert!(head.id.is_none() && head.record.is_none() && head.metadata.is_none(), "{name}");
    }
}

#[test]
fn ids_are_printable_ascii() {
    let longest = "x".repeat(128);
    for (text, id) in [
        ("a", "a"),
        ("A b~!", "A b~!"),
        (r#"\"\\\/"#, r#""\/"#),
        (r"\u0041", "A"),
        (&longest, &longest),
        ("~1:p:0", "~1:p:0"),
    ] {
        assert_eq!(good(&format!(r#"{{"id":"{text}"}}"#)).id.as_deref(), Some(id));
    }
    let long = format!(r#""id":"{}""#, "x".repeat(129));
    for member in
        [r#""id":"""#, &long, r#""id":"é""#, r#""id":"a\nb""#, r#""id":"\u0000""#, r#""id":"\u007f""#]
    {
        assert_eq!(refused(member), "id: must be 1 to 128 printable ASCII characters");
    }
    for member in [r#""id":5"#, r#""id":["a"]"#, r#""id":{}"#, r#""id":true"#, r#""id":"\ud800""#] {
        assert!(
            refused(member).starts_with("id: ") && refused(member).ends_with(" is not a string"),
            "{member}"
        );
    }
}

#[test]
fn retries_are_whole_numbers_in_range() {
    for (member, retries) in [("0", 0), ("3", 3), ("-0", 0), ("1000000", 1_000_000)] {
        assert_eq!(good(&format!(r#"{{"retries":{member}}}"#)).retries, retries);
    }
    for value in ["-1", "1.5", "1e3", "1000001", "99999999999999999999", r#""3""#, "[]", "true"] {
        let expected = format!("retries: {value} is not a whole number from 0 to 1000000");
        assert_eq!(refused(&format!(r#""retries":{value}"#)), expected);
    }
}

#[test]
fn max_retries_are_one_to_a_thousand() {
    assert_eq!(good(r#"{"max_retries":1}"#).max_retries, Some(1));
    assert_eq!(good(r#"{"max_retries":1000}"#).max_retries, Some(1000));
    for value in ["0", "1001", "-5", "2.0", r#""2""#] {
        assert_eq!(
            refused(&format!(r#""max_retries":{value}"#)),
            format!("max_retries: {value} is not a whole number from 1 to 1000")
        );
    }
}

#[test]
fn instants_are_rfc_3339_with_an_offset_or_milliseconds() {
    for (value, ms) in [
        (r#""2026-01-02T03:04:05Z""#, 1_767_323_045_000),
        (r#""2026-01-02T03:04:05.678+02:00""#, 1_767_315_845_678),
        (r#""2026-01-02T03:04:05-00:30""#, 1_767_324_845_000),
        ("1767323045000", 1_767_323_045_000),
        ("100000000000", 100_000_000_000),
        ("253402300799999", 253_402_300_799_999),
    ] {
        for name in ["send_at", "expires_at", "created_at"] {
            let head = good(&format!(r#"{{"{name}":{value}}}"#));
            let read = if name == "send_at" { head.send_at } else { head.expires_at };
            assert_eq!(read, (name != "created_at").then_some(ms), "{name}: {value}");
        }
    }
}

#[test]
fn other_instants_are_refused_by_name() {
    for name in ["send_at", "expires_at", "created_at"] {
        let reason = |value: &str| refused(&format!(r#""{name}":{value}"#));
        for value in ["1767323045", "99999999999", "0", "-1767323045000"] {
            assert_eq!(
                reason(value),
                format!("{name}: {value} looks like seconds; give milliseconds since 1970")
            );
        }
        for value in ["1767323045000000", "253402300800000", "9223372036854775807"] {
            let expected = format!("{name}: {value} lies after the year 9999; give milliseconds since 1970");
            assert_eq!(reason(value), expected);
        }
        for value in
            [r#""2026-01-02T03:04:05""#, r#""2026-01-02""#, r#""tomorrow""#, r#""""#, r#""1767323045000""#]
        {
            assert_eq!(reason(value), format!("{name}: {value} is not RFC 3339 with an offset"));
        }
        for value in ["1767323045000.5", "1.7e12", "[]", "{}", "true", "99999999999999999999"] {
            assert_eq!(
                reason(value),
                format!("{name}: {value} is neither RFC 3339 nor milliseconds since 1970")
            );
        }
    }
}

#[test]
fn the_earlier_end_counts() {
    let at = 1_767_323_045_000_i64;
    for (text, ends) in [
        (format!(r#"{{"created_at":{at},"ttl_ms":500}}"#), Some(at + 500)),
        (format!(r#"{{"created_at":{at},"ttl_ms":0}}"#), Some(at)),
        (format!(r#"{{"created_at":{at},"ttl_ms":500,"expires_at":{}}}"#, at + 400), Some(at + 400)),
        (format!(r#"{{"created_at":{at},"ttl_ms":500,"expires_at":{}}}"#, at + 600), Some(at + 500)),
        (format!(r#"{{"created_at":{at},"ttl_ms":2305843009213693951}}"#), Some(at + i64::MAX / 4)),
        (format!(r#"{{"created_at":{at}}}"#), None),
    ] {
        assert_eq!(good(&text).expires_at, ends, "{text}");
    }
    assert_eq!(refused(r#""ttl_ms":500"#), "ttl_ms: needs created_at, from which it counts");
    assert!(
        refused(r#""ttl_ms":-1,"created_at":1767323045000"#).starts_with("ttl_ms: -1 is not a whole number")
    );
}

#[test]
fn metadata_is_an_object_and_kept_as_text() {
    let head = good(r#"{"metadata": {"b":1.10, "a":[]} }"#);
    assert_eq!(head.metadata.as_deref(), Some(r#"{"b":1.10, "a":[]}"#));
    for value in ["[]", r#""x""#, "5", "true"] {
        assert_eq!(refused(&format!(r#""metadata":{value}"#)), "metadata: not an object");
    }
}

#[test]
fn a_refused_message_keeps_its_id() {
    let malformed = read(r#"{"retries":-1,"id":"a"}"#).expect_err("negative");
    assert_eq!(malformed.head.id.as_deref(), Some("a"));
    let malformed = read(r#"{"id":"a","_delivery":7}"#).expect_err("no record");
    assert_eq!((malformed.head.id.as_deref(), malformed.wrap), (Some("a"), true));
    let large = format!(r#"{{"id":"a","x":"{}"}}"#, "x".repeat(LIMIT));
    let malformed = read(&large).expect_err("too large");
    assert_eq!((malformed.head.id.as_deref(), malformed.wrap), (Some("a"), false));
    assert_eq!(malformed.reason, format!("{} bytes; MAX_MESSAGE_BYTES allows {LIMIT}", large.len()));
}

#[test]
fn a_record_of_another_shape_is_refused_and_wrapped() {
    for value in [
        "7",
        r#""x""#,
        r#"{"crashes":-1}"#,
        r#"{"crashes":"2"}"#,
        r#"{"attempts":{}}"#,
        r#"{"recipients":[1]}"#,
    ] {
        let malformed = read(&format!(r#"{{"_delivery":{value}}}"#)).expect_err(value);
        assert!(malformed.wrap && malformed.reason.starts_with("_delivery: "), "{malformed}");
    }
}

#[test]
fn a_message_requeued_by_hand_starts_over() {
    let head =
        good(r#"{"retries":3,"_delivery":{"crashes":2,"dead_at":"2026-01-01T00:00:00Z","attempts":[1]}}"#);
    assert_eq!((head.retries, head.crashes()), (0, 0));
    assert_eq!(head.record.expect("a record").attempts.len(), 1, "its history stays");
    let head = good(r#"{"retries":3,"_delivery":{"crashes":2}}"#);
    assert_eq!((head.retries, head.crashes()), (3, 2));
}

#[test]
fn what_is_no_object_is_malformed_and_wrapped() {
    for text in [
        "",
        " ",
        "null",
        "5",
        r#""{}""#,
        "[]",
        r#"["a",1,2,"x",null,null,null,{},{}]"#,
        "[{}]",
        "{",
        "}",
        "{}}",
        "{}{}",
        r#"{"a":1"#,
        r#"{"a":1,}"#,
        r#"{"a"}"#,
        "{a:1}",
        "{'a':1}",
        "{\"a\":\"\n\"}",
        "{\"a\":01}",
        "{\"a\":NaN}",
        "\u{feff}{}",
        "not JSON",
        "\u{c}{}",
    ] {
        let malformed = read(text).expect_err(text);
        assert!(malformed.wrap, "{text}: {malformed}");
        assert!(malformed.reason.starts_with("not a JSON object"), "{text}: {malformed}");
    }
    for text in [r#""my secret""#, r#"["my secret"]"#, "[]", "5", "null"] {
        assert_eq!(read(text).expect_err(text).reason, "not a JSON object", "nothing of {text} is shown");
    }
    let malformed = Head::read(b"{\"id\":\"a\",\"x\":\"\xff\"}", LIMIT).expect_err("no UTF-8");
    assert_eq!((malformed.reason.as_str(), malformed.wrap), ("not UTF-8", true));
}

#[test]
fn a_field_given_twice_is_malformed() {
    for text in
        [r#"{"id":"a","id":"b"}"#, r#"{"retries":1,"x":0,"retries":1}"#, r#"{"_delivery":{},"_delivery":{}}"#]
    {
        let malformed = read(text).expect_err(text);
        assert!(malformed.wrap && malformed.reason.contains("duplicate field"), "{malformed}");
        assert_eq!(malformed.head.id, None, "nobody knows which");
    }
    good(r#"{"to":1,"to":2}"#);
}

#[test]
fn depth_is_no_danger() {
    for depth in [100, 10_000, 1_000_000] {
        for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
            let inner = if open == "[" { "" } else { "0" };
            let deep = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            good(&format!(r#"{{"id":"a","x":{deep}}}"#));
            let record = read(&format!(r#"{{"_delivery":{{"unknown":{deep}}}}}"#));
            assert_eq!(record.is_ok(), depth == 100, "the record is built, so its depth has an end");
            for name in ["id", "retries", "send_at"] {
                let malformed = read(&format!(r#"{{"{name}":{deep}}}"#)).expect_err(name);
                assert!(malformed.reason.len() < 200, "{name}: {malformed}");
            }
            assert!(read(&open.repeat(depth)).is_err());
            assert!(read(&format!("{{\"x\":{}", open.repeat(depth))).is_err());
        }
    }
}

#[test]
fn twenty_megabytes_are_read_where_they_are_allowed() {
    let large = format!(r#"{{"id":"a","body":"{}"}}"#, "x".repeat(20 << 20));
    assert_eq!(Head::read(large.as_bytes(), 30 << 20).expect("allowed").id.as_deref(), Some("a"));
    let no_object = vec![b'x'; 20 << 20];
    assert!(Head::read(&no_object, LIMIT).expect_err("too large").wrap);
    let mut no_text = large.into_bytes();
    no_text[100] = 0xff;
    assert!(Head::read(&no_text, LIMIT).expect_err("too large").wrap, "what is no UTF-8 is no message");
}

#[test]
fn error_texts_are_cut_to_what_a_log_line_bears() {
    let reason = refused(&format!(r#""retries":"{}""#, "é".repeat(1000)));
    assert!(reason.chars().count() < 120, "{reason}");
    assert!(reason.contains('…'), "{reason}");
}

#[test]
fn what_the_worker_wrote_itself_does_not_count_against_the_limit() {
    let body = "x".repeat(900);
    let record = format!(r#"{{"recipients":["a@example.com"],"attempts":[{{"error":"{body}"}}]}}"#);
    let text = format!(r#"{{"body":"{body}","_delivery":{record}}}"#);
    assert!(Head::read(text.as_bytes(), 1000).is_ok());
    let reason = Head::read(text.as_bytes(), 900).expect_err("too large without it").reason;
    assert!(reason.starts_with(&format!("{} bytes", text.len() - record.len())), "{reason}");
}

#[test]
fn what_is_malformed_keeps_its_id_and_its_history() {
    for fault in [r#""max_retries":0"#, r#""send_at":1790000000"#, r#""metadata":7"#] {
        let text =
            format!(r#"{{"id":"a",{fault},"_delivery":{{"recipients":["b@example.com"],"ref":"r.1"}}}}"#);
        let head = read(&text).expect_err(fault).head;
        assert_eq!(head.id.as_deref(), Some("a"));
        let record = head.record.expect(fault);
        assert_eq!(record.recipients.as_deref(), Some(&["b@example.com".to_owned()][..]));
        assert_eq!(record.reference.as_deref(), Some("r.1"));
    }
}

#[test]
fn never_is_the_end_of_the_year_9999_in_either_form() {
    let of = |value: &str| good(&format!(r#"{{"expires_at":{value}}}"#)).expires_at;
    assert_eq!(of(r#""9999-12-31T23:59:59Z""#), of("253402300799999"));
}
