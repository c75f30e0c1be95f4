use crate::queue::{Left, NOTHING};
use crate::site::{Channel, Fault, Site, stop};

pub(super) async fn a_message_refused_for_good_is_kept_with_the_reason<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::Refuse, 1);
    let worker = site.worker(&[]).await;
    site.push([0]).await;
    worker.wait_for_event("message_dead_lettered").await;
    assert_eq!(site.queue().settled().await, 1);
    let letters = site.queue().dead_letters().await;
    let record = &letters[0]["_delivery"];
    assert_eq!((&record["reason"], &record["class"]), (&"reject".into(), &"reject".into()));
    assert_eq!((&record["code"], &record["provider"]), (&C::CODES[1].into(), &C::PROVIDER.into()));
    assert!(!record["error"].as_str().unwrap().is_empty());
    stop(&worker).await;
    assert_eq!((site.queue().counter("retried").await, site.channel.attempts()), (0, 1));
    assert_eq!(site.queue().left().await, Left { dead: 1, ..NOTHING });
}

/// Even where one failure would be the last one.
pub(super) async fn a_refused_login_costs_nothing_and_all_are_sent_when_put_right<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::Login, usize::MAX);
    let worker = site.worker(&[("MAX_RETRIES", "1")]).await;
    site.push(0..50).await;
    let opened = worker.wait_for_event("breaker_opened").await;
    assert_eq!((&opened.json["code"], &opened.json["provider"]), (&C::CODES[2].into(), &C::PROVIDER.into()));
    site.queue().wait_for(Left { waiting: 50, ..NOTHING }).await;
    assert_eq!(site.queue().control("breaker").await.as_deref(), Some("open"));
    let why = site.queue().control("breaker_why").await.unwrap();
    assert!(why.contains(C::CODES[2]), "{why}");
    let attempts = site.channel.attempts();
    assert!(attempts <= C::CONCURRENCY + 1, "{attempts} requests");

    site.channel.behave();
    worker.wait_for_event("breaker_closed").await;
    site.all_sent_once(50).await;
    stop(&worker).await;
    assert_eq!((site.queue().control("breaker").await, site.queue().counter("retried").await), (None, 0));
    let log: Vec<_> = worker.log().into_iter().map(|line| line.raw).collect();
    assert!(!log.concat().contains("secret-word"), "{log:#?}");
}
