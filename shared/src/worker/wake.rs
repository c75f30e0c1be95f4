//! Sleeps in `BRPOPLPUSH` until a message arrives. What the pop moves into `claimed` is simply the front of the
//! queue: a crash between the wake-up and the next claim loses nothing and leaves nothing to clean.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use bytes::Bytes;
use fred::error::ErrorKind;
use fred::interfaces::{ClientInterface, ClientLike, ListInterface};
use fred::types::config::Options;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tracing::debug;

use super::shared::Shared;
use crate::clock;
use crate::keys::Lane;
use crate::link::{Link, breaks_connection};
use crate::place::Place;
use crate::script;

/// How long Redis blocks a pop, and how long its answer may take beyond that before the connection is given up.
const BLOCK: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(2);

/// How long a refused pop waits for the next: at `maxmemory` Redis refuses every one.
const REFUSED: Duration = Duration::from_secs(1);

/// The blocked pops of a worker: one for `pending`, one for `pending:high`, each on a connection of its own.
pub(crate) struct Wakers {
    poppers: Vec<Popper>,
    woken: mpsc::UnboundedReceiver<Lane>,
}

struct Popper {
    /// Pops while this is set; cleared by a message and by `disarm`.
    wanted: Arc<AtomicBool>,
    rouse: Arc<Notify>,
    /// Redis's id of the connection while a pop is blocked on it, else 0.
    blocked: Arc<AtomicI64>,
    task: JoinHandle<()>,
}

impl Wakers {
    pub(crate) fn new(shared: &Arc<Shared>, place: &Place) -> Self {
        let (tell, woken) = mpsc::unbounded_channel();
        let poppers = [Lane::Pending, Lane::High].map(|lane| {
            let link = Link::new(place.clone(), "wake-up").counted(shared.metrics.traffic.clone());
            Popper::start(shared.clone(), link, lane, tell.clone())
        });
        Self { poppers: poppers.into(), woken }
    }

    /// Starts the pops that are not blocked already.
    pub(crate) fn arm(&self) {
        for popper in &self.poppers {
            if !popper.wanted.swap(true, Relaxed) {
                popper.rouse.notify_one();
            }
        }
    }

    /// Ends the blocked pops: this worker could not take what they would bring.
    pub(crate) async fn disarm(&self, shared: &Shared) {
        for popper in &self.poppers {
            popper.wanted.store(false, Relaxed);
            let id = popper.blocked.swap(0, Relaxed);
            if id != 0
                && let Ok(live) = shared.link.client().await
            {
                // A pop that ends by itself meanwhile has put its message into `claimed`, where it is not lost.
                let _ = live.client.client_unblock::<i64, _>(id, None).await;
            }
        }
    }

    /// Waits for a message to arrive, and gives the lane it came from.
    pub(crate) async fn woken(&mut self) -> Lane {
        match self.woken.recv().await {
            Some(lane) => lane,
            None => std::future::pending().await,
        }
    }

    /// Forgets wake-ups that a claim has answered meanwhile.
    pub(crate) fn forget(&mut self) -> Option<Lane> {
        let mut last = None;
        while let Ok(lane) = self.woken.try_recv() {
            last = Some(lane);
        }
        last
    }
}

impl Drop for Wakers {
    fn drop(&mut self) {
        for popper in &self.poppers {
            popper.task.abort();
        }
    }
}

impl Popper {
    fn start(shared: Arc<Shared>, link: Link, lane: Lane, tell: mpsc::UnboundedSender<Lane>) -> Self {
        let (wanted, rouse, blocked) = <(Arc<AtomicBool>, Arc<Notify>, Arc<AtomicI64>)>::default();
        let (more, roused, id) = (wanted.clone(), rouse.clone(), blocked.clone());
        let task = tokio::spawn(async move {
            let mut connection = None;
            loop {
                while !more.load(Relaxed) {
                    roused.notified().await;
                }
                let popped = pop(&shared, &link, lane, &mut connection, &id).await;
                id.store(0, Relaxed);
                if popped {
                    more.store(false, Relaxed);
                    let _ = tell.send(lane);
                }
            }
        });
        Self { wanted, rouse, blocked, task }
    }
}

/// One blocked pop. True when something may have arrived: also after a lost connection, where a look is cheap.
async fn pop(
    shared: &Shared,
    link: &Link,
    lane: Lane,
    connection: &mut Option<(u64, i64)>,
    blocked: &AtomicI64,
) -> bool {
    let Ok(live) = link.client().await else {
        tokio::time::sleep(Duration::from_millis(200)).await;
        return false;
    };
    let id = match *connection {
        Some((generation, id)) if generation == live.generation => id,
        _ => match live.client.client_id::<i64>().await {
            Ok(id) => id,
            Err(error) if breaks_connection(&error) => {
                link.discard(live.generation);
                return false;
            }
            // A pop that cannot be named cannot be ended early, and that is all.
            Err(_) => 0,
        },
    };
    *connection = Some((live.generation, id));
    blocked.store(id, Relaxed);
    let client = live.client.clone();
    let from = shared.keys.lane(lane).clone();
    let to = shared.keys.claimed.clone();
    let options = Options { timeout: Some(BLOCK + GRACE), ..Options::default() };
    let started = clock::boot_ms();
    match client.with_options(&options).brpoplpush::<Option<Bytes>, _, _>(from, to, BLOCK.as_secs_f64()).await
    {
        Ok(message) => message.is_some(),
        Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::NotFound) => {
            if clock::boot_ms() - started > (BLOCK + GRACE / 2).as_millis() as u64 {
                link.discard(live.generation);
            }
            false
        }
        Err(error) if error.details().starts_with("UNBLOCKED") => {
            link.discard(live.generation);
            false
        }
        Err(error) if breaks_connection(&error) => {
            link.discard(live.generation);
            true
        }
        Err(error) => {
            debug!(error = %script::describe(&error), "Redis refuses to block; only polls see new messages for now");
            tokio::time::sleep(REFUSED).await;
            false
        }
    }
}
