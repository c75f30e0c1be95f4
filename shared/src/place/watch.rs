//! Sentinels are asked who the primary is while there are connections to it, too: one that was replaced by order, or that
//! they could not reach, takes claims and settles for another ten seconds and does not say that nobody looks at them.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::ask;
use super::guide::{ASK_LIMIT, Shared};

const INTERVAL: Duration = Duration::from_millis(500);

/// Starts to ask, unless somebody does already. It ends with the guide.
pub(super) fn start(guide: &Arc<Shared>) {
    if !guide.watched.swap(true, Relaxed) {
        tokio::spawn(watch(Watching(Arc::downgrade(guide))));
    }
}

/// That somebody asks, until this is dropped, with its runtime if need be.
struct Watching(Weak<Shared>);

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(guide) = self.0.upgrade() {
            guide.watched.store(false, Relaxed);
        }
    }
}

async fn watch(watching: Watching) {
    let mut turn = 0;
    loop {
        sleep(INTERVAL).await;
        let Some(guide) = watching.0.upgrade() else { return };
        let servers = guide.servers();
        let server = servers[turn % servers.len()].clone();
        turn += 1;
        let Ok(connection) = ask::connect(&guide, &server).await else { continue };
        drop(guide);
        // As long as one answers, it is the only one that is asked.
        loop {
            let Some(guide) = watching.0.upgrade() else { return };
            let asked = timeout(ASK_LIMIT, connection.ask(&guide, &server)).await;
            if asked.ok().and_then(Result::ok).and_then(|answer| guide.heed(answer, false).ok()).is_none() {
                break;
            }
            drop(guide);
            sleep(INTERVAL).await;
        }
    }
}
