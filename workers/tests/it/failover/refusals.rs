//! Which refusals of the first provider send a message on to the second.

use redispatch_testkit::twilio::{Answer, Rule};

use super::*;

/// The first may have it: nobody else gets it, now or later.
#[tokio::test]
async fn in_doubt_is_never_sent_by_the_second() {
    let site = Site::start().await;
    for answer in [Answer::Drop, Answer::CutBody, Answer::status(200, "what")] {
        site.twilio.script(Rule::answer(answer).with("To", &number(0)).times(1));
    }
    let worker = site.worker(&[("ON_IN_DOUBT", "dead_letter")]).await;
    site.push([0, 0, 0, 1]).await;
    assert_eq!(site.queue().settled().await, 3);
    for letter in site.queue().dead_letters().await {
        assert_eq!((&letter["_delivery"]["reason"], &letter["to"]), (&json!("in_doubt"), &json!(number(0))));
    }
    site.sent([1], []).await;
    stop(&worker).await;
}

#[tokio::test]
async fn in_doubt_is_tried_again_by_the_first() {
    let site = Site::start().await;
    site.twilio.script(Rule::answer(Answer::Drop).with("To", &number(0)).times(2));
    let worker = site.worker(&[("MAX_RETRIES", "5")]).await;
    site.push([0]).await;
    site.sent([0], []).await;
    assert_eq!(site.queue().counter("retried").await, 2);
    stop(&worker).await;
}

#[tokio::test]
async fn rejected_is_never_sent_by_the_second() {
    let site = Site::start().await;
    site.twilio.script(Rule::answer(Answer::error(400, 21211)).with("To", &number(0)));
    site.twilio.script(Rule::answer(Answer::error(400, 21610)).with("To", &number(1)));
    let worker = site.worker(&[]).await;
    site.push(0..3).await;
    assert_eq!(site.queue().settled().await, 2);
    for letter in site.queue().dead_letters().await {
        let why = &letter["_delivery"];
        assert_eq!((&why["reason"], &why["provider"]), (&json!("reject"), &json!("twilio")));
    }
    site.sent([2], []).await;
    assert_eq!(worker.events("provider_left").len(), 0);
    stop(&worker).await;
}

#[tokio::test]
async fn a_refused_login() {
    let site = Site::start().await;
    site.twilio.require_login("somebody", "else");
    let worker = site.worker(&[]).await;
    site.push(0..100).await;
    site.sent([], 0..100).await;
    let told = worker.wait_for_event("provider_left").await;
    assert_eq!(
        (&told.json["provider"], &told.json["code"]),
        (&json!("twilio"), &json!("20003")),
        "{}",
        told.raw
    );
    assert!(
        told.json["error"].as_str().is_some_and(|error| error.contains("TWILIO_AUTH_TOKEN")),
        "{}",
        told.raw
    );
    assert!(site.twilio.count() <= 8, "{} requests", site.twilio.count());
    assert_eq!(worker.events("breaker_opened").len(), 0);
    stop(&worker).await;
}

/// The queue does not wait: the second goes on while the first rests for as long as it asked.
#[tokio::test]
async fn throttled() {
    let site = Site::start().await;
    site.twilio.script(Rule::answer(Answer::Throttled { retry_after: Some(60) }));
    let worker = site.worker(&[("CONCURRENCY", "1")]).await;
    site.push(0..50).await;
    site.sent([], 0..50).await;
    let told = worker.wait_for_event("provider_left").await;
    assert_eq!(told.json["pause_ms"], 60_000, "{}", told.raw);
    assert_eq!((site.twilio.count(), worker.events("queue_throttled").len()), (1, 0));
    stop(&worker).await;
}

/// One recipient whom the default sender cannot reach says nothing about the others.
#[tokio::test]
async fn a_default_sender_refused_for_one_recipient() {
    let site = Site::start().await;
    site.twilio.script(Rule::answer(Answer::error(400, 21606)).with("To", &number(0)));
    let worker = site.worker(&[("CONCURRENCY", "1")]).await;
    site.push(0..20).await;
    site.sent(1..20, [0]).await;
    assert_eq!(worker.events("provider_left").len(), 0);
    stop(&worker).await;
}
