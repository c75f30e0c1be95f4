use crate::queue::{Left, NOTHING};
use crate::site::{Channel, Fault, SHORT_LEASE, Site, stop};

const KEEP: (&str, &str) = ("ON_IN_DOUBT", "dead_letter");

pub(super) async fn it_is_sent_again<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::NoAnswer, 1);
    let worker = site.worker(&[]).await;
    site.push([0]).await;
    assert_eq!(site.channel.taken(2).await, [C::sent(0), C::sent(0)]);
    assert_eq!(site.queue().settled().await, 0);
    stop(&worker).await;
    assert_eq!((site.queue().counter("sent").await, site.channel.attempts()), (1, 2));
    assert_eq!(site.queue().left().await, NOTHING);
}

pub(super) async fn it_is_kept_for_the_operator<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::NoAnswer, 1);
    let worker = site.worker(&[KEEP]).await;
    site.push([0]).await;
    worker.wait_for_event("message_dead_lettered").await;
    kept(&site).await;
    stop(&worker).await;
    assert_eq!(site.channel.attempts(), 1);
}

/// Between the request and the answer. The worker that takes over knows that it may have been accepted.
pub(super) async fn killed_while_in_doubt_it_is_never_sent_again<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::Hold, 1);
    let mut doomed = site.worker(&[KEEP, SHORT_LEASE]).await;
    site.push([0]).await;
    site.channel.held(1).await;
    doomed.sigkill();
    assert_eq!(site.queue().left().await, Left { processing: 1, messages: 1, ..NOTHING });

    let other = site.worker(&[KEEP, SHORT_LEASE]).await;
    other.wait_for_event("message_dead_lettered").await;
    kept(&site).await;
    stop(&other).await;
    assert_eq!(site.channel.attempts(), 1);
    assert_eq!(site.queue().counter("taken_over").await, 1);
}

async fn kept<C: Channel>(site: &Site<C>) {
    assert_eq!(site.queue().settled().await, 1);
    let letters = site.queue().dead_letters().await;
    assert_eq!(letters[0]["_delivery"]["reason"], "in_doubt");
    assert!(!letters[0]["_delivery"]["error"].as_str().unwrap().is_empty());
    assert_eq!(site.queue().left().await, Left { dead: 1, ..NOTHING });
    assert_eq!(site.queue().counter("sent").await, 0);
}
