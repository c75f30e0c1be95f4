//! The worker that tries whether the provider works again dies while it tries.

use redispatch_testkit::twilio::{Answer, Rule};

use crate::site::{SHORT_LEASE, stop};

use super::Site;

#[tokio::test]
async fn another_worker_closes_the_breaker() {
    let site = Site::start().await;
    site.channel.server.script(Rule::answer(Answer::error(401, 20003)));
    site.push(0..100).await;
    let mut doomed = site.worker(&[SHORT_LEASE]).await;
    doomed.wait_for_event("breaker_opened").await;
    // there before the probe, so that it is no new worker which tries at once
    let other = site.worker(&[SHORT_LEASE]).await;
    other.wait_for_event("breaker_opened").await;
    site.open().await;
    other.sigstop();

    site.channel.server.behave();
    site.channel.server.script(Rule::answer(Answer::Stall).times(1));
    site.end_pause().await;
    site.channel.server.stalled(1).await;
    doomed.sigkill();
    other.sigcont();
    other.wait_for_event("breaker_closed").await;
    assert_eq!(site.queue().settled().await, 0);
    stop(&other).await;
    assert_eq!((site.channel.server.accepted().len(), site.queue().counter("sent").await), (100, 100));
    assert_eq!(site.queue().counter("retried").await, 0);
    assert_eq!(site.queue().left().await, crate::queue::NOTHING);
}
