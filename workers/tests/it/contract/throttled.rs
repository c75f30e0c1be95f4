use std::time::{Duration, Instant};

use redispatch_testkit::{LIMIT, eventually};

use crate::site::{Channel, Fault, Site, stop};

/// One of two workers is asked to wait: the other one waits too, whatever its own last try says.
pub(super) async fn nobody_sends_meanwhile_and_nobody_pays<C: Channel>() {
    let site = Site::<C>::start().await;
    site.channel.script(Fault::Throttle, 1);
    // where the provider does not say how long, it is this long
    let settings = [("MAX_RETRIES", "1"), ("CONCURRENCY", "1"), ("RETRY_DELAY_MS", "1000")];
    let (one, other) = tokio::join!(site.worker(&settings), site.worker(&settings));
    site.push([0]).await;
    let told = async || site.queue().control("throttled_until").await;
    eventually("everybody is asked to wait", LIMIT, told, Option::is_some).await;
    let since = Instant::now();
    site.push(1..20).await;
    site.channel.taken(1).await;
    let waited = since.elapsed();
    assert!(waited > Duration::from_millis(600), "{waited:?}");
    site.all_sent_once(20).await;
    let told = one.events("queue_throttled").len() + other.events("queue_throttled").len();
    assert!(told > 0, "the log says so");
    stop(&one).await;
    stop(&other).await;
    assert_eq!((site.queue().counter("retried").await, site.channel.attempts()), (0, 21));
}
