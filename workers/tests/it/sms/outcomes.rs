use std::time::Duration;

use redispatch_testkit::twilio::{Answer, Rule};

use super::Site;
use crate::queue::{Left, NOTHING};
use crate::site::{Channel as _, stop};

/// The dead letter of one message that met `answer`.
async fn dead_letter(answer: Answer, settings: &[(&str, &str)]) -> serde_json::Value {
    let site = Site::start().await;
    site.channel.server.script(Rule::answer(answer.clone()));
    let worker = site.worker(settings).await;
    site.push([0]).await;
    worker.wait_for_event("message_dead_lettered").await;
    assert_eq!(site.queue().settled().await, 1, "{answer:?}");
    stop(&worker).await;
    assert_eq!(site.queue().left().await, Left { dead: 1, ..NOTHING });
    site.queue().dead_letters().await.remove(0)["_delivery"].take()
}

#[tokio::test]
async fn refused_for_good_with_all_that_twilio_said() {
    for code in [21211, 21614, 21408, 21610, 21617, 21612, 29_999] {
        let record = dead_letter(Answer::error(400, code), &[]).await;
        assert_eq!((&record["reason"], &record["provider"]), (&"reject".into(), &"twilio".into()));
        assert_eq!(record["code"], code.to_string());
        let page = format!(
            "HTTP 400, error {code}: Scripted error {code} (https://www.twilio.com/docs/errors/{code})"
        );
        assert_eq!(record["error"], page);
    }
}

/// Whatever cuts the answer off, the message may have been taken.
#[tokio::test]
async fn in_doubt_once_the_request_is_out() {
    let settings = [("ON_IN_DOUBT", "dead_letter"), ("SEND_TIMEOUT_MS", "500")];
    for (answer, words) in [
        (Answer::Drop, "connection"),
        (Answer::CutBody, "connection"),
        (Answer::Stall, "SEND_TIMEOUT_MS"),
        (Answer::status(200, "<html>Welcome</html>"), "without Twilio's JSON"),
        (Answer::status(504, ""), "HTTP 504"),
    ] {
        let record = dead_letter(answer.clone(), &settings).await;
        assert_eq!(record["reason"], "in_doubt", "{answer:?}: {record}");
        assert!(record["error"].as_str().unwrap().contains(words), "{answer:?}: {record}");
    }
}

/// Twilio's words are written down, with a number in them made unreadable where they are logged.
#[tokio::test]
async fn numbers_in_twilios_words_are_masked_in_the_log() {
    let site = Site::start().await;
    let message = "The 'To' number +49151000000 is not a valid phone number.".to_owned();
    site.channel.server.script(Rule::answer(Answer::Error { status: 400, code: 21211, message }));
    let worker = site.worker(&[]).await;
    site.push([0]).await;
    let dead = worker.wait_for_event("message_dead_lettered").await;
    let told = dead.json["error"].as_str().unwrap();
    assert!(told.contains("The 'To' number +4915•") && !dead.raw.contains("49151000000"), "{}", dead.raw);
    stop(&worker).await;
}

/// Everybody waits for as long as Twilio says, and no retry is spent.
#[tokio::test]
async fn retry_after_is_kept_to() {
    let site = Site::start().await;
    site.channel.server.script(Rule::answer(Answer::Throttled { retry_after: Some(2) }).times(1));
    let worker = site.worker(&[("MAX_RETRIES", "1"), ("CONCURRENCY", "1")]).await;
    site.push(0..3).await;
    let requests = site.channel.server.requests(4).await;
    let waited = requests[1].at - requests[0].at;
    assert!((Duration::from_millis(1900)..Duration::from_millis(3500)).contains(&waited), "{waited:?}");
    site.all_sent_once(3).await;
    stop(&worker).await;
    assert_eq!(site.queue().counter("retried").await, 0);
}

/// A maintenance window: `Retry-After` of a gateway is for everybody too.
#[tokio::test]
async fn retry_after_of_a_gateway() {
    let site = Site::start().await;
    let headers = vec![("retry-after".to_owned(), "1".to_owned())];
    let answer = Answer::Status { status: 503, headers, body: b"<html>back soon</html>".to_vec() };
    site.channel.server.script(Rule::answer(answer).times(1));
    let worker = site.worker(&[("MAX_RETRIES", "1"), ("CONCURRENCY", "1")]).await;
    site.push(0..2).await;
    worker.wait_for_event("queue_throttled").await;
    site.all_sent_once(2).await;
    stop(&worker).await;
    assert_eq!(site.queue().counter("retried").await, 0);
}

/// Credentials are for this host alone.
#[tokio::test]
async fn redirects_are_not_followed() {
    let site = Site::start().await;
    let elsewhere = Site::start().await;
    let headers = vec![("location".to_owned(), elsewhere.channel.server.url())];
    site.channel.server.script(Rule::answer(Answer::Status { status: 307, headers, body: Vec::new() }));
    let worker = site.worker(&[]).await;
    site.push([0]).await;
    let opened = worker.wait_for_event("breaker_opened").await;
    let told = opened.json["error"].as_str().unwrap();
    assert!(told.contains("moved to http://127.0.0.1:") && told.contains("TWILIO_API_URL"), "{told}");
    site.channel.behave();
    site.all_sent_once(1).await;
    stop(&worker).await;
    assert_eq!(elsewhere.channel.attempts(), 0);
}
