//! A worker that a test steers message by message.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use redispatch::config::{Backoff, BackoffKind, WorkerSettings};
use redispatch::worker::{Stopped, Trigger, WorkerError};
use redispatch::{Delivery, Failure, Outcome, Receipt, Shutdown, Worker};
use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

pub(crate) const QUEUE: &str = "q";
pub(crate) const PENDING: &str = "queue:q:pending";

/// `queue:q:<name>`
pub(crate) fn key(name: &str) -> String {
    format!("queue:{QUEUE}:{name}")
}

/// Settings in which nothing takes long but the lease.
pub(crate) fn settings(url: &str) -> WorkerSettings {
    WorkerSettings {
        concurrency: 4,
        backoff: Backoff {
            delay: Duration::from_millis(10),
            kind: BackoffKind::Fixed,
            max_delay: Duration::from_secs(60),
            jitter: 0.0,
        },
        poll_interval: Duration::from_millis(50),
        shutdown_timeout: Duration::from_secs(10),
        ..WorkerSettings::new(url.parse().expect("an address"))
    }
}

/// A worker on a thread and runtime of its own, so that it can die as a process does.
pub(crate) struct Running {
    trigger: Trigger,
    kill: Option<oneshot::Sender<()>>,
    ended: oneshot::Receiver<Option<Result<Stopped, WorkerError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start<H, F>(settings: WorkerSettings, handler: H) -> Self
    where
        H: Fn(Delivery) -> F + Send + Sync + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (trigger, shutdown) = Shutdown::manual();
        let (kill, killed) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let worker = Worker::new(QUEUE, settings).expect("usable settings");
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let stopped = runtime.block_on(async {
                tokio::select! {
                    stopped = worker.run(handler, shutdown) => Some(stopped),
                    _ = killed => None,
                }
            });
            // Everything the worker had started ends here.
            drop(runtime);
            let _ = end.send(stopped);
        });
        Self { trigger, kill: Some(kill), ended, thread: Some(thread) }
    }

    pub(crate) fn drain(&self) {
        self.trigger.drain();
    }

    pub(crate) fn stop_now(&self) {
        self.trigger.stop_now();
    }

    /// How it ended, told to stop or not.
    pub(crate) async fn ended(mut self) -> Result<Stopped, WorkerError> {
        let ended = timeout(LIMIT, &mut self.ended).await.expect("the worker ends in time");
        ended.expect("the worker's thread did not panic").expect("it was not killed")
    }

    /// Tells it to stop, and expects that nothing is left unsettled.
    pub(crate) async fn stop(self) {
        self.drain();
        assert_eq!(self.ended().await.expect("it ran"), Stopped::default());
    }

    /// Ends it in the middle of everything, as SIGKILL does.
    pub(crate) fn kill(mut self) {
        self.end_now();
    }

    fn end_now(&mut self) {
        drop(self.kill.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end_now();
    }
}

/// Where the messages of a steered worker arrive, one [`Sending`] each.
pub(crate) struct Desk {
    arrive: mpsc::UnboundedSender<Sending>,
    arrived: mpsc::UnboundedReceiver<Sending>,
    pub(crate) log: Log,
}

/// A message whose handler waits for the test's answer.
pub(crate) struct Sending {
    pub(crate) delivery: Delivery,
    answer: oneshot::Sender<Outcome>,
    log: Log,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let (arrive, arrived) = mpsc::unbounded_channel();
        Self { arrive, arrived, log: Log::default() }
    }

    /// A worker whose handler asks this desk.
    pub(crate) fn worker(&self, settings: WorkerSettings) -> Running {
        let (arrive, log) = (self.arrive.clone(), self.log.clone());
        Running::start(settings, move |delivery| {
            let (arrive, log) = (arrive.clone(), log.clone());
            async move {
                let (answer, answered) = oneshot::channel();
                let _ = arrive.send(Sending { delivery, answer, log });
                match answered.await {
                    Ok(outcome) => outcome,
                    // The test let it go without an answer: this send never ends.
                    Err(_) => std::future::pending().await,
                }
            }
        })
    }

    /// The next message to be sent.
    pub(crate) async fn next(&mut self) -> Sending {
        let next = timeout(LIMIT, self.arrived.recv()).await.expect("a message arrives in time");
        next.expect("the desk holds a sender itself")
    }

    /// The next `count` messages, which have to be in hand together.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Sending> {
        let mut taken = Vec::with_capacity(count);
        while taken.len() < count {
            taken.push(self.next().await);
        }
        taken
    }

    /// Accepts the next `count` messages, one after the other, and gives their numbers in that order.
    pub(crate) async fn accept(&mut self, count: usize) -> Vec<i64> {
        let mut numbers = Vec::with_capacity(count);
        for _ in 0..count {
            let sending = self.next().await;
            numbers.push(sending.number());
            sending.accept();
        }
        numbers
    }

    /// Every message that is being offered now.
    pub(crate) fn rest(&mut self) -> Vec<Sending> {
        std::iter::from_fn(|| self.arrived.try_recv().ok()).collect()
    }

    /// No message is being offered now.
    pub(crate) fn is_empty(&mut self) -> bool {
        self.arrived.try_recv().is_err()
    }
}

impl Sending {
    pub(crate) fn number(&self) -> i64 {
        number(self.delivery.bytes())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(self.delivery.bytes()).expect("JSON")
    }

    /// The provider accepts.
    pub(crate) fn accept(self) {
        self.log.accepted(self.number());
        self.answer(sent());
    }

    pub(crate) fn answer(self, outcome: Outcome) {
        let _ = self.answer.send(outcome);
    }

    pub(crate) fn fail(self) {
        self.answer(Outcome::Retry(Failure::new("refused for now")));
    }
}

/// What the provider has accepted, in order.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<i64>>>);

impl Log {
    pub(crate) fn accepted(&self, number: i64) {
        self.0.lock().unwrap().push(number);
    }

    pub(crate) fn numbers(&self) -> Vec<i64> {
        self.0.lock().unwrap().clone()
    }

    /// A worker that gets everything accepted at once.
    pub(crate) fn worker(&self, settings: WorkerSettings) -> Running {
        let log = self.clone();
        Running::start(settings, move |delivery| {
            log.accepted(number(delivery.bytes()));
            async { sent() }
        })
    }
}

pub(crate) fn sent() -> Outcome {
    Outcome::Sent(Receipt::default())
}

/// The field `n` of a message.
pub(crate) fn number(bytes: &[u8]) -> i64 {
    let json: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    json["n"].as_i64().unwrap_or_else(|| panic!("no number in {}", bytes.escape_ascii()))
}

/// Pushes `{"n":0}` to `{"n":count - 1}`.
pub(crate) async fn push_numbers(redis: &RedisServer, count: usize) {
    push_each(redis, PENDING, (0..count).map(|n| format!(r#"{{"n":{n}}}"#))).await;
}

pub(crate) async fn push_each(redis: &RedisServer, list: &str, messages: impl Iterator<Item = String>) {
    let commands: Vec<_> =
        messages.map(|message| vec!["LPUSH".to_owned(), list.to_owned(), message]).collect();
    for reply in redis.connect().await.pipeline(&commands).await.expect("Redis answers") {
        reply.int();
    }
}

pub(crate) async fn push(redis: &RedisServer, message: &str) {
    redis.command(&["LPUSH", PENDING, message]).await.int();
}

/// Redis's clock, ms.
pub(crate) async fn now(redis: &RedisServer) -> i64 {
    let time = redis.command(&["TIME"]).await;
    let part = |i: usize| time.array()[i].text().parse::<i64>().unwrap();
    part(0) * 1000 + part(1) / 1000
}

/// Redis's clock, read without asking it: ahead of it by as much as the first look took.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    /// µs since 1970.
    first: i64,
    looked: tokio::time::Instant,
}

impl Clock {
    pub(crate) async fn of(redis: &RedisServer) -> Self {
        let looked = tokio::time::Instant::now();
        let time = redis.command(&["TIME"]).await;
        let part = |i: usize| time.array()[i].text().parse::<i64>().unwrap();
        Self { first: part(0) * 1_000_000 + part(1), looked }
    }

    /// Ms since 1970.
    pub(crate) fn now(&self) -> i64 {
        (self.first + self.looked.elapsed().as_micros() as i64) / 1000
    }
}
