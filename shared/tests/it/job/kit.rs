//! What these tests share.

use redispatch::config::QueueSettings;
use redispatch::job::{self, Job, JobError, NewJob};
use redispatch::queue::{Found, Queue};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::engine::kit::{QUEUE, Running};

/// What the jobs of these tests are asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Task {
    pub(super) n: i64,
}

#[derive(Debug, Serialize)]
pub(super) struct Done {
    pub(super) doubled: i64,
}

/// A job whose end the test decides.
pub(super) struct Started {
    pub(super) job: Job<Task>,
    answer: oneshot::Sender<Result<Done, JobError>>,
}

impl Started {
    pub(super) fn answer(self, ended: Result<Done, JobError>) {
        let _ = self.answer.send(ended);
    }

    pub(super) fn done(self) {
        let doubled = 2 * self.job.payload.n;
        self.answer(Ok(Done { doubled }));
    }
}

/// Where the jobs of a worker arrive.
pub(super) struct Bench {
    arrive: mpsc::UnboundedSender<Started>,
    arrived: mpsc::UnboundedReceiver<Started>,
}

impl Bench {
    pub(super) fn new() -> Self {
        let (arrive, arrived) = mpsc::unbounded_channel();
        Self { arrive, arrived }
    }

    /// A worker whose jobs end as this bench says.
    pub(super) fn worker(&self, settings: redispatch::config::WorkerSettings) -> Running {
        let arrive = self.arrive.clone();
        Running::start(
            settings,
            job::handler(move |job: Job<Task>| {
                let arrive = arrive.clone();
                async move {
                    let (answer, answered) = oneshot::channel();
                    let _ = arrive.send(Started { job, answer });
                    answered.await.unwrap_or_else(|gone| Err(gone.into()))
                }
            }),
        )
    }

    /// The next job that runs.
    pub(super) async fn next(&mut self) -> Started {
        let next = timeout(LIMIT, self.arrived.recv()).await.expect("a job arrives in time");
        next.expect("the bench holds a sender itself")
    }
}

/// The queue of these tests, as a producer sees it.
pub(super) fn queue(redis: &RedisServer) -> Queue {
    Queue::new(QUEUE, QueueSettings::new(redis.url().parse().unwrap())).unwrap()
}

pub(super) fn job(n: i64) -> NewJob {
    NewJob::new(&Task { n }).unwrap()
}

/// Waits until an id is in `state`, and gives what is known of it.
pub(super) async fn until_state(queue: &Queue, id: &str, state: &str) -> Found {
    let found = async || queue.find(id).await.unwrap().unwrap_or_default();
    eventually(state, LIMIT, found, |found| found.state == state).await
}
