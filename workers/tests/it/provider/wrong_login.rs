//! Twilio answers 401 to everything while a thousand messages wait.

use crate::queue::{Left, NOTHING};
use crate::site::{Channel, SHORT_LEASE, Twilio, stop};

use super::Site;

const COUNT: usize = 1000;
const PROBES: usize = 5;

/// A queue whose worker has met the refusal and failed a few probes.
async fn refused() -> (Site, redispatch_testkit::process::Worker) {
    let site = Site::start().await;
    site.channel.server.require_login("somebody", "else");
    site.push(0..COUNT).await;
    let worker = site.worker(&[("MAX_RETRIES", "1"), SHORT_LEASE]).await;
    let told = worker.wait_for_event("breaker_opened").await;
    assert_eq!((&told.json["kind"], &told.json["code"]), (&"config".into(), &"20003".into()), "{}", told.raw);
    assert_eq!(told.json["pause_ms"], 1000);
    for pause_ms in [2000, 4000, 8000, 16_000, 30_000] {
        assert_eq!(site.failed_probe(&worker).await.json["pause_ms"], pause_ms);
    }
    (site, worker)
}

#[tokio::test]
async fn nothing_is_lost_and_hardly_anything_asked() {
    let (site, worker) = refused().await;
    site.queue().wait_for(Left { waiting: COUNT as i64, ..NOTHING }).await;
    let requests = site.channel.server.count();
    assert!(requests <= Twilio::<crate::site::Sms>::CONCURRENCY + PROBES, "{requests} requests");
    let key = site.queue().key("pending");
    for message in site.redis.command(&["LRANGE", &key, "0", "-1"]).await.array() {
        assert!(!message.text().contains("retries"), "{}", message.text());
    }
    assert_eq!(site.queue().counter("retried").await, 0);
    let why = site.queue().control("breaker_why").await.unwrap();
    assert!(why.contains("TWILIO_ACCOUNT_SID") && why.contains("20003"), "{why}");

    let check = site.check().await;
    let told = String::from_utf8(check.stdout).unwrap();
    assert_eq!(check.status.code(), Some(1), "{told}");
    assert!(told.contains("sms       FAILED: ") && told.contains("TWILIO_AUTH_TOKEN"), "{told}");

    site.channel.server.require_login(crate::site::ACCOUNT, crate::site::TOKEN);
    site.end_pause().await;
    worker.wait_for_event("breaker_closed").await;
    sent_once(&site).await;
    assert_eq!(site.check().await.status.code(), Some(0));
    stop(&worker).await;
}

/// A worker that was started with better settings does not wait for the end of the pause.
#[tokio::test]
async fn a_worker_with_better_settings_tries_at_once() {
    let (site, worker) = refused().await;
    stop(&worker).await;
    site.channel.server.require_login(crate::site::ACCOUNT, "another word");
    let better = site.worker(&[("TWILIO_AUTH_TOKEN", "another word")]).await;
    better.wait_for_event("breaker_closed").await;
    sent_once(&site).await;
    stop(&better).await;
}

/// Refusals are no sends: what was accepted is counted.
async fn sent_once(site: &Site) {
    site.all_sent_once(COUNT).await;
    assert_eq!((site.channel.server.accepted().len(), site.queue().counter("retried").await), (COUNT, 0));
    assert_eq!(site.queue().control("breaker").await, None);
}
