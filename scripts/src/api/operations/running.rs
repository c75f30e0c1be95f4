//! One operation, from its begin to its end.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use redispatch::queue::{DeadAction, Progress, Queue, QueueError, Stopped};
use redispatch::telemetry::{event, mask};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::{Operation, Order};
use crate::api::Api;
use crate::dead::{past, what_is_done, word};

/// So long an operation that waits for its next letter may take to notice that it is to stop.
const GRACE: Duration = Duration::from_millis(600);

/// One operation.
pub(super) struct Running {
    shown: Mutex<Operation>,
    began: Instant,
    stop: watch::Sender<bool>,
    stage: watch::Sender<Stage>,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Stage {
    /// Perhaps somebody else is at work.
    Asked,
    AtWork,
    Ended,
    /// Somebody else is at work: nothing was done.
    Refused,
}

/// How moving many letters ended; nothing where it was dropped.
type Ended = Option<Result<Result<u64, Stopped>, Box<dyn Any + Send>>>;

impl Running {
    pub(super) fn new(id: String, queue: &str, began: i64, order: &Order) -> Self {
        let shown = Operation {
            id,
            kind: word(order.action),
            queue: queue.to_owned(),
            filter: order.filter.clone(),
            limit: order.selector.limit,
            per_second: order.per_second,
            state: "running",
            stopping: false,
            moved: 0,
            looked_at: None,
            total: None,
            began,
            ended: None,
            error: None,
        };
        let (stop, stage) = (watch::Sender::new(false), watch::Sender::new(Stage::Asked));
        Self { shown: Mutex::new(shown), began: Instant::now(), stop, stage }
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Operation> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stage(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    pub(super) fn is_running(&self) -> bool {
        *self.stage.borrow() < Stage::Ended
    }

    /// Moves nothing more from now on.
    pub(super) fn stop(&self) {
        self.shown().stopping = self.is_running();
        self.stop.send_replace(true);
    }

    pub(super) async fn run(self: Arc<Self>, api: Arc<Api>, queue: Queue, order: Order) {
        let work = AssertUnwindSafe(self.go(&queue, &order)).catch_unwind();
        // At a pace the next letter may be long in coming; without one the others are to be put in order first.
        let given_up = async {
            let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
            match order.per_second {
                Some(_) => sleep(GRACE).await,
                None => std::future::pending().await,
            }
        };
        let ended = tokio::select! {
            ended = work => Some(ended),
            () = given_up => None,
        };
        api.groupings.forget(queue.name());
        self.end(order.action, ended);
    }

    async fn go(&self, queue: &Queue, order: &Order) -> Result<u64, Stopped> {
        let (selector, action) = (&order.selector, order.action);
        match order.per_second {
            Some(pace) => queue.move_dead_slowly(selector, action, pace, |so_far| self.told(so_far)).await,
            None => queue.move_dead(selector, action, |so_far| self.told(so_far)).await,
        }
    }

    fn told(&self, Progress { moved, looked_at, total }: Progress) -> ControlFlow<()> {
        let mut shown = self.shown();
        (shown.moved, shown.looked_at, shown.total) = (moved, Some(looked_at), Some(total));
        drop(shown);
        self.stage.send_if_modified(|stage| std::mem::replace(stage, Stage::AtWork) != Stage::AtWork);
        if *self.stop.borrow() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn end(&self, action: DeadAction, ended: Ended) {
        let mut stage = Stage::Ended;
        let mut shown = self.shown();
        let stopped = if *self.stop.borrow() { "stopped" } else { "done" };
        (shown.state, shown.error) = match ended {
            Some(Ok(Ok(moved))) => {
                shown.moved = moved;
                (stopped, None)
            }
            Some(Ok(Err(failed))) => {
                if !failed.begun && matches!(failed.error, QueueError::Busy(_)) {
                    stage = Stage::Refused;
                }
                shown.moved = failed.moved;
                ("failed", Some(in_words(action, &failed)))
            }
            Some(Err(_)) => ("failed", Some("a bug: the log says where; start it again".to_owned())),
            None => (stopped, Some(format!("one more may have been {}", past(action)))),
        };
        shown.stopping = false;
        shown.ended = Some(shown.began + self.began.elapsed().as_millis() as i64);
        let Operation { id, kind, queue, state, moved, .. } = &*shown;
        let error = shown.error.as_deref().unwrap_or_default();
        info!(event = event::OPERATION_ENDED, id, kind, queue, state, moved, error, "an operation ended");
        drop(shown);
        self.stage.send_replace(stage);
    }
}

/// What went wrong, what state that left, and one thing to do.
fn in_words(action: DeadAction, failed: &Stopped) -> String {
    let cause = failed.error.to_string();
    let done = match failed.begun {
        true => what_is_done(action, failed),
        false => "nothing was changed".to_owned(),
    };
    format!("{}; {done}; start it again", mask::text(&cause))
}
