//! What the dashboard shows as it happens: looked at once, told to all who listen.

mod alerts;
mod events;
mod held;
mod history;
mod overview;
mod rates;
mod sample;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore, watch};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Api;
use history::History;
use overview::Overview;

pub(crate) use sample::watch;

/// Streams at a time: the other connections are for those who ask, health checks above all.
const STREAMS: usize = 128;

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new()
        .routes(routes!(events::events))
        .routes(routes!(events::overview))
        .routes(routes!(history::history))
        .routes(routes!(held::held))
}

/// What was seen last, and who wants to hear of it.
pub(super) struct Live {
    told: watch::Sender<Told>,
    /// Somebody wants a look now.
    wanted: Notify,
    streams: Arc<Semaphore>,
    history: Mutex<History>,
}

/// What all who listen are told.
#[derive(Clone, Default)]
struct Told {
    /// When the look began, boot clock, ms; 0 before the first.
    looked: u64,
    /// Goes up when something has changed.
    version: u64,
    overview: Arc<Overview>,
    /// The same as an event of a stream.
    event: Bytes,
    /// The server stops.
    over: bool,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            told: watch::Sender::new(Told::default()),
            wanted: Notify::new(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            history: Mutex::default(),
        }
    }
}

impl Live {
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody listens.
    fn is_watched(&self) -> bool {
        self.streams.available_permits() < STREAMS
    }
}
