//! Several queues in one process.

use std::time::Duration;

use redispatch::config::{QueueSettings, WorkerSettings};
use redispatch::job::{self, Job, JobError, NewJob};
use redispatch::queue::Queue;
use redispatch::worker::{Stopped, Trigger, WorkerError};
use redispatch::{Shutdown, Workers};
use redispatch_testkit::prometheus::assert_good_metrics;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Port, eventually, http};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::kit::Task;
use crate::engine::kit::settings;

/// A process with some queues; what each of them runs arrives here as queue and number.
struct Process {
    workers: Workers,
    arrive: mpsc::UnboundedSender<(&'static str, i64)>,
    arrived: mpsc::UnboundedReceiver<(&'static str, i64)>,
}

struct Started {
    trigger: Trigger,
    ended: JoinHandle<Result<Stopped, WorkerError>>,
    arrived: mpsc::UnboundedReceiver<(&'static str, i64)>,
}

impl Process {
    fn new() -> Self {
        let (arrive, arrived) = mpsc::unbounded_channel();
        Self { workers: Workers::new(), arrive, arrived }
    }

    fn with(mut self, queue: &'static str, role: &str, settings: WorkerSettings) -> Self {
        let arrive = self.arrive.clone();
        let run = move |job: Job<Task>| {
            let _ = arrive.send((queue, job.payload.n));
            async { Ok::<_, JobError>(()) }
        };
        self.workers.add(queue, role, settings, job::handler(run));
        self
    }

    fn start(self) -> Started {
        let (trigger, shutdown) = Shutdown::manual();
        Started { trigger, ended: tokio::spawn(self.workers.run(shutdown)), arrived: self.arrived }
    }
}

impl Started {
    async fn next(&mut self) -> (&'static str, i64) {
        timeout(LIMIT, self.arrived.recv()).await.expect("a job runs in time").expect("its worker lives")
    }

    async fn ended(self) -> Result<Stopped, WorkerError> {
        timeout(LIMIT, self.ended).await.expect("it ends in time").expect("it does not panic")
    }

    async fn stop(self) {
        self.trigger.drain();
        assert_eq!(self.ended().await.unwrap(), Stopped::default());
    }
}

async fn add(redis: &RedisServer, queue: &str, n: i64) {
    let settings = QueueSettings::new(redis.url().parse().unwrap());
    let job = NewJob::new(&Task { n }).unwrap().id(format!("{queue}-{n}"));
    assert!(Queue::new(queue, settings).unwrap().add(job).await.unwrap().created);
}

#[tokio::test]
async fn one_process_serves_the_queues_of_its_roles() {
    let redis = RedisServer::start().await;
    let mut process = Process::new();
    for (queue, role) in [("reminders", "high"), ("lab", "high"), ("mail", "low")] {
        process = process.with(queue, role, settings(&redis.url()));
        add(&redis, queue, 1).await;
    }
    process.workers.choose("high").unwrap();
    let mut started = process.start();
    let mut ran = [started.next().await, started.next().await];
    ran.sort_unstable();
    assert_eq!(ran, [("lab", 1), ("reminders", 1)]);
    let mut other = Process::new().with("mail", "low", settings(&redis.url())).start();
    assert_eq!(other.next().await, ("mail", 1), "nobody had touched it");
    started.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn one_address_answers_for_all_its_queues() {
    let (redis, mut away) = (RedisServer::start().await, RedisServer::start().await);
    let port = Port::reserve();
    let at = |redis: &RedisServer| WorkerSettings { http_addr: Some(port.addr()), ..settings(&redis.url()) };
    let mut started = Process::new().with("a", "", at(&redis)).with("b", "", at(&away)).start();
    let get = async |path| http::get(port.addr(), path).await.expect("an answer");
    let ready = async || http::get(port.addr(), "/readyz").await.map(|answer| answer.status);
    eventually("ready", LIMIT, ready, |status| status.as_ref().is_ok_and(|status| *status == 200))
        .await
        .unwrap();
    let body = get("/healthz").await.json();
    assert_eq!((body["status"].as_str(), body["queue"].as_str()), (Some("ok"), Some("a,b")));
    assert_eq!(body["reason"], "all 2 queues are served");
    assert_eq!(body["queues"][1]["queue"], "b");
    for queue in ["a", "b"] {
        add(if queue == "a" { &redis } else { &away }, queue, 1).await;
        assert_eq!(started.next().await, (queue, 1));
    }
    let sent = |queue| format!("redispatch_sent_messages_total{{queue=\"{queue}\",transport=\"job\"}} 1\n");
    let metrics = async || get("/metrics").await.body;
    let both = |text: &String| text.contains(&sent("a")) && text.contains(&sent("b"));
    assert_good_metrics(&eventually("both counted", LIMIT, metrics, both).await).await;

    away.kill();
    let not_ready = async || get("/readyz").await;
    let answer =
        eventually("b's Redis is missed", LIMIT, not_ready, |answer| answer.status == 503).await.json();
    assert!(answer["reason"].as_str().unwrap().starts_with("b: Redis is away"), "{answer}");
    assert_eq!((&answer["queues"][0]["ready"], &answer["queues"][1]["ready"]), (&true.into(), &false.into()));
    assert_eq!(get("/healthz").await.status, 200, "a restart would mend nothing");
    add(&redis, "a", 2).await;
    assert_eq!(started.next().await, ("a", 2), "the other queue goes on");
    away.restart().await;
    eventually("ready again", LIMIT, async || get("/readyz").await, |answer| answer.status == 200).await;
    add(&away, "b", 2).await;
    assert_eq!(started.next().await, ("b", 2));
    started.stop().await;
}

#[tokio::test]
async fn a_queue_whose_redis_was_never_there_holds_up_nobody() {
    let redis = RedisServer::start().await;
    let nobody = Port::reserve();
    let mut started = Process::new()
        .with("b", "", settings(&format!("redis://{}/0", nobody.addr())))
        .with("a", "", settings(&redis.url()))
        .start();
    add(&redis, "a", 1).await;
    assert_eq!(started.next().await, ("a", 1));
    started.stop().await;
}

#[tokio::test]
async fn a_queue_that_cannot_be_served_stops_all_and_is_named() {
    let (redis, newer) = (RedisServer::start().await, RedisServer::start().await);
    newer.command(&["HSET", "queue:b:control", "layout", "9"]).await;
    let port = Port::reserve();
    let at = WorkerSettings { http_addr: Some(port.addr()), ..settings(&redis.url()) };
    let long = WorkerSettings { shutdown_timeout: Duration::from_secs(20), ..at };
    let started = Process::new().with("a", "", long).with("b", "", settings(&newer.url())).start();
    let error = started.ended().await.unwrap_err();
    assert!(matches!(&error, WorkerError::Queue { queue, .. } if queue == "b"), "{error}");
    assert!(error.to_string().contains("layout 9"), "{error}");
    assert!(http::get(port.addr(), "/healthz").await.is_err(), "nobody answers any more");
}
