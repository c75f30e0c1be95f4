use reqwest::header::HeaderValue;

use super::*;
use crate::twilio::Names;

const NAMES: Names = Names {
    account_sid: "TWILIO_ACCOUNT_SID",
    auth_token: "TWILIO_AUTH_TOKEN",
    api_key: Some(("TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET")),
    api_url: "TWILIO_API_URL",
};

fn settings() -> TwilioSettings {
    TwilioSettings {
        names: &NAMES,
        account_sid: "AC1".into(),
        user: "AC1".into(),
        password: "x".into(),
        api_url: "https://api.twilio.com".into(),
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, wait: None, location: None, body: body.into() }
}

fn outcome(status: u16, body: &str) -> Outcome {
    answer(status, body).outcome(&settings(), Origin::Message)
}

/// An error as Twilio writes them.
fn error(status: u16, code: u32) -> Answer {
    let json = format!(
        r#"{{"code":{code},"message":"Some words","more_info":"https://www.twilio.com/docs/errors/{code}","status":{status}}}"#
    );
    answer(status, &json)
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Retry(failure)
        | Outcome::Unavailable(failure)
        | Outcome::Reject(failure)
        | Outcome::Config(failure)
        | Outcome::DefaultSender(failure)
        | Outcome::InDoubt(failure)
        | Outcome::Throttle { failure, .. } => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_that_was_taken() {
    let body = r#"{"account_sid":"AC1","sid":"SM0123","status":"queued","error_code":null,"body":"ü","num_segments":"1"}"#;
    let receipt =
        Receipt { provider_id: Some("SM0123".into()), provider: Some("twilio"), ..Default::default() };
    for status in [200, 201] {
        assert_eq!(outcome(status, body), Outcome::Sent(receipt.clone()));
    }
}

#[test]
fn a_message_that_failed_at_once() {
    let body = |code: &str| {
        format!(
            r#"{{"sid":"SM0123","status":"failed","error_code":{code},"error_message":"Account suspended"}}"#
        )
    };
    let Outcome::Config(failure) = outcome(201, &body("30002")) else { panic!() };
    assert_eq!(
        (failure.code.as_deref(), &*failure.error),
        (Some("30002"), "HTTP 201, error 30002: Account suspended")
    );
    assert!(matches!(outcome(201, &body("null")), Outcome::Reject(_)));
}

#[test]
fn the_whole_error_document_is_told() {
    let failure = failure(error(400, 21211).outcome(&settings(), Origin::Message));
    assert_eq!(failure.error, "HTTP 400, error 21211: Some words (https://www.twilio.com/docs/errors/21211)");
    assert_eq!(
        (failure.code.as_deref(), failure.provider, failure.malformed),
        (Some("21211"), Some("twilio"), false)
    );
}

#[test]
fn a_refused_sender_is_the_settings_fault_only_if_it_came_from_there() {
    for code in [21212, 21606, 21659] {
        let answer = error(400, code);
        assert!(matches!(answer.outcome(&settings(), Origin::Message), Outcome::Reject(_)), "{code}");
        let Outcome::DefaultSender(failure) =
            answer.outcome(&settings(), Origin::Setting("TWILIO_FROM_NUMBER"))
        else {
            panic!("{code}")
        };
        assert!(failure.error.ends_with("; the sender is TWILIO_FROM_NUMBER"), "{}", failure.error);
    }
}

#[test]
fn a_refused_login_names_the_settings_it_came_from() {
    let token = failure(error(401, 20003).outcome(&settings(), Origin::Message));
    assert!(token.error.ends_with("; check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"), "{}", token.error);
    let key = TwilioSettings { user: "SK1".into(), ..settings() };
    let Outcome::Config(failure) = error(401, 20003).outcome(&key, Origin::Message) else { panic!() };
    assert!(
        failure.error.ends_with("; check TWILIO_ACCOUNT_SID, TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET")
    );
}

#[test]
fn without_twilios_json() {
    let Outcome::Unavailable(bad_gateway) = outcome(502, "<html>\r\n<title>502  Bad Gateway</title>") else {
        panic!()
    };
    assert_eq!(
        bad_gateway.error,
        r#"HTTP 502 without Twilio's JSON: "<html> <title>502 Bad Gateway</title>""#
    );
    assert_eq!(bad_gateway.code.as_deref(), Some("502"));
    assert!(matches!(outcome(200, "<html>Log in to the hotel's network</html>"), Outcome::InDoubt(_)));
    assert!(matches!(outcome(201, ""), Outcome::InDoubt(_)));
    assert!(matches!(outcome(201, r#"{"status":"ok","message":"x"}"#), Outcome::InDoubt(_)));
    assert!(matches!(outcome(504, ""), Outcome::InDoubt(_)));
    assert!(matches!(outcome(503, r#"{"error":"no upstream"}"#), Outcome::Unavailable(_)));
    let Outcome::Config(not_found) = outcome(404, "not found") else { panic!() };
    assert!(not_found.error.ends_with("; is TWILIO_API_URL right?"), "{}", not_found.error);
    let moved = Answer { location: Some("https://elsewhere.example/".into()), ..answer(307, "") };
    let Outcome::Config(moved) = moved.outcome(&settings(), Origin::Message) else { panic!() };
    assert!(moved.error.contains("moved to https://elsewhere.example/"), "{}", moved.error);
    let long = failure(outcome(500, &"ü".repeat(10_000)));
    assert!(long.error.chars().count() < 200, "{}", long.error);
    let binary = Answer { body: vec![0xff, 0, b'\n'], ..answer(500, "") };
    assert!(failure(binary.outcome(&settings(), Origin::Message)).error.contains('\u{fffd}'));
}

#[test]
fn a_wait_is_for_everybody() {
    let waiting = |answer: Answer| Answer { wait: Some(Duration::from_secs(7)), ..answer };
    for answer in [error(429, 20429), answer(429, "slow down"), answer(503, "maintenance"), error(503, 20503)]
    {
        let Outcome::Throttle { wait, .. } = waiting(answer).outcome(&settings(), Origin::Message) else {
            panic!()
        };
        assert_eq!(wait, Some(Duration::from_secs(7)));
    }
    assert!(matches!(
        error(429, 20429).outcome(&settings(), Origin::Message),
        Outcome::Throttle { wait: None, .. }
    ));
    assert!(matches!(waiting(error(400, 21610)).outcome(&settings(), Origin::Message), Outcome::Reject(_)));
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let wait = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
        retry_after(&headers)
    };
    assert_eq!(wait("7"), Some(Duration::from_secs(7)));
    assert_eq!(wait(" 0 "), Some(Duration::ZERO));
    assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    let in_a_minute = jiff::Timestamp::from_millisecond(clock::unix_ms() as i64 + 60_000).unwrap();
    let text = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&in_a_minute).unwrap();
    let seconds = wait(&text).unwrap().as_secs();
    assert!((58..=60).contains(&seconds), "{text}: {seconds}");
    for nonsense in ["", "soon", "-1", "1.5", "99999999999999999999999"] {
        assert_eq!(wait(nonsense), None, "{nonsense}");
    }
}

#[test]
fn accounts() {
    let account = |status: u16, body: &str| answer(status, body).account(&settings());
    let active =
        account(200, r#"{"sid":"AC1","status":"active","type":"Full","friendly_name":"x"}"#).unwrap();
    assert_eq!(active, "logged in at https://api.twilio.com; nothing sent");
    account(200, r#"{"messages":[],"page":0}"#).unwrap();
    let suspended = account(200, r#"{"sid":"AC1","status":"suspended"}"#).unwrap_err();
    assert_eq!(suspended.error, "the account in TWILIO_ACCOUNT_SID is suspended");
    let body = r#"{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}"#;
    let refused = account(401, body).unwrap_err();
    assert!(
        refused.error.contains("20003: Authenticate") && refused.error.contains("TWILIO_AUTH_TOKEN"),
        "{}",
        refused.error
    );
    assert!(account(200, "<html>").unwrap_err().error.contains("without Twilio's JSON"));
    assert!(account(404, "").unwrap_err().error.contains("TWILIO_API_URL"));
}
