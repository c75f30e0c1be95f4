//! A worker that stands still past its lease and goes on.

use redispatch_testkit::process::Worker;
use redispatch_testkit::smtp::{Act, Rule, Step};

use super::{NOTHING, SHORT_LEASE, Site, stop};

/// Freezes a worker that stalls at `step`, lets another one take over and settle, and thaws the first.
async fn frozen_at(step: Step) -> (Site, Worker, Worker) {
    let site = Site::start().await;
    site.smtp.script(Rule::at(step).times(1).act(Act::Stall));
    let frozen = site.worker(&[SHORT_LEASE]).await;
    site.push_to("a").await;
    site.smtp.stalled(1).await;
    frozen.sigstop();
    let other = site.worker(&[SHORT_LEASE]).await;
    other.wait_for_event("message_taken_over").await;
    site.smtp.received(1).await;
    assert_eq!(site.settled().await, 0);
    site.smtp.release();
    frozen.sigcont();
    frozen.wait_for_event("lease_lost").await;
    (site, frozen, other)
}

#[tokio::test]
async fn frozen_before_the_dot_it_sends_nothing_when_thawed() {
    let (site, frozen, other) = frozen_at(Step::Rcpt).await;
    stop(&frozen).await;
    stop(&other).await;
    assert_eq!(site.smtp.received(1).await.len(), 1);
    assert_eq!((site.counter("sent").await, site.counter("stale_settles").await), (1, 1));
    assert_eq!(site.left().await, NOTHING);
}

/// What no protocol removes: it had the go-ahead before it stood still. Its late settle still changes nothing.
#[tokio::test]
async fn frozen_after_the_dot_its_late_settle_changes_nothing() {
    let (site, frozen, other) = frozen_at(Step::Dot).await;
    stop(&frozen).await;
    stop(&other).await;
    assert_eq!(site.smtp.received(2).await.len(), 2);
    assert_eq!((site.counter("sent").await, site.counter("stale_settles").await), (1, 1));
    assert_eq!(site.left().await, NOTHING);
}
