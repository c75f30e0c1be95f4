//! A Redis, a provider and the workers of one test, for any channel.

mod email;
mod sns;
mod twilio;

use std::process::Output;

use redispatch_testkit::LIMIT;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;

pub(crate) use email::Email;
pub(crate) use sns::Sns;
pub(crate) use twilio::{ACCOUNT, FROM, Sms, TOKEN, Twilio, WhatsApp, number};

use crate::queue::{NOTHING, Queue};

/// What can become of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This message, later.
    Later,
    /// Everybody is asked to wait, for about a second where the provider can say so.
    Throttle,
    /// This message, never.
    Refuse,
    /// The login is refused.
    Login,
    /// The provider takes the message and hangs up without an answer.
    NoAnswer,
    /// The provider takes the message and says nothing.
    Hold,
}

/// A message as its recipient has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Taken {
    pub(crate) to: String,
    pub(crate) from: String,
    pub(crate) text: String,
}

/// A channel under test: its program, and a server that plays its provider.
pub(crate) trait Channel {
    const PROGRAM: &'static str;
    const QUEUE: &'static str;
    /// Its default of `CONCURRENCY`.
    const CONCURRENCY: usize;
    /// Its provider's name in dead letters.
    const PROVIDER: &'static str;
    /// The provider's codes for [`Fault::Later`], [`Fault::Refuse`] and [`Fault::Login`].
    const CODES: [&'static str; 3];

    async fn start() -> Self;

    /// What the worker needs to send there.
    fn settings(&self) -> Vec<(&'static str, String)>;

    /// A good message to recipient `n`, who is to get [`Channel::sent`].
    fn message(n: usize) -> String;

    /// What recipient `n` gets.
    fn sent(n: usize) -> Taken;

    /// The next sends end like this, `times` of them.
    fn script(&self, fault: Fault, times: usize);

    /// Every send is accepted again.
    fn behave(&self);

    /// Every message the provider took, whether it said so or not, once there are `count`.
    async fn taken(&self, count: usize) -> Vec<Taken>;

    /// Waits until `count` sends are held.
    async fn held(&self, count: usize);

    /// Sends begun so far, those that ended at the login too.
    fn attempts(&self) -> usize;
}

/// Quick retries and polls; everything else as by default.
const QUICK: [(&str, &str); 4] =
    [("RETRY_DELAY_MS", "50"), ("RETRY_JITTER", "0"), ("POLL_INTERVAL_MS", "50"), ("LOG_FORMAT", "json")];

/// Takes over quickly.
pub(crate) const SHORT_LEASE: (&str, &str) = ("PROCESSING_TIMEOUT_MS", "1000");

/// A Redis and a provider of one test.
pub(crate) struct Site<C> {
    pub(crate) redis: RedisServer,
    pub(crate) channel: C,
}

impl<C: Channel> Site<C> {
    pub(crate) async fn start() -> Self {
        Self { redis: RedisServer::start().await, channel: C::start().await }
    }

    /// A worker, ready. Later settings win over earlier ones.
    pub(crate) async fn worker(&self, settings: &[(&str, &str)]) -> Worker {
        let worker = self.begin(settings);
        worker.wait_for_event("worker_ready").await;
        worker
    }

    /// The same, ready or not.
    pub(crate) fn begin(&self, settings: &[(&str, &str)]) -> Worker {
        let own = self.environment();
        let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Worker::start(C::PROGRAM, &[], &[&own, settings].concat())
    }

    /// `--check` with the same settings.
    pub(crate) async fn check(&self) -> Output {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = tokio::process::Command::new(C::PROGRAM);
        command.arg("--check").env_clear().envs(self.environment()).current_dir(folder.path());
        let output = command.kill_on_drop(true).output();
        tokio::time::timeout(LIMIT, output).await.expect("it ends").expect("it starts")
    }

    /// All settings of a worker.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let quick = QUICK.map(|(name, value)| (name, value.to_owned()));
        [&quick[..], &[("REDIS_URL", self.redis.url())], &self.channel.settings()].concat()
    }

    pub(crate) fn queue(&self) -> Queue<'_> {
        Queue { redis: &self.redis, name: C::QUEUE }
    }

    /// Puts messages to these recipients where producers put them.
    pub(crate) async fn push(&self, recipients: impl IntoIterator<Item = usize>) {
        self.queue().push(&recipients.into_iter().map(C::message).collect::<Vec<_>>()).await;
    }

    /// Recipients 0 to `count` have got their message, each exactly once; nothing else was taken or is left.
    pub(crate) async fn all_sent_once(&self, count: usize) {
        assert_eq!(self.queue().settled().await, 0, "{:?}", self.queue().dead_letters().await);
        let mut taken = self.channel.taken(count).await;
        taken.sort();
        let mut expected: Vec<_> = (0..count).map(C::sent).collect();
        expected.sort();
        assert!(taken == expected, "{} of {count} taken, twice: {:?}", taken.len(), twice(&taken));
        assert_eq!(self.queue().counter("sent").await, count as u64);
        assert_eq!(self.queue().left().await, NOTHING);
    }
}

fn twice(sorted: &[Taken]) -> Vec<&Taken> {
    sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).collect()
}

/// Asks a worker to stop, which has to end well.
pub(crate) async fn stop(worker: &Worker) {
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}

/// A text that shows whether it arrives as it was written.
fn text(n: usize) -> String {
    format!("Grüße {n} 🎉 a=b&c+d%20 €[]{{}}~ \"x\"")
}
