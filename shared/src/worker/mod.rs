//! The engine: claims messages of one queue, runs a handler for each, and settles what came of it.

mod backoff;
mod begin;
mod breaker;
mod claim;
mod delivery;
mod endpoint;
mod engine;
mod error;
mod hand;
mod health;
mod heartbeat;
mod inspect;
mod intake;
mod keeper;
mod measure;
mod note;
mod progress;
mod schedules;
mod send;
mod service;
mod settle;
mod settlement;
mod several;
mod shared;
mod shutdown;
mod status;
pub(crate) mod sweep;
mod token;
mod wake;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use fred::prelude::ClientLike;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::{error, info, warn};

pub use delivery::{Delivery, TimeUp, Unconfirmed};
pub use error::WorkerError;
pub use several::Workers;
pub use shutdown::{Shutdown, Trigger};
pub(crate) use token::{Token, start_id};

use crate::config::WorkerSettings;
use crate::keys::{Keys, is_queue_name};
use crate::link::{COMMANDS, Link};
use crate::outcome::Outcome;
use crate::place::Place;
use crate::telemetry::event;
use crate::telemetry::metrics::{self, Metrics, Recorder};
use progress::Stage;
use shared::Shared;

/// Handlers that know whom they served are given this long to say so, before they are stopped.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What is stopped at the shutdown limit is given this long to be settled, however short the limit.
const LAST_SETTLES: Duration = Duration::from_secs(1);

/// A worker of one queue.
pub struct Worker {
    queue: String,
    settings: WorkerSettings,
    keys: Keys,
    place: Place,
    registry: Place,
    is_service: bool,
}

/// How a worker ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stopped {
    /// References of messages whose outcome could not be told to Redis: they will be taken over, at one crash each.
    pub unsettled: Vec<String>,
    /// The last claim was never answered: what it may have taken will be taken over, at one crash each.
    pub unanswered: bool,
}

impl Stopped {
    /// Everything this worker took is settled.
    pub fn is_clean(&self) -> bool {
        self.unsettled.is_empty() && !self.unanswered
    }
}

impl Worker {
    /// A worker for `queue`. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`WorkerError::QueueName`], [`WorkerError::Redis`].
    pub fn new(queue: &str, settings: WorkerSettings) -> Result<Self, WorkerError> {
        if !is_queue_name(queue) {
            return Err(WorkerError::QueueName(queue.to_owned()));
        }
        let config = settings.redis.to_fred().map_err(|fault| WorkerError::Redis(fault.to_string()))?;
        let keys = Keys::new(&settings.prefix, queue, settings.redis.is_cluster());
        let place = Place::new(config.clone(), &keys.control);
        let registry = Place::new(config, &keys.queues());
        Ok(Self { queue: queue.to_owned(), settings, keys, place, registry, is_service: false })
    }

    /// Says that this worker is all of its process: the service manager that started it, if one did, is told how the worker
    /// is, by systemd's protocol ([`Manager`](crate::service::Manager)). Ready it is as soon as it runs, wherever Redis is.
    #[must_use]
    pub fn as_service(self) -> Self {
        Self { is_service: true, ..self }
    }

    /// Connects to Redis and looks at it as [`Worker::run`] does at its start. Gives the server's name and version.
    ///
    /// # Errors
    ///
    /// [`WorkerError::Redis`] where it cannot be reached, else as [`Worker::run`].
    pub async fn check(&self) -> Result<String, WorkerError> {
        let link = Link::new(self.place.clone(), "check");
        let away = |error| WorkerError::Redis(crate::script::describe(&error));
        let live = link.client().await.map_err(away)?;
        let _: String = live.client.ping(None).await.map_err(away)?;
        let server = inspect::inspect(&live.client, &self.settings).await?;
        inspect::layout(&live.client, &self.keys).await?;
        Ok(server)
    }

    /// Runs `handler` for every message until told to stop, at most `settings.concurrency` at a time.
    ///
    /// - Redis away, at the start or later, is waited for.
    /// - With `settings.http_addr` it answers `/healthz`, `/readyz` and `/metrics` there meanwhile.
    /// - The future of a handler that is still running at the end of the shutdown limit is dropped, 300 ms after
    ///   [`Delivery::time_is_up`] told it.
    ///
    /// # Errors
    ///
    /// - [`WorkerError::Layout`]: what was in hand was seen out.
    /// - [`WorkerError::Version`], [`WorkerError::Cluster`], [`WorkerError::Eviction`],
    ///   [`WorkerError::Http`],
    ///   [`WorkerError::Keeper`]: nothing was claimed.
    /// - [`WorkerError::Broken`]: a fault of this library; what was in hand will be taken over.
    pub async fn run<H, F>(self, handler: H, shutdown: Shutdown) -> Result<Stopped, WorkerError>
    where
        H: Fn(Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let recorder = self.settings.http_addr.map(|_| metrics::recorder());
        let (is_service, prepared) = (self.is_service, self.prepare(recorder.as_ref()));
        let _server = match prepared.shared.settings.http_addr.zip(recorder) {
            Some((addr, recorder)) => Some(endpoint::start(addr, vec![prepared.shared.clone()], recorder)?),
            None => None,
        };
        let _service = is_service.then(|| service::start(vec![prepared.shared.clone()], shutdown.clone()));
        prepared.run(handler, shutdown).await
    }

    /// Everything that can be asked before the worker runs.
    fn prepare(self, recorder: Option<&Arc<Recorder>>) -> Prepared {
        let Self { queue, settings, keys, place, registry, is_service: _ } = self;
        let (settle, finished) = mpsc::unbounded_channel();
        let metrics = Metrics::new(&queue, recorder);
        let link = Link::new(place.clone(), COMMANDS).counted(metrics.traffic.clone());
        let shared = Arc::new(Shared::new(&queue, keys, settings, link, metrics, settle));
        Prepared { shared, place, registry, finished }
    }
}

/// A worker about to run.
struct Prepared {
    shared: Arc<Shared>,
    place: Place,
    registry: Place,
    finished: mpsc::UnboundedReceiver<settlement::Settlement>,
}

impl Prepared {
    /// As [`Worker::run`].
    async fn run<H, F>(self, handler: H, shutdown: Shutdown) -> Result<Stopped, WorkerError>
    where
        H: Fn(Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let Self { shared, place, registry, finished } = self;
        let queue = shared.queue.as_str();
        info!(
            event = event::WORKER_STARTED,
            queue,
            worker = shared.worker,
            concurrency = shared.settings.concurrency,
            version = env!("CARGO_PKG_VERSION"),
            "started"
        );
        // Ends with this function, however that ends.
        let mut ticking = JoinSet::new();
        let turning = shared.clone();
        ticking.spawn(async move { turning.progress.tick().await });
        let mut stop = shutdown.clone();
        if stop.or(connected(&shared)).await {
            return Ok(Stopped::default());
        }
        if let Ok(live) = shared.link.client().await {
            inspect::inspect(&live.client, &shared.settings).await?;
            inspect::layout(&live.client, &shared.keys).await?;
        }
        shared.progress.enter(Stage::Running);
        let mut keeper = keeper::Keeper::start(shared.clone(), place.clone())?;
        let mut settling = tokio::spawn(settle::run(shared.clone(), finished));
        let upkeep = [
            tokio::spawn(heartbeat::run(shared.clone(), registry)),
            tokio::spawn(schedules::run(shared.clone())),
            tokio::spawn(sweep::run(shared.clone())),
        ];
        let wakers = wake::Wakers::new(&shared, &place);
        info!(event = event::WORKER_READY, queue, worker = shared.worker, "ready");
        let mut claiming =
            tokio::spawn(engine::run(shared.clone(), Arc::new(handler), wakers, shutdown.clone()));
        let ended = tokio::select! {
            biased;
            () = stop.draining() => Ended::Asked,
            ended = &mut claiming => match ended {
                Ok(Some(layout)) => Ended::Newer(layout),
                // It may have seen the signal a moment before us.
                _ if stop.is_draining() => Ended::Asked,
                _ => Ended::Broken("claim loop"),
            },
            _ = &mut settling => Ended::Broken("settler"),
            () = keeper.ended() => Ended::Broken("lease keeper"),
        };
        let (stopped, failed) = match ended {
            Ended::Asked => (Some(drain(&shared, claiming, shutdown).await), None),
            Ended::Newer(layout) => {
                let failed = WorkerError::Layout(layout);
                error!(event = event::REDIS_ERROR, queue, error = %failed, "no more claims");
                upkeep[1..].iter().for_each(JoinHandle::abort);
                (Some(drain(&shared, claiming, shutdown).await), Some(failed))
            }
            // What is in hand is taken over once its leases have lapsed, which nobody renews any more.
            Ended::Broken(part) => {
                claiming.abort();
                shared.hand.stop_all();
                (None, Some(WorkerError::Broken(part)))
            }
        };
        let clean = stopped.as_ref().is_some_and(Stopped::is_clean);
        if clean {
            let _ = tokio::time::timeout(Duration::from_secs(1), heartbeat::stop(&shared)).await;
        }
        drop(keeper);
        settling.abort();
        for task in upkeep {
            task.abort();
        }
        shared.link.close();
        info!(event = event::WORKER_STOPPED, queue, worker = shared.worker, clean, "stopped");
        failed.map_or_else(|| Ok(stopped.unwrap_or_default()), Err)
    }
}

/// Why a worker claims no more.
enum Ended {
    /// It was told to stop.
    Asked,
    /// A newer version has changed the layout of the keys.
    Newer(String),
    /// A part of it ended that never ends by itself.
    Broken(&'static str),
}

/// Waits for Redis.
async fn connected(shared: &Shared) {
    let mut pause = Duration::from_millis(20);
    let mut said = false;
    while let Err(error) = shared.link.client().await {
        if !std::mem::replace(&mut said, true) {
            warn!(event = event::REDIS_ERROR, url = %shared.settings.redis.url,
                error = %crate::script::describe(&error), "waiting for Redis");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

/// Sees everything in hand out.
async fn drain(shared: &Shared, mut claiming: Claiming, mut stop: Shutdown) -> Stopped {
    shared.progress.enter(Stage::Draining);
    let limit = shared.settings.shutdown_timeout;
    info!(event = event::WORKER_DRAINING, queue = %shared.queue, in_hand = shared.hand.len(),
        limit_ms = limit.as_millis() as u64, "no more claims; sends in flight may end");
    let end = Instant::now() + limit;
    // The last part of the limit is for settling what has to be stopped.
    let reserve = (limit / 5).min(Duration::from_secs(2));
    tokio::select! {
        () = sends_ended(shared, &mut claiming) => {}
        () = tokio::time::sleep_until(end - reserve) => {}
        () = stop.stopped() => {}
    }
    shared.stopping.send_replace(true);
    let _ = tokio::time::timeout(LAST_WORDS, no_send(shared)).await;
    stop_sends(shared);
    let end = end.max(Instant::now() + LAST_SETTLES);
    let _ = tokio::time::timeout_at(end, async {
        // What a claim under way brings goes back too.
        claimed(&mut claiming).await;
        stop_sends(shared);
        settled(shared).await;
    })
    .await;
    let unanswered = !claiming.is_finished();
    claiming.abort();
    if unanswered {
        error!(event = event::CLAIM_UNANSWERED, queue = %shared.queue,
            "the last claim was not answered; what it may have taken is taken over by another worker");
    }
    let unsettled: Vec<_> = shared.hand.all().iter().map(|held| held.token.reference().to_owned()).collect();
    if !unsettled.is_empty() {
        error!(event = event::WORKER_UNSETTLED, queue = %shared.queue, count = unsettled.len(), refs = ?unsettled,
            "Redis could not be told what became of these; another worker takes them over");
    }
    Stopped { unsettled, unanswered }
}

/// Stops every running handler and settles what it was sending: back to the front of its lane, or in doubt.
fn stop_sends(shared: &Shared) {
    let mut stopped = shared.hand.stop_all();
    // Newest first, so that the oldest ends up at the very front.
    stopped.sort_unstable_by_key(|held| std::cmp::Reverse(held.token.number));
    for held in stopped {
        let outcome = match send::unanswered(&held, TimeUp::Shutdown.to_string()) {
            Outcome::Retry(_) => Outcome::Unconfirmed,
            in_doubt => in_doubt,
        };
        send::finish(shared, &held, outcome);
    }
}

/// The claim loop; it gives the layout of the keys where that is newer.
type Claiming = JoinHandle<Option<String>>;

async fn claimed(claiming: &mut Claiming) {
    if !claiming.is_finished() {
        let _ = claiming.await;
    }
}

async fn sends_ended(shared: &Shared, claiming: &mut Claiming) {
    claimed(claiming).await;
    no_send(shared).await;
}

async fn no_send(shared: &Shared) {
    while shared.hand.sending() > 0 {
        shared.slots.notified().await;
    }
}

async fn settled(shared: &Shared) {
    while shared.hand.len() > 0 {
        shared.slots.notified().await;
    }
}
