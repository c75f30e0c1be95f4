use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{FailedAttempt, Head, Record, add_id, edit, wrap_raw};

fn edited(text: &str, retries: Option<u32>, record: &Record) -> String {
    let out = edit(&Bytes::copy_from_slice(text.as_bytes()), retries, record);
    String::from_utf8(out.to_vec()).expect("UTF-8")
}

fn with_crashes(crashes: u32) -> Record {
    Record { crashes, ..Record::default() }
}

fn white() -> impl Strategy<Value = &'static str> {
    select(vec!["", "", "", " ", "\n\t", " \r\n  "])
}

fn scalar() -> impl Strategy<Value = String> {
    let nasty = select(vec![
        "1.10",
        "1e400",
        "-1E-400",
        "130775545883395173",
        "-0",
        "0.0",
        "1E+2",
        "123456789012345678901234567890",
        "null",
        "true",
        "false",
        r#""""#,
        r#""\"}\\""#,
        r#""\u0000\ud83d\ude00é漢""#,
        r#""{\"retries\":9}""#,
        "[]",
        "{}",
        r#"",\"_delivery\":{""#,
    ]);
    prop_oneof![
        nasty.prop_map(str::to_owned),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<String>().prop_map(|text| json!(text).to_string()),
    ]
}

/// A key as it stands in the text; at the top level none of those the queue reads.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        select(vec![r#""to""#, r#""Retries""#, r#""""#, r#""\u0061""#, r#""_delivery ""#, r#""ключ""#])
            .prop_map(str::to_owned),
        "[a-c]{1,2}".prop_map(|text| json!(text).to_string()),
    ]
}

fn nested_key() -> impl Strategy<Value = String> {
    prop_oneof![key(), select(vec![r#""retries""#, r#""_delivery""#, r#""id""#]).prop_map(str::to_owned)]
}

fn object(members: Vec<(String, String, &'static str)>) -> String {
    let members =
        members.into_iter().map(|(key, value, white)| format!("{white}{key}{white}:{value}{white}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            (vec(inner.clone(), 0..5), white())
                .prop_map(|(values, white)| format!("[{white}{}]", values.join(&format!("{white},{white}")))),
            vec((nested_key(), inner, white()), 0..5).prop_map(object),
        ]
    })
}

/// What stands under `retries` and `_delivery`, or that they are missing.
#[derive(Clone, Debug)]
struct Message {
    before: Vec<(String, String, &'static str)>,
    retries: Option<&'static str>,
    between: Vec<(String, String, &'static str)>,
    delivery: Option<&'static str>,
    after: Vec<(String, String, &'static str)>,
    swapped: bool,
    around: (&'static str, &'static str),
}

impl Message {
    /// The text, with these in place of what stands under the two names.
    fn text(&self, retries: Option<&str>, delivery: Option<&str>) -> String {
        let member = |name: &str, value: Option<&str>| {
            value.map(|value| (format!("\"{name}\""), value.to_owned(), " ")).into_iter().collect::<Vec<_>>()
        };
        let (retries, delivery) = (member("retries", retries), member("_delivery", delivery));
        let (first, second) = if self.swapped { (delivery, retries) } else { (retries, delivery) };
        let all = [self.before.clone(), first, self.between.clone(), second, self.after.clone()].concat();
        format!("{}{}{}", self.around.0, object(all), self.around.1)
    }

    fn original(&self) -> String {
        self.text(self.retries, self.delivery)
    }
}

fn message() -> impl Strategy<Value = Message> {
    let members = || vec((key(), value(), white()), 0..4);
    let retries = select(vec![None, Some("null"), Some("0"), Some("7"), Some("-0")]);
    let delivery = select(vec![
        None,
        Some("null"),
        Some("{}"),
        Some(r#"{ "crashes" : 2, "new member": [1, {"x": null}], "attempts": [{"at":"then"}] }"#),
        Some(r#"{"dead_at":"2026-01-01T00:00:00.000Z","reason":"reject","retries":5}"#),
    ]);
    (members(), retries, members(), delivery, members(), any::<bool>(), (white(), white())).prop_map(
        |(before, retries, between, delivery, after, swapped, around)| Message {
            before,
            retries,
            between,
            delivery,
            after,
            swapped,
            around,
        },
    )
}

fn read(text: &str) -> Head {
    Head::read(text.as_bytes(), usize::MAX).unwrap_or_else(|malformed| panic!("{malformed}: {text}"))
}

proptest! {
    #[test]
    fn an_edit_keeps_every_other_byte(message in message(), retries in 0..1000_u32, crashes in 0..3_u32) {
        let text = message.original();
        let head = read(&text);
        let record = Record { crashes, ..head.record.as_deref().cloned().unwrap_or_default() };
        let new = serde_json::to_string(&record).expect("a record");
        let number = retries.to_string();

        let in_place = message.text(
            message.retries.map(|_| number.as_str()),
            message.delivery.map(|_| new.as_str()),
        );
        let mut added = Vec::new();
        if message.retries.is_none() {
            added.push(format!("\"retries\":{number}"));
        }
        if message.delivery.is_none() {
            added.push(format!("\"_delivery\":{new}"));
        }
        let end = in_place.rfind('}').expect("an object");
        let lonely = in_place[..end].trim_end().ends_with('{') || added.is_empty();
        let comma = if lonely { "" } else { "," };
        let expected = format!("{}{comma}{}{}", &in_place[..end], added.join(","), &in_place[end..]);
        let out = edited(&text, Some(retries), &record);
        prop_assert_eq!(&out, &expected);

        let again = read(&out);
        prop_assert_eq!(again.record.as_deref(), Some(&record));
        prop_assert_eq!(again.retries, if record.dead_at.is_some() { 0 } else { retries });
        prop_assert_eq!(&edited(&out, Some(retries), &record), &out, "a second edit changes nothing");
    }

    #[test]
    fn an_edit_without_retries_leaves_them_alone(message in message()) {
        let text = message.original();
        let out = edited(&text, None, &with_crashes(1));
        let in_place = message.text(message.retries, message.delivery.map(|_| r#"{"crashes":1}"#));
        match message.delivery {
            Some(_) => prop_assert_eq!(out, in_place),
            None => prop_assert!(out.trim_end().ends_with(r#""_delivery":{"crashes":1}}"#), "{}", out),
        }
        prop_assert_eq!(read(&edited(&text, None, &with_crashes(1))).retries, read_retries(message.retries));
    }

    #[test]
    fn any_bytes_at_all_are_read_without_a_panic_and_kept(bytes in vec(any::<u8>(), 0..200)) {
        let record = with_crashes(1);
        match Head::read(&bytes, 100) {
            Ok(_) => {}
            Err(malformed) if malformed.wrap => {
                let wrapped: Value = serde_json::from_slice(&wrap_raw(&bytes, &record)).expect("JSON");
                prop_assert_eq!(unwrapped(&wrapped), bytes);
            }
            Err(_) => {
                let out = edit(&Bytes::from(bytes), None, &record);
                prop_assert!(serde_json::from_slice::<Value>(&out).expect("JSON")["_delivery"].is_object());
            }
        }
    }

    #[test]
    fn any_text_at_all_is_wrapped_and_kept(text in any::<String>()) {
        let wrapped: Value = serde_json::from_slice(&wrap_raw(text.as_bytes(), &with_crashes(2))).expect("JSON");
        prop_assert_eq!(wrapped["raw"].as_str(), Some(text.as_str()));
        prop_assert_eq!(wrapped["_delivery"]["crashes"].as_u64(), Some(2));
    }
}

fn read_retries(value: Option<&str>) -> u32 {
    value.and_then(|value| value.parse::<i32>().ok()).map_or(0, i32::unsigned_abs)
}

fn unwrapped(wrapped: &Value) -> Vec<u8> {
    use base64::Engine;
    match wrapped["raw"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => {
            let text = wrapped["raw_base64"].as_str().expect("raw or raw_base64");
            base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
        }
    }
}

#[test]
fn an_id_is_added_where_there_is_none() {
    for (text, expected) in [
        ("{}", r#"{"id":"x"}"#),
        (" { \n} ", " {\"id\":\"x\" \n} "),
        (r#"{"to": 1.10}"#, r#"{"id":"x","to": 1.10}"#),
        (r#"{"to":1,"id": null ,"x":[]}"#, r#"{"to":1,"id": "x" ,"x":[]}"#),
        (r#"{"x":{"id":"inner"}}"#, r#"{"id":"x","x":{"id":"inner"}}"#),
    ] {
        let out = add_id(&Bytes::from_static(text.as_bytes()), "x");
        assert_eq!(std::str::from_utf8(&out), Ok(expected));
        assert_eq!(read(expected).id.as_deref(), Some("x"));
    }
}

#[test]
fn values_are_replaced_where_they_stand_and_added_at_the_end() {
    let record = with_crashes(1);
    for (text, expected) in [
        (r"{}", r#"{"retries":2,"_delivery":{"crashes":1}}"#),
        ("{ \n}", "{ \n\"retries\":2,\"_delivery\":{\"crashes\":1}}"),
        (r#"{"retries":null}"#, r#"{"retries":2,"_delivery":{"crashes":1}}"#),
        (r#"{"_delivery":null,"x":1.10}"#, r#"{"_delivery":{"crashes":1},"x":1.10,"retries":2}"#),
        (
            r#"{"_delivery":{"a":[{}]},"retries": 1 ,"x":[]} "#,
            r#"{"_delivery":{"crashes":1},"retries": 2 ,"x":[]} "#,
        ),
        (r#"{"\u0072etries":1}"#, r#"{"\u0072etries":2,"_delivery":{"crashes":1}}"#),
        (r#"{"x":{"retries":1}}"#, r#"{"x":{"retries":1},"retries":2,"_delivery":{"crashes":1}}"#),
    ] {
        assert_eq!(edited(text, Some(2), &record), expected);
    }
}

#[test]
fn members_of_the_record_that_this_build_does_not_know_are_kept() {
    let text = r#"{"_delivery":{"crashes":1,"from the future":{"b":[],"a":-0.5},"attempts":[{"new":true}]}}"#;
    let head = read(text);
    let record = head.record.as_deref().expect("a record");
    let carried: Value = serde_json::from_str(&edited(text, Some(1), &record.carried_on())).expect("JSON");
    assert_eq!(
        carried["_delivery"],
        json!({"from the future": {"b": [], "a": -0.5}, "attempts": [{"new": true}]}),
        "and an earlier verdict is not"
    );
}

#[test]
fn a_message_tried_again_keeps_name_history_and_recipients_and_no_verdict() {
    let text = r#"{"_delivery":{"reason":"reject","class":"reject","error":"e","code":"550","provider":"smtp",
        "dead_at":"2026-01-01T00:00:00Z","worker":"w","ref":"r","crashes":2,"lane":"high","attempts":[{"at":"1"}],
        "recipients":["a@example.com"]}}"#;
    let carried = read(text).record.expect("a record").carried_on();
    let kept = json!({"attempts": [{"at": "1"}], "recipients": ["a@example.com"], "ref": "r"});
    assert_eq!(serde_json::to_value(carried).expect("JSON"), kept);
}

#[test]
fn the_last_twenty_attempts_are_remembered() {
    let mut record = Record::default();
    for n in 0..25 {
        let at = n.to_string();
        record.push(&FailedAttempt { at, error: "e".into(), code: None, provider: None });
    }
    assert_eq!(record.attempts.len(), 20);
    assert_eq!((&record.attempts[0]["at"], &record.attempts[19]["at"]), (&json!("5"), &json!("24")));
}

#[test]
fn what_is_no_object_is_wrapped_rather_than_edited() {
    let record = with_crashes(1);
    for text in ["", "[1,{}]", r#"[7,{"x":1}]"#, "{\"a\":}", r#"{"retries":1,"retries":2}"#, "\"}\"", "{} {}"]
    {
        let out: Value = serde_json::from_str(&edited(text, Some(3), &record)).expect("JSON");
        assert_eq!(out, json!({"raw": text, "_delivery": {"crashes": 1}}));
    }
    let out: Value =
        serde_json::from_slice(&edit(&Bytes::from_static(b"{\"a\":\"\xff\"}"), None, &record)).expect("JSON");
    assert_eq!(out, json!({"raw_base64": "eyJhIjoi/yJ9", "_delivery": {"crashes": 1}}));
}

#[test]
fn deep_and_large_messages_are_edited_too() {
    let deep = format!(r#"{{"x":{}{},"retries":1}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(
        edited(&deep, Some(2), &with_crashes(1)).len(),
        deep.len() + r#","_delivery":{"crashes":1}"#.len()
    );
    let large = format!(r#"{{"x":"{}"}}"#, "x".repeat(20 << 20));
    let out = edited(&large, Some(2), &with_crashes(1));
    assert_eq!(out[large.len() - 1..], *r#","retries":2,"_delivery":{"crashes":1}}"#);
}
