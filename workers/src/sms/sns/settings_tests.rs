use std::ffi::OsString;

use redispatch::config::Sources;
use secrecy::ExposeSecret as _;

use super::*;

const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:news";

fn read(env: &[(&str, &str)]) -> (Option<SnsSettings>, String) {
    let env = env.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
    let sources = Sources::new(&[SNS], env, (vec![], vec![]));
    let mut reader = Reader::new(&sources);
    let settings = SnsSettings::read(&mut reader, true);
    (settings, reader.finish().err().map(|f| f.to_string()).unwrap_or_default())
}

#[test]
fn a_region_is_enough() {
    let (settings, faults) = read(&[("AWS_REGION", "eu-central-1")]);
    assert_eq!(faults, "");
    let settings = settings.unwrap();
    assert_eq!((&*settings.region, settings.sms_type), ("eu-central-1", "Transactional"));
    assert!(settings.keys.is_none() && settings.endpoint.is_none() && settings.topic.is_none());
}

#[test]
fn everything() {
    let (settings, faults) = read(&[
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "hunter$2 # x"),
        ("AWS_SESSION_TOKEN", "hunter3"),
        ("AWS_ENDPOINT_URL_SNS", "http://localhost:4566/"),
        ("SNS_TOPIC_ARN", TOPIC),
        ("SNS_SENDER_ID", "ACME"),
        ("SNS_SMS_TYPE", "promotional # cheap"),
    ]);
    assert_eq!(faults, "");
    let settings = settings.unwrap();
    assert!(!format!("{settings:?}").contains("hunter"));
    let keys = settings.keys.unwrap();
    assert_eq!((&*keys.id, keys.secret.expose_secret()), ("AKID", "hunter$2 # x"));
    assert_eq!(keys.token.unwrap().expose_secret(), "hunter3");
    assert_eq!(settings.endpoint.as_deref(), Some("http://localhost:4566"));
    assert_eq!((settings.topic.as_deref(), settings.sender_id.as_deref()), (Some(TOPIC), Some("ACME")));
    assert_eq!(settings.sms_type, "Promotional");
}

#[test]
fn every_fault_at_once() {
    let (_, faults) = read(&[
        ("AWS_REGION", "Frankfurt"),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_ENDPOINT_URL_SNS", "localhost:4566"),
        ("SNS_TOPIC_ARN", "news"),
        ("SNS_SENDER_ID", "My Shop"),
        ("SNS_SMS_TYPE", "fast"),
    ]);
    for name in [
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_ENDPOINT_URL_SNS",
        "SNS_TOPIC_ARN",
        "SNS_SENDER_ID",
        "SNS_SMS_TYPE",
    ] {
        assert_eq!(faults.matches(&format!("\n  {name}: ")).count(), 1, "{name} in {faults}");
    }
}

#[test]
fn half_a_login_is_a_fault() {
    let region = ("AWS_REGION", "eu-central-1");
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "hunter2"),
        ("AWS_SESSION_TOKEN", "hunter3"),
    ] {
        let (_, faults) = read(&[region, (name, value)]);
        assert!(faults.contains(&format!("{name}: is set without AWS_")), "{faults}");
        assert!(!faults.contains("hunter"), "{faults}");
    }
}

#[test]
fn a_topic_elsewhere_is_a_fault() {
    let (_, faults) = read(&[("AWS_REGION", "us-east-1"), ("SNS_TOPIC_ARN", TOPIC)]);
    assert!(faults.contains("is in another region; name a topic of us-east-1"), "{faults}");
}

#[test]
fn endpoints() {
    for (text, good) in [
        ("https://sns.eu-central-1.amazonaws.com", true),
        ("http://127.0.0.1:5000/", true),
        ("http://[::1]:5000", true),
        ("ftp://a", false),
        ("https://user:pass@a", false),
        ("https://a?b", false),
        ("a:5000", false),
    ] {
        assert_eq!(endpoint(text).is_ok(), good, "{text}");
    }
}
