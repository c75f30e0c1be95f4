//! Keeps the leases of everything in hand, from a thread of its own that no busy send can starve, on a connection
//! that is open only while something is old enough to need it.

use std::sync::Arc;
use std::time::Duration;

use fred::error::Error;
use fred::types::{Key, Value};
use tokio::sync::oneshot;
use tracing::warn;

use super::hand::Held;
use super::shared::Shared;
use crate::clock;
use crate::link::Link;
use crate::place::Place;
use crate::script::{self, EXTEND};
use crate::telemetry::event;

/// Tokens renewed by one call.
const CHUNK: usize = 500;

/// The keeper's thread. It stops when this is dropped.
pub(crate) struct Keeper {
    _stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

impl Keeper {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// The host gives no thread or no runtime; nothing was started.
    pub(crate) fn start(shared: Arc<Shared>, place: Place) -> std::io::Result<Self> {
        let (stop, stopped) = oneshot::channel();
        // Dropped with the thread, however that ends.
        let (alive, ended) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("lease-keeper".into()).spawn(move || {
            let _alive = alive;
            runtime.block_on(async move {
                let link = Link::new(place, "leases").counted(shared.metrics.traffic.clone());
                tokio::select! {
                    () = keep(&shared, &link) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { _stop: stop, ended })
    }

    /// Waits for the thread to end, which it does not do by itself.
    pub(crate) async fn ended(&mut self) {
        let _ = (&mut self.ended).await;
    }
}

/// Each lease is renewed this often.
pub(crate) fn interval(lease: Duration) -> Duration {
    (lease / 3).min(Duration::from_secs(5))
}

async fn keep(shared: &Shared, link: &Link) {
    let interval = interval(shared.settings.lease);
    let mut failed = false;
    loop {
        // After a failure everything is renewed as soon as Redis is back, before anybody may take it over.
        tokio::time::sleep(if failed { interval.min(Duration::from_millis(100)) } else { interval }).await;
        let due = clock::boot_ms().saturating_sub(interval.as_millis() as u64 / 2);
        let old: Vec<_> =
            shared.hand.all().into_iter().filter(|held| failed || held.renewed() <= due).collect();
        if old.is_empty() {
            link.close();
            failed = false;
            continue;
        }
        let mut refused = None;
        for chunk in old.chunks(CHUNK) {
            refused = extend(shared, link, chunk).await.err().or(refused);
        }
        if let Some(error) = refused.as_ref().filter(|_| !failed) {
            warn!(event = event::REDIS_ERROR, script = EXTEND.name, error = %script::describe(error),
                in_hand = old.len(), "leases could not be renewed; trying again until they are");
        }
        failed = refused.is_some();
    }
}

/// Renews the leases of `chunk` once, and marks those that are lost.
///
/// # Errors
///
/// Redis did not answer; the leases may have been renewed all the same.
pub(crate) async fn extend(shared: &Shared, link: &Link, chunk: &[Arc<Held>]) -> Result<(), Error> {
    let sent = clock::boot_ms();
    let keys: Vec<Key> = vec![shared.keys.processing.clone(), shared.keys.messages.clone()];
    let (marked, plain): (Vec<_>, Vec<_>) = chunk.iter().partition(|held| held.is_marked());
    let mut args: Vec<Value> =
        vec![(shared.settings.lease.as_millis() as i64).into(), (marked.len() as i64).into()];
    args.extend(marked.iter().chain(&plain).map(|held| Value::from(held.token.as_str())));
    let gone = script::into_texts(script::run(link, &EXTEND, keys, args).await?);
    for held in chunk {
        if gone.iter().any(|token| token == held.token.as_str()) {
            held.lose();
        } else {
            held.renew(sent);
        }
    }
    Ok(())
}
