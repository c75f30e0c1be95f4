//! The first provider is down from the start, and comes back by itself.

use redispatch_testkit::eventually;
use redispatch_testkit::twilio::{Answer, Rule};

use super::*;

const COUNT: usize = 300;

/// Pushes a message now and then until the first provider is back; gives how many in all there were before.
async fn until_back(site: &Site, worker: &Worker, from: usize) -> usize {
    let mut next = from;
    let back = async || {
        site.push([next]).await;
        next += 1;
        site.queue().settled().await;
        worker.events("provider_back").len()
    };
    eventually("the first provider is back", LIMIT, back, |back| *back == 1).await;
    next
}

async fn first_again(site: &Site, worker: &Worker, from: usize) {
    let before = site.by_twilio().len();
    site.push(from..from + 20).await;
    site.queue().settled().await;
    assert_eq!(site.by_twilio().len(), before + 20);
    assert_eq!(site.by_twilio().len() + site.by_sns(0).await.len(), from + 20, "each once");
    assert_eq!(worker.events("provider_left").len(), 1);
    assert_eq!(worker.events("breaker_opened").len(), 0);
    assert_eq!(site.queue().counter("retried").await, 0);
    assert_eq!(site.queue().left().await, NOTHING);
    stop(worker).await;
}

#[tokio::test]
async fn answering_503() {
    let site = Site::start().await;
    site.twilio.script(Rule::answer(Answer::status(503, "<html>no</html>")));
    let worker = site.worker(&[]).await;
    site.push(0..COUNT).await;
    site.sent([], 0..COUNT).await;
    let told = worker.wait_for_event("provider_left").await;
    assert_eq!(
        (&told.json["provider"], &told.json["level"]),
        (&json!("twilio"), &json!("WARN")),
        "{}",
        told.raw
    );
    assert!(told.json["error"].as_str().is_some_and(|error| error.contains("503")), "{}", told.raw);
    // five at a time before the first answer, then one after each pause of 1 s, 2 s, 4 s, …
    let asked = site.twilio.count();
    assert!((1..=10).contains(&asked), "{asked} requests");
    site.twilio.behave();
    let next = until_back(&site, &worker, COUNT).await;
    first_again(&site, &worker, next).await;
}

#[tokio::test]
async fn refusing_connections() {
    let mut site = Site::start().await;
    site.twilio.stop().await;
    let worker = site.worker(&[]).await;
    site.push(0..COUNT).await;
    site.sent([], 0..COUNT).await;
    worker.wait_for_event("provider_left").await;
    site.twilio.restart().await;
    let next = until_back(&site, &worker, COUNT).await;
    first_again(&site, &worker, next).await;
}

#[tokio::test]
async fn down_in_the_middle() {
    let mut site = Site::start().await;
    let worker = site.worker(&[]).await;
    site.push(0..20).await;
    site.sent(0..20, []).await;
    site.twilio.stop().await;
    site.push(20..COUNT).await;
    site.sent(0..20, 20..COUNT).await;
    assert_eq!(worker.events("provider_left").len(), 1);
    assert_eq!(site.queue().counter("retried").await, 0);
    stop(&worker).await;
}

/// All are down: the queue waits at no cost, and whoever comes back first sends.
#[tokio::test]
async fn all_down() {
    let site = Site::start().await;
    site.twilio.require_login("somebody", "else");
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let worker = site.worker(&[("AWS_ENDPOINT_URL_SNS", &format!("http://{closed}"))]).await;
    site.push(0..COUNT).await;
    let told = worker.wait_for_event("breaker_opened").await;
    let error = told.json["error"].as_str().expect("an error");
    assert!(error.contains("twilio: ") && error.contains("aws-sns: "), "{error}");
    assert_eq!(site.by_sns(0).await.len(), 0);
    site.twilio.require_login(ACCOUNT, TOKEN);
    site.sent(0..COUNT, []).await;
    assert_eq!((site.queue().counter("retried").await, site.queue().left().await.dead), (0, 0));
    stop(&worker).await;
}
