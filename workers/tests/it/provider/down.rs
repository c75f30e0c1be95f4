//! Twilio is away for a while, with 200 messages waiting and few retries to spend.

use redispatch_testkit::process::Worker;
use redispatch_testkit::twilio::{Answer, Rule};

use crate::site::stop;

use super::Site;

const COUNT: usize = 200;

async fn start() -> (Site, Worker) {
    let site = Site::start().await;
    let worker = site.worker(&[("MAX_RETRIES", "3")]).await;
    // the way there works
    site.push([0]).await;
    site.all_sent_once(1).await;
    (site, worker)
}

async fn back(site: &Site, worker: &Worker) {
    site.end_pause().await;
    worker.wait_for_event("breaker_closed").await;
    site.all_sent_once(COUNT).await;
    stop(worker).await;
    assert_eq!(site.queue().counter("dead_lettered").await, 0);
}

#[tokio::test]
async fn refusing_connections() {
    let (mut site, worker) = start().await;
    site.channel.server.stop().await;
    site.push(1..COUNT).await;
    let told = worker.wait_for_event("breaker_opened").await;
    assert_eq!(told.json["kind"], "unreachable", "{}", told.raw);
    for opened in 2..=4 {
        site.end_pause().await;
        worker.wait_for_events("breaker_opened", opened).await;
    }
    site.channel.server.restart().await;
    back(&site, &worker).await;
    assert_eq!(site.queue().counter("retried").await, 0);
}

#[tokio::test]
async fn answering_503() {
    let (site, worker) = start().await;
    site.channel.server.script(Rule::answer(Answer::status(503, "<html>no</html>")));
    site.push(1..COUNT).await;
    let told = worker.wait_for_event("breaker_opened").await;
    assert_eq!(told.json["kind"], "unavailable", "{}", told.raw);
    for _ in 0..3 {
        site.failed_probe(&worker).await;
    }
    site.channel.server.behave();
    back(&site, &worker).await;
    let retried = site.queue().counter("retried").await;
    assert!(retried <= 5, "{retried} retries spent");
}
