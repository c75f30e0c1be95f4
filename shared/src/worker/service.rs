//! Tells the service manager how the workers of this process are, from a thread of its own that no busy send can starve.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::warn;

use super::endpoint::look;
use super::health::{Health, judge};
use super::shared::Shared;
use super::shutdown::Shutdown;
use crate::service::{Manager, State};
use crate::telemetry::event;

/// The thread. Dropped, it tells what is left to tell, and ends.
pub(crate) struct Service {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Tells the manager that started this process, if one did, that `workers` are ready, and from then on how they are.
pub(crate) fn start(workers: Vec<Arc<Shared>>, shutdown: Shutdown) -> Option<Service> {
    let manager = Manager::from_env()?;
    let failed = |error: &std::io::Error| {
        warn!(event = event::SERVICE_UNTOLD, %error, "the service manager cannot be told how this process is");
    };
    spawn(manager, workers, shutdown).inspect_err(failed).ok()
}

fn spawn(manager: Manager, workers: Vec<Arc<Shared>>, shutdown: Shutdown) -> std::io::Result<Service> {
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let limit = workers.iter().map(|worker| worker.settings.shutdown_timeout).max().unwrap_or(Duration::ZERO);
    let thread = std::thread::Builder::new().name("service".into()).spawn(move || {
        let _ = runtime.block_on(manager.attend(stopped, || state(&workers), shutdown, limit));
    })?;
    Ok(Service { stop: Some(stop), thread: Some(thread) })
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn state(workers: &[Arc<Shared>]) -> State {
    together(workers.iter().map(|worker| (worker.queue.as_str(), judge(&look(worker)))).collect())
}

/// Alive if all are. What the first one says that is not, or else not ready; what is served where all are.
fn together(all: Vec<(&str, Health)>) -> State {
    let alive = all.iter().all(|(_, health)| health.alive);
    let worst =
        all.iter().find(|(_, health)| !health.alive).or_else(|| all.iter().find(|(_, health)| !health.ready));
    let status = match worst {
        Some((queue, health)) => format!("{queue}: {}", health.reason),
        None => {
            let queues: Vec<_> = all.iter().map(|(queue, _)| *queue).collect();
            format!("serving {}", queues.join(", "))
        }
    };
    State { alive, status }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(alive: bool, ready: bool, reason: &str) -> Health {
        Health { alive, ready, reason: reason.to_owned() }
    }

    #[test]
    fn alive_if_all_are_and_the_worst_is_told() {
        let well = || ("mail", health(true, true, "idle"));
        let away = || ("lab", health(true, false, "Redis is away"));
        let stuck = || ("own", health(false, false, "stuck"));
        for (all, alive, status) in [
            (vec![well()], true, "serving mail"),
            (vec![well(), well()], true, "serving mail, mail"),
            (vec![well(), away()], true, "lab: Redis is away"),
            (vec![well(), away(), stuck()], false, "own: stuck"),
        ] {
            assert_eq!(together(all), State { alive, status: status.to_owned() });
        }
    }
}
