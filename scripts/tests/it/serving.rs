//! A worker in this process, with a handler of the test's.

use std::future::Future;
use std::thread::JoinHandle;
use std::time::Duration;

use redispatch::config::{Backoff, BackoffKind, WorkerSettings};
use redispatch::worker::Trigger;
use redispatch::{Delivery, Outcome, Receipt, Shutdown, Worker};
use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;
use tokio::sync::oneshot;

/// A worker in this process. Dropped, it dies as a process does.
pub(crate) struct Serving {
    trigger: Trigger,
    kill: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Serves `queue` on a thread and runtime of its own; a retry comes after `retry`. Back when it gave a sign of life.
    pub(crate) async fn start<H, F>(redis: &RedisServer, queue: &str, retry: Duration, handler: H) -> Self
    where
        H: Fn(Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let settings = WorkerSettings {
            backoff: Backoff {
                delay: retry,
                kind: BackoffKind::Fixed,
                max_delay: Duration::from_secs(3600),
                jitter: 0.0,
            },
            poll_interval: Duration::from_millis(50),
            ..WorkerSettings::new(redis.url().parse().expect("an address"))
        };
        let serving = Self::with(queue, settings, handler);
        let workers = format!("queue:{queue}:workers");
        redis.wait_until(&["HLEN", workers.as_str()], |alive| alive.int() > 0, LIMIT).await;
        serving
    }

    /// The same with these settings. Back at once.
    pub(crate) fn with<H, F>(queue: &str, settings: WorkerSettings, handler: H) -> Self
    where
        H: Fn(Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (trigger, shutdown) = Shutdown::manual();
        let worker = Worker::new(queue, settings).expect("usable settings");
        let (kill, killed) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    stopped = worker.run(handler, shutdown) => drop(stopped.expect("a worker that runs")),
                    _ = killed => {}
                }
            });
        });
        Self { trigger, kill: Some(kill), thread: Some(thread) }
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn stop(mut self) {
        self.trigger.drain();
        let thread = self.thread.take().expect("it runs");
        tokio::task::spawn_blocking(|| thread.join()).await.unwrap().expect("it ends well");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.kill.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A handler that sends everything.
pub(crate) async fn sent(_: Delivery) -> Outcome {
    Outcome::Sent(Receipt {
        provider_id: Some("250 queued as 4711".into()),
        provider: Some("test"),
        ..Default::default()
    })
}

/// A handler that never ends.
pub(crate) async fn never(_: Delivery) -> Outcome {
    std::future::pending().await
}
