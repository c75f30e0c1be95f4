//! What leaves: the fields of the request.

use std::collections::BTreeMap;

use super::*;

/// The form of the only request, its attributes as name → value.
fn only(stub: &Stub) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let [form] = stub.requests().try_into().expect("one request");
    let form: BTreeMap<_, _> = form.into_iter().collect();
    let attributes = (1..).map_while(|n| {
        let value = |part: &str| form.get(&format!("MessageAttributes.entry.{n}.{part}")).cloned();
        assert!(value("Name").is_none() || value("Value.DataType").as_deref() == Some("String"), "{form:?}");
        Some((value("Name")?, value("Value.StringValue")?))
    });
    let attributes = attributes.collect();
    (form, attributes)
}

async fn sent(settings: SnsSettings, sms: &Sms) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let stub = Stub::start(Say::Answer(200, "", receipt())).await;
    let sns = Sns::open(SnsSettings { endpoint: Some(stub.url()), ..settings }).expect("certificates");
    match send(&sns, sms).await {
        Outcome::Sent(receipt) => {
            assert_eq!(receipt.provider_id.as_deref(), Some("94f20ce6-13c5-43a0-9a9e-ca52d816e90b"));
            assert_eq!(receipt.provider, Some("aws-sns"));
        }
        other => panic!("{other:?}"),
    }
    only(&stub)
}

fn attributes(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_number_with_every_sender() {
    let sms = |from: Option<&str>| Sms { from: from.map(str::to_owned), ..to("+491701234567") };
    let kind = ("AWS.SNS.SMS.SMSType", "Transactional");
    for (ours, from, expected) in [
        (None, None, None),
        (Some("ACME"), None, Some(("AWS.SNS.SMS.SenderID", "ACME"))),
        (Some("ACME"), Some("Shop"), Some(("AWS.SNS.SMS.SenderID", "Shop"))),
        (Some("ACME"), Some("+15005550006"), Some(("AWS.MM.SMS.OriginationNumber", "+15005550006"))),
        (None, Some("12345"), Some(("AWS.MM.SMS.OriginationNumber", "12345"))),
    ] {
        let settings = SnsSettings { sender_id: ours.map(str::to_owned), ..settings("") };
        let (form, found) = sent(settings, &sms(from)).await;
        assert_eq!(form["Action"], "Publish");
        assert_eq!((&*form["PhoneNumber"], &*form["Message"]), ("+491701234567", "Hello"));
        assert!(!form.contains_key("TopicArn") && !form.contains_key("TargetArn"), "{form:?}");
        let all: Vec<_> = [kind].into_iter().chain(expected).collect();
        assert_eq!(found, attributes(&all));
    }
}

#[tokio::test]
async fn promotional_and_every_character() {
    let body = "Grüße & 50 % = 1+1 \u{1F600}\n\"<>\"";
    let sms = Sms { body: body.to_owned(), ..to("+491701234567") };
    let (form, found) = sent(SnsSettings { sms_type: "Promotional", ..settings("") }, &sms).await;
    assert_eq!(form["Message"], body);
    assert_eq!(found, attributes(&[("AWS.SNS.SMS.SMSType", "Promotional")]));
}

#[tokio::test]
async fn a_topic_only_where_the_message_says_so() {
    let other = "arn:aws:sns:eu-central-1:123456789012:other";
    let ours = SnsSettings { topic: Some(TOPIC.to_owned()), ..settings("") };
    let (form, _) = sent(ours.clone(), &to_topic(None)).await;
    assert_eq!(form["TopicArn"], TOPIC);
    let (form, _) = sent(ours.clone(), &to_topic(Some(other))).await;
    assert_eq!(form["TopicArn"], other);
    assert!(!form.contains_key("PhoneNumber"));
    // A topic in the settings changes nothing about a message to a number.
    let (form, _) = sent(ours, &to("+491701234567")).await;
    assert!(form.values().all(|value| !value.contains(TOPIC)), "{form:?}");
}

#[tokio::test]
async fn what_sns_cannot_send_never_leaves() {
    let stub = Stub::start(Say::Answer(200, "", receipt())).await;
    let sns = sns(&stub.url());
    let media = Sms { media_urls: vec!["https://example.com/a.png".to_owned()], ..to("+491701234567") };
    let sender = Sms { from: Some("My Little Shop".to_owned()), ..to("+491701234567") };
    for (sms, why) in [
        (media, "media_urls"),
        (sender, "`from`"),
        (to_topic(None), "SNS_TOPIC_ARN"),
        (to_topic(Some("arn:aws:sns:us-east-1:123456789012:news")), "not in eu-central-1"),
        (to_topic(Some("arn:aws:sns:eu-central-1:123456789012:news.fifo")), "standard topic"),
        (to_topic(Some("news")), "ARN"),
    ] {
        let outcome = send(&sns, &sms).await;
        let (name, failure) = failed(&outcome);
        assert_eq!((name, failure.malformed), ("reject", true), "{sms:?}");
        assert!(failure.error.contains(why), "{failure:?}");
    }
    assert_eq!(stub.connections(), 0);
}
