use crate::queue::NOTHING;
use crate::site::{Channel, Fault, SHORT_LEASE, Site, stop};

/// Killed with sends under way: each of those may arrive twice, and nobody else; nobody is missing.
pub(super) async fn another_worker_takes_over<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::Hold, 2);
    let mut doomed = site.worker(&[SHORT_LEASE, ("CONCURRENCY", "2")]).await;
    site.push(0..20).await;
    site.channel.held(2).await;
    doomed.sigkill();
    let left = site.queue().left().await;
    assert_eq!((left.processing, left.waiting + left.processing), (2, 20), "{left:?}");

    let other = site.worker(&[SHORT_LEASE]).await;
    other.wait_for_events("message_taken_over", 2).await;
    assert_eq!(site.queue().settled().await, 0);
    stop(&other).await;
    let queue = site.queue();
    assert_eq!((queue.counter("sent").await, queue.counter("taken_over").await), (20, 2));
    assert_eq!(queue.left().await, NOTHING);
    let mut taken = site.channel.taken(20).await;
    assert!(taken.len() <= 22, "{} taken", taken.len());
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 20);
}
