//! Several queues in one process.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::task::JoinSet;
use tracing::error;

use super::progress::Stage;
use super::{Delivery, Prepared, Shutdown, Stopped, Worker, WorkerError, endpoint, service};
use crate::config::WorkerSettings;
use crate::outcome::Outcome;
use crate::telemetry::{event, metrics};

type Ended = Pin<Box<dyn Future<Output = Result<Stopped, WorkerError>> + Send>>;

/// Workers of several queues in one process, each with settings, connections and a concurrency of its own: a queue that
/// is full, paused, or whose Redis is away holds up none of the others.
#[derive(Default)]
pub struct Workers {
    entries: Vec<Entry>,
    is_service: bool,
}

struct Entry {
    queue: String,
    role: String,
    settings: WorkerSettings,
    run: Box<dyn FnOnce(Prepared, Shutdown) -> Ended + Send>,
}

impl Workers {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the worker of `queue`. `role` is a name that queues share which are to be served by the same processes:
    /// `high`, `notification`.
    pub fn add<H, F>(&mut self, queue: &str, role: &str, settings: WorkerSettings, handler: H) -> &mut Self
    where
        H: Fn(Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let run = move |prepared: Prepared, shutdown| -> Ended { Box::pin(prepared.run(handler, shutdown)) };
        let entry = Entry { queue: queue.to_owned(), role: role.to_owned(), settings, run: Box::new(run) };
        self.entries.push(entry);
        self
    }

    /// As [`Worker::as_service`], for all of them together: alive if all are.
    pub fn as_service(&mut self) -> &mut Self {
        self.is_service = true;
        self
    }

    /// Keeps only the queues of these roles: a comma list of roles and names of queues, as `WORKER_ROLE` has it. With a
    /// reader: `reader.parsed("WORKER_ROLE", |roles| workers.choose(roles))`.
    ///
    /// # Errors
    ///
    /// Which ones there are, where one of the list is neither or the list is empty. Nothing was changed.
    pub fn choose(&mut self, roles: &str) -> Result<(), String> {
        let chosen: Vec<_> = roles.split(',').map(str::trim).filter(|role| !role.is_empty()).collect();
        let is = |entry: &Entry, role: &str| entry.role == role || entry.queue == role;
        let known = |role: &&str| self.entries.iter().any(|entry| is(entry, role));
        if chosen.is_empty() || !chosen.iter().all(known) {
            let mut names: Vec<_> = self.entries.iter().map(|entry| entry.role.as_str()).collect();
            names.extend(self.entries.iter().map(|entry| entry.queue.as_str()));
            let mut seen = std::collections::HashSet::new();
            names.retain(|name| !name.is_empty() && seen.insert(*name));
            return Err(format!("write a comma list of roles or queues: {}", names.join(", ")));
        }
        self.entries.retain(|entry| chosen.iter().any(|role| is(entry, role)));
        Ok(())
    }

    /// The queues that are to be served, in the order they were added.
    pub fn queues(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.queue.as_str())
    }

    /// Runs all of them as [`Worker::run`] does until told to stop, and gives what none of them could settle. Those that
    /// name the same `http_addr` answer there together: alive and ready if all are, with the metrics of all.
    ///
    /// # Errors
    ///
    /// - [`WorkerError::QueueName`], [`WorkerError::Redis`], [`WorkerError::Twice`], [`WorkerError::Http`]: nothing was
    ///   started.
    /// - [`WorkerError::Queue`]: this one failed at its start or later, and all others were drained.
    pub async fn run(self, mut shutdown: Shutdown) -> Result<Stopped, WorkerError> {
        let (trigger, told) = Shutdown::manual();
        let mut recorders = HashMap::new();
        let mut served: HashMap<SocketAddr, Vec<_>> = HashMap::new();
        let mut ready: Vec<(Prepared, _)> = Vec::new();
        for Entry { queue, settings, run, .. } in self.entries {
            if ready.iter().any(|(prepared, _)| prepared.shared.queue == queue) {
                return Err(WorkerError::Twice(queue));
            }
            let addr = settings.http_addr;
            let recorder = addr.map(|addr| &*recorders.entry(addr).or_insert_with(metrics::recorder));
            let prepared = Worker::new(&queue, settings)?.prepare(recorder);
            if let Some(addr) = addr {
                served.entry(addr).or_default().push(prepared.shared.clone());
            }
            ready.push((prepared, run));
        }
        let servers: Result<Vec<_>, _> = served
            .into_iter()
            .map(|(addr, workers)| endpoint::start(addr, workers, recorders[&addr].clone()))
            .collect();
        let _servers = servers?;
        let all = ready.iter().map(|(prepared, _)| prepared.shared.clone()).collect();
        let _service = self.is_service.then(|| service::start(all, shutdown.clone()));
        let mut running = JoinSet::new();
        for (prepared, run) in ready {
            let (shared, told) = (prepared.shared.clone(), told.clone());
            running.spawn(async move {
                let ended = run(prepared, told).await;
                shared.progress.enter(Stage::Stopped);
                (shared.queue.clone(), ended)
            });
        }
        let (mut all, mut failed) = (Stopped::default(), None);
        let (mut draining, mut stopping) = (false, false);
        let mut at_once = shutdown.clone();
        loop {
            tokio::select! {
                ended = running.join_next() => match ended {
                    None => break,
                    Some(Ok((_, Ok(stopped)))) => {
                        all.unsettled.extend(stopped.unsettled);
                        all.unanswered |= stopped.unanswered;
                    }
                    Some(Ok((queue, Err(error)))) => {
                        error!(event = event::WORKER_STOPPED, queue, %error, "failed; the others are drained");
                        failed.get_or_insert(WorkerError::Queue { queue, error: Box::new(error) });
                        trigger.drain();
                    }
                    Some(Err(_)) => {
                        failed.get_or_insert(WorkerError::Broken("worker"));
                        trigger.drain();
                    }
                },
                () = shutdown.draining(), if !draining => {
                    draining = true;
                    trigger.drain();
                }
                () = at_once.stopped(), if !stopping => {
                    stopping = true;
                    trigger.stop_now();
                }
            }
        }
        failed.map_or(Ok(all), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workers() -> Workers {
        let mut workers = Workers::new();
        for (queue, role) in [("reminders", "high"), ("lab", "high"), ("mail", "low"), ("own", "")] {
            let settings = WorkerSettings::new("redis://127.0.0.1:1/0".parse().unwrap());
            workers.add(queue, role, settings, |_| async { Outcome::Unconfirmed });
        }
        workers
    }

    fn chosen(roles: &str) -> Result<Vec<String>, String> {
        let mut workers = workers();
        workers.choose(roles)?;
        Ok(workers.queues().map(str::to_owned).collect())
    }

    #[test]
    fn roles_and_queues_choose() {
        assert_eq!(workers().queues().count(), 4);
        assert_eq!(chosen("high").unwrap(), ["reminders", "lab"]);
        assert_eq!(chosen(" own , low,").unwrap(), ["mail", "own"]);
        assert_eq!(chosen("lab,high,lab").unwrap(), ["reminders", "lab"]);
        for wrong in ["hihg", "high,mial", ",", "HIGH"] {
            assert_eq!(
                chosen(wrong).unwrap_err(),
                "write a comma list of roles or queues: high, low, reminders, lab, mail, own"
            );
        }
    }

    #[tokio::test]
    async fn a_queue_is_not_served_twice() {
        let mut workers = workers();
        let settings = WorkerSettings::new("redis://127.0.0.1:1/0".parse().unwrap());
        workers.add("lab", "low", settings, |_| async { Outcome::Unconfirmed });
        let error = workers.run(Shutdown::manual().1).await.unwrap_err();
        assert!(matches!(error, WorkerError::Twice(queue) if queue == "lab"));
    }
}
