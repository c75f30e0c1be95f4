//! Senders that Twilio refuses: one message's own, and the one out of the settings.

use redispatch_testkit::twilio::{Answer, Rule};
use serde_json::json;

use crate::queue::{Left, NOTHING};
use crate::site::{FROM, number, stop};

use super::Site;

const OWN: &str = "+15005550999";

#[tokio::test]
async fn a_message_whose_own_sender_is_refused_harms_nobody_else() {
    for code in [21606, 21212] {
        let site = Site::start().await;
        site.channel.server.script(Rule::answer(Answer::error(400, code)).with("From", OWN));
        site.push(0..500).await;
        let own = json!({"to": number(5000), "body": "x", "from": OWN}).to_string();
        site.queue().push(&[own]).await;
        site.push(500..1000).await;
        let worker = site.worker(&[]).await;
        worker.wait_for_event("message_dead_lettered").await;
        assert_eq!(site.queue().settled().await, 1);
        stop(&worker).await;
        let letters = site.queue().dead_letters().await;
        let record = &letters[0]["_delivery"];
        assert_eq!((&letters[0]["from"], &record["reason"]), (&OWN.into(), &"reject".into()));
        assert_eq!(record["code"], code.to_string());
        assert_eq!(site.channel.server.accepted().len(), 1000);
        assert_eq!((site.channel.server.count(), site.queue().counter("sent").await), (1001, 1000));
        assert!(worker.events("breaker_opened").is_empty());
        assert_eq!(site.queue().left().await, Left { dead: 1, ..NOTHING });
    }
}

/// The first message may be refused for its recipient's sake; a second one tells that the settings are wrong.
#[tokio::test]
async fn the_default_sender_is_wrong_once_two_messages_were_refused() {
    let site = Site::start().await;
    site.channel.server.script(Rule::answer(Answer::error(400, 21606)).with("From", FROM));
    let worker = site.worker(&[("MAX_RETRIES", "1")]).await;
    site.push([0]).await;
    // the same message again and again
    site.channel.server.requests(3).await;
    assert!(worker.events("breaker_opened").is_empty());
    assert_ne!(site.queue().control("breaker").await.as_deref(), Some("open"));

    site.push([1]).await;
    let told = worker.wait_for_event("breaker_opened").await;
    assert_eq!((&told.json["kind"], &told.json["code"]), (&"sender".into(), &"21606".into()), "{}", told.raw);
    site.failed_probe(&worker).await;
    let queue = site.queue();
    assert_eq!((queue.counter("retried").await, queue.counter("dead_lettered").await), (0, 0));

    site.channel.server.behave();
    site.end_pause().await;
    site.all_sent_once(2).await;
    stop(&worker).await;
}
