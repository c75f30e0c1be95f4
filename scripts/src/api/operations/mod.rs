//! `/api/v1/operations`: changes of many dead letters, which outlast the request that asked for them.

mod order;
mod routes;
mod running;

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redispatch::Shutdown;
use redispatch::queue::{DeadAction, Queue, QueueError, Selector};
use serde::Serialize;
use tokio::time::{sleep, timeout};
use utoipa::ToSchema;

use super::error::ApiError;
use super::{Api, ENDING_LIMIT};
use crate::dead::Filter;
pub(super) use routes::routes;
use running::{Running, Stage};

/// Of those that ended the newest are kept, so that there are as many in all.
const KEPT: usize = 20;

/// So long an answer waits to hear that nobody else is at work on the letters.
const WAIT: Duration = Duration::from_secs(1);

/// So long it waits for the end of what takes no time.
const MOMENT: Duration = Duration::from_millis(100);

/// A change of many dead letters. Times are ms since 1970 by Redis's clock.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Operation {
    pub(crate) id: String,
    /// `requeue` or `purge`
    #[schema(example = "requeue")]
    pub(crate) kind: &'static str,
    pub(crate) queue: String,
    /// Which are meant; all where nothing is set
    pub(crate) filter: Filter,
    /// No more than so many, the oldest
    pub(crate) limit: Option<u64>,
    /// No more than so many a second
    pub(crate) per_second: Option<f64>,
    /// `running`, `done`, `stopped` or `failed`
    #[schema(example = "running")]
    pub(crate) state: &'static str,
    /// It was told to stop: nothing more is moved, and the letters that stay are put in their old order
    pub(crate) stopping: bool,
    /// How many were moved so far
    pub(crate) moved: u64,
    /// How many were looked at so far, where that is known
    pub(crate) looked_at: Option<u64>,
    /// How many there are to look at, where that is known
    pub(crate) total: Option<u64>,
    pub(crate) began: i64,
    pub(crate) ended: Option<i64>,
    /// What went wrong, what state that left, and what to do
    pub(crate) error: Option<String>,
}

/// What to do with many letters.
pub(super) struct Order {
    filter: Filter,
    selector: Selector,
    action: DeadAction,
    per_second: Option<f64>,
}

/// The operations of this server.
#[derive(Default)]
pub(crate) struct Operations(Mutex<State>);

#[derive(Default)]
struct State {
    /// The newest at the end.
    all: VecDeque<Arc<Running>>,
    count: u64,
    /// Queues whose letters are put right, after somebody was broken off.
    mending: BTreeSet<String>,
    /// The server stops.
    closed: bool,
}

impl Operations {
    /// The newest first.
    pub(crate) fn list(&self) -> Vec<Operation> {
        self.state().all.iter().rev().map(|running| running.shown().clone()).collect()
    }

    fn one(&self, id: &str) -> Result<Arc<Running>, ApiError> {
        let found = self.state().all.iter().find(|running| running.shown().id == id).cloned();
        let message = "there is no such operation; the last ones are known as long as the server runs";
        found.ok_or_else(|| ApiError::not_found("unknown_operation", message))
    }

    /// Begins one, where nobody else is at work on the dead letters of the queue.
    async fn start(
        &self,
        api: &Arc<Api>,
        queue: Queue,
        began: i64,
        order: Order,
    ) -> Result<Operation, ApiError> {
        let running = self.reserve(api, queue.name(), began, &order)?;
        let mut stage = running.stage();
        tokio::spawn(running.clone().run(api.clone(), queue, order));
        let _ = timeout(WAIT, stage.wait_for(|stage| *stage != Stage::Asked)).await;
        let _ = timeout(MOMENT, stage.wait_for(|stage| *stage >= Stage::Ended)).await;
        if *stage.borrow() == Stage::Refused {
            self.state().all.retain(|other| !Arc::ptr_eq(other, &running));
            return Err(QueueError::Busy(0).into());
        }
        Ok(running.shown().clone())
    }

    fn reserve(&self, api: &Api, queue: &str, began: i64, order: &Order) -> Result<Arc<Running>, ApiError> {
        let mut state = self.state();
        if state.closed {
            let message = "this server stops; ask the next one";
            return Err(ApiError::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "stopping", message));
        }
        let is_at_work = |other: &&Arc<Running>| other.is_running() && other.shown().queue == queue;
        if let Some(other) = state.all.iter().find(is_at_work) {
            let message = format!("operation {} is at work on these dead letters", other.shown().id);
            return Err(ApiError::busy(message));
        }
        state.count += 1;
        let id = format!("{:x}-{}", api.started, state.count);
        let running = Arc::new(Running::new(id, queue, began, order));
        state.all.push_back(running.clone());
        while state.all.len() > KEPT {
            let Some(oldest) = state.all.iter().position(|running| !running.is_running()) else { break };
            state.all.remove(oldest);
        }
        Ok(running)
    }

    /// Puts the letters of a queue in their order again, in the background: somebody who moved many was broken off.
    pub(super) fn mend(&self, api: &Arc<Api>, name: &str) {
        let Ok(queue) = api.client.queue(name) else { return };
        if !self.state().mending.insert(name.to_owned()) {
            return;
        }
        let (api, name) = (api.clone(), name.to_owned());
        tokio::spawn(async move {
            // Who asks next begins anew where this fails.
            let _ = queue.mend_dead().await;
            api.groupings.forget(&name);
            api.operations.state().mending.remove(&name);
        });
    }

    /// Once the server stops: no operation begins, and those under way end in order, as far as there is time.
    pub(crate) async fn end(&self, mut shutdown: Shutdown) {
        shutdown.draining().await;
        let running: Vec<_> = {
            let mut state = self.state();
            state.closed = true;
            state.all.iter().filter(|running| running.is_running()).cloned().collect()
        };
        running.iter().for_each(|running| running.stop());
        let ended = async {
            for running in &running {
                let _ = running.stage().wait_for(|stage| *stage >= Stage::Ended).await;
            }
        };
        tokio::select! {
            () = ended => {}
            () = sleep(ENDING_LIMIT) => {}
            () = shutdown.stopped() => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
