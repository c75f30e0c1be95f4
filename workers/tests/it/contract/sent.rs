use crate::site::{Channel, Site, stop};

pub(super) async fn every_field_arrives_as_written<C: Channel>() {
    let site = Site::<C>::start().await;
    site.push(0..3).await;
    let worker = site.worker(&[]).await;
    site.all_sent_once(3).await;
    let sent = worker.wait_for_events("message_sent", 3).await;
    assert!(sent.iter().all(|line| line.json["provider"] == C::PROVIDER), "{sent:?}");
    assert!(sent.iter().all(|line| line.json["provider_id"].is_string()), "{sent:?}");
    stop(&worker).await;
    let queue = site.queue();
    assert_eq!((queue.counter("retried").await, queue.counter("dead_lettered").await), (0, 0));
    assert_eq!(site.channel.attempts(), 3);
}
