//! Against `moto_server`, which checks signatures' shape, numbers and topics as SNS does.

use redispatch_testkit::moto::MotoServer;

use super::*;

fn of_moto(moto: &MotoServer) -> SnsSettings {
    SnsSettings { region: "us-east-1".to_owned(), ..settings(&moto.url()) }
}

#[tokio::test]
async fn numbers_and_topics() {
    let moto = MotoServer::start().await;
    let topic = moto.create_topic("news").await;
    let sns = Sns::open(SnsSettings {
        topic: Some(topic.clone()),
        sender_id: Some("ACME".into()),
        ..of_moto(&moto)
    });
    let sns = sns.expect("certificates");
    let body = "Grüße \u{1F600} & 50 % + 1\nZeile";
    let mut ids = Vec::new();
    for sms in [Sms { body: body.to_owned(), ..to("+491701234567") }, to_topic(None), to_topic(Some(&topic))]
    {
        match send(&sns, &sms).await {
            Outcome::Sent(receipt) => ids.push(receipt.provider_id.expect("an id")),
            other => panic!("{sms:?}: {other:?}"),
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    let [one, ours, named] = moto.published(3).await.try_into().expect("three");
    assert_eq!((&*one["PhoneNumber"], &*one["Message"]), ("+491701234567", body));
    assert!(!one.contains_key("TopicArn"));
    let attributes: Vec<_> = (1..=2)
        .map(|n| {
            let part = |part: &str| one[&format!("MessageAttributes.entry.{n}.{part}")].clone();
            (part("Name"), part("Value.StringValue"))
        })
        .collect();
    for (name, value) in [("AWS.SNS.SMS.SMSType", "Transactional"), ("AWS.SNS.SMS.SenderID", "ACME")] {
        assert!(attributes.contains(&(name.to_owned(), value.to_owned())), "{attributes:?}");
    }
    for form in [ours, named] {
        assert_eq!(form["TopicArn"], topic);
        assert!(!form.contains_key("PhoneNumber"));
    }
}

#[tokio::test]
async fn refusals() {
    let moto = MotoServer::start().await;
    let sns = Sns::open(of_moto(&moto)).expect("certificates");
    let nowhere = "arn:aws:sns:us-east-1:123456789012:nowhere";
    for (sms, expected, code) in
        [(to("017012345"), "reject", "InvalidParameter"), (to_topic(Some(nowhere)), "reject", "NotFound")]
    {
        let outcome = send(&sns, &sms).await;
        let (name, failure) = failed(&outcome);
        assert_eq!((name, failure.code.as_deref()), (expected, Some(code)), "{outcome:?}");
    }
    let ours =
        Sns::open(SnsSettings { topic: Some(nowhere.into()), ..of_moto(&moto) }).expect("certificates");
    assert_eq!(failed(&send(&ours, &to_topic(None)).await).0, "default sender");
}

#[tokio::test]
async fn a_check_publishes_nothing() {
    let moto = MotoServer::start().await;
    let sns = Sns::open(of_moto(&moto)).expect("certificates");
    assert_eq!(sns.check().await.unwrap(), "credentials accepted in us-east-1; nothing sent");
    assert!(matches!(send(&sns, &to("+491701234567")).await, Outcome::Sent(_)));
    assert_eq!(moto.published(1).await.len(), 1);
}
