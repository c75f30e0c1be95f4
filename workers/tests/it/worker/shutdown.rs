//! SIGTERM with sends in flight.

use std::time::Duration;

use redispatch_testkit::proxy::Proxy;
use redispatch_testkit::smtp::{Act, Rule, Step};

use super::{LIMIT, Left, NOTHING, PENDING, SHORT_LEASE, Site, served, stop, text};

/// A second signal counts as one from a second on; nothing but the clock tells when that is.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(1100);

#[tokio::test]
async fn once_and_sends_in_flight_finish_while_the_rest_waits_on() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).act(Act::Stall));
    let worker = site.worker(&[("CONCURRENCY", "3")]).await;
    for n in 0..10 {
        site.push_to(&format!("a{n}")).await;
    }
    site.smtp.stalled(3).await;
    worker.sigterm();
    worker.wait_for_event("worker_draining").await;
    site.smtp.behave();
    site.smtp.release();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
    let served_by_first = served(&site.smtp.received(3).await);
    assert_eq!(served_by_first, ["a0@example.com", "a1@example.com", "a2@example.com"]);
    assert_eq!(site.left().await, Left { waiting: 7, ..NOTHING });
    assert_eq!(worker.events("worker_stopped").len(), 1);

    let next = site.worker(&[]).await;
    assert_eq!(served(&site.mails(10).await).len(), 10);
    stop(&next).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 10));
}

/// What has not come to the dot goes back to the front in its old order and at no cost; what may have been
/// accepted is in doubt and waits for its retry.
#[tokio::test]
async fn twice_and_it_stops_at_once() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Rcpt).act(Act::Stall));
    site.smtp.script(Rule::at(Step::Dot).act(Act::Stall));
    let worker = site.worker(&[("CONCURRENCY", "3"), ("RETRY_DELAY_MS", "600000")]).await;
    site.push_to("doubt").await;
    site.smtp.stalled(1).await;
    site.smtp.behave();
    site.smtp.script(Rule::at(Step::Dot).act(Act::Stall));
    site.smtp.script(Rule::at(Step::Rcpt).act(Act::Stall));
    site.smtp.release();
    site.push_to("a0").await;
    site.push_to("a1").await;
    site.push_to("a2").await;
    site.smtp.stalled(3).await;
    worker.sigterm();
    worker.wait_for_event("worker_draining").await;
    tokio::time::sleep(BETWEEN_SIGNALS).await;
    worker.sigterm();
    assert_eq!(worker.wait_exit(Duration::from_secs(5)).await.code(), Some(0));
    assert_eq!(site.left().await, Left { waiting: 3, delayed: 1, messages: 1, ..NOTHING });
    // A pop that was blocking when a2 came has moved it to `claimed`.
    let mut front = Vec::new();
    for list in ["queue:email:claimed", PENDING] {
        let messages = site.redis.command(&["LRANGE", list, "0", "-1"]).await;
        front.extend(messages.array().iter().map(|message| message.text().to_owned()));
    }
    assert_eq!(front, ["a2", "a1", "a0"].map(super::message_to), "to the byte, oldest at the right");
    let doubtful = site.redis.command(&["HVALS", "queue:email:messages"]).await;
    let doubtful = text(doubtful.array()[0].bytes()).to_owned();
    assert!(
        doubtful.contains(r#""to":"doubt@example.com""#) && doubtful.contains(r#""retries":1"#),
        "{doubtful}"
    );
    assert!(site.smtp.received(0).await.is_empty());
}

#[tokio::test]
async fn a_limit_that_passes_is_like_a_second_signal() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Data).times(1).act(Act::Stall));
    let worker = site.worker(&[("SHUTDOWN_TIMEOUT_MS", "500")]).await;
    site.push_to("a").await;
    site.smtp.stalled(1).await;
    worker.sigterm();
    assert_eq!(worker.wait_exit(Duration::from_secs(5)).await.code(), Some(0));
    assert_eq!(site.left().await, Left { waiting: 1, ..NOTHING });
    let next = site.worker(&[]).await;
    assert_eq!(served(&site.mails(1).await), ["a@example.com"]);
    stop(&next).await;
    assert_eq!(site.left().await, NOTHING);
}

/// The mail is out, Redis cannot be told: the list, exit 1, and another worker sends it again.
#[tokio::test]
async fn with_redis_away() {
    let site = Site::start().await;
    let proxy = Proxy::start(site.redis.addr());
    site.smtp.script(Rule::at(Step::Rcpt).times(2).act(Act::Stall));
    let settings = [SHORT_LEASE, ("SHUTDOWN_TIMEOUT_MS", "1500"), ("PROCESSING_TIMEOUT_MS", "5000")];
    let worker = site.worker_at(&proxy.url(), &settings);
    worker.wait_for_event("worker_ready").await;
    site.push_to("a").await;
    site.push_to("b").await;
    site.smtp.stalled(2).await;
    proxy.refuse();
    worker.sigterm();
    worker.wait_for_event("worker_draining").await;
    site.smtp.release();
    assert_eq!(worker.wait_exit(Duration::from_secs(10)).await.code(), Some(1));
    let unsettled = worker.wait_for_event("worker_unsettled").await;
    assert_eq!(unsettled.json["count"], 2);
    for mail in site.smtp.received(2).await {
        let reference = super::header(&mail, "Message-ID").replace("%2E", ".");
        let reference = reference.trim_start_matches('<').split(".ref@").next().unwrap().to_owned();
        assert!(unsettled.json["refs"].as_str().unwrap().contains(&reference), "{}", unsettled.raw);
    }
    assert_eq!(site.left().await, Left { processing: 2, messages: 2, ..NOTHING });

    let next = site.worker(&[SHORT_LEASE]).await;
    let mails = site.mails(4).await;
    assert_eq!(served(&mails), ["a@example.com", "a@example.com", "b@example.com", "b@example.com"]);
    stop(&next).await;
    assert_eq!((site.left().await, site.counter("sent").await), (NOTHING, 2));
}

#[tokio::test]
async fn idle_and_before_redis_was_ever_there() {
    let mut site = Site::start().await;
    let worker = site.worker(&[]).await;
    stop(&worker).await;
    site.redis.kill();
    let waiting = site.worker_at(&site.redis.url(), &[]);
    waiting.wait_for_event("redis_error").await;
    stop(&waiting).await;
}

#[tokio::test]
async fn a_server_that_never_answers_quit_holds_nobody() {
    let site = Site::start().await;
    site.smtp.script(Rule::at(Step::Quit).act(Act::Stall));
    let worker = site.worker(&[]).await;
    site.push_to("a").await;
    assert_eq!(site.mails(1).await.len(), 1);
    worker.sigterm();
    assert_eq!(worker.wait_exit(Duration::from_secs(5)).await.code(), Some(0));
    assert_eq!(site.left().await, NOTHING);
}

/// Worker after worker is replaced while messages come in: each message is sent once.
#[tokio::test]
async fn a_rolling_restart_under_load() {
    let site = Site::start().await;
    let mut worker = site.worker(&[]).await;
    for round in 1..=4 {
        for n in 0..100 {
            site.push_to(&format!("r{round}n{n}")).await;
        }
        site.smtp.received(100 * round - 60).await;
        worker.sigterm();
        let next = site.worker(&[]).await;
        assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
        worker = next;
    }
    let mut everybody = served(&site.mails(400).await);
    everybody.dedup();
    assert_eq!(everybody.len(), 400);
    stop(&worker).await;
    assert_eq!(
        (site.left().await, site.counter("sent").await, site.counter("taken_over").await),
        (NOTHING, 400, 0)
    );
}
