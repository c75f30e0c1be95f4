//! `SMS_PROVIDER=twilio,aws-sns` with a server that plays Twilio and a `moto_server` that plays SNS. Every test ends
//! with a count of who got what and what is left.

mod back;
mod checking;
mod kinds;
mod refusals;

use std::collections::BTreeMap;
use std::process::Output;

use redispatch_testkit::LIMIT;
use redispatch_testkit::moto::MotoServer;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::twilio::TwilioServer;
use serde_json::json;

use crate::queue::{NOTHING, Queue};
use crate::site::{ACCOUNT, FROM, TOKEN, number, stop};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sms-worker");

struct Site {
    redis: RedisServer,
    twilio: TwilioServer,
    moto: MotoServer,
}

impl Site {
    async fn start() -> Self {
        let (redis, twilio, moto) =
            tokio::join!(RedisServer::start(), TwilioServer::start(), MotoServer::start());
        twilio.require_login(ACCOUNT, TOKEN);
        Self { redis, twilio, moto }
    }

    /// Later settings win over earlier ones; an empty one is left out.
    fn environment(&self, more: &[(&str, &str)]) -> BTreeMap<String, String> {
        let (redis, twilio, sns) = (self.redis.url(), self.twilio.url(), self.moto.url());
        let own = [
            ("REDIS_URL", &*redis),
            ("RETRY_DELAY_MS", "50"),
            ("RETRY_JITTER", "0"),
            ("POLL_INTERVAL_MS", "50"),
            ("LOG_FORMAT", "json"),
            ("SMS_PROVIDER", "twilio,aws-sns"),
            ("TWILIO_ACCOUNT_SID", ACCOUNT),
            ("TWILIO_AUTH_TOKEN", TOKEN),
            ("TWILIO_FROM_NUMBER", FROM),
            ("TWILIO_API_URL", &twilio),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret-word"),
            ("AWS_ENDPOINT_URL_SNS", &sns),
        ];
        let all = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut all: BTreeMap<_, _> = all.collect();
        all.retain(|_, value| !value.is_empty());
        all
    }

    /// A worker, ready.
    async fn worker(&self, settings: &[(&str, &str)]) -> Worker {
        let env = self.environment(settings);
        let env: Vec<_> = env.iter().map(|(name, value)| (&**name, &**value)).collect();
        let worker = Worker::start(PROGRAM, &[], &env);
        worker.wait_for_event("worker_ready").await;
        worker
    }

    /// `--check` to its end, in an empty folder.
    async fn check(&self, settings: &[(&str, &str)]) -> Output {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let env = self.environment(settings);
        let mut command = tokio::process::Command::new(PROGRAM);
        command.arg("--check").env_clear().envs(env).env("HOME", folder.path()).current_dir(folder.path());
        let output = command.kill_on_drop(true).output();
        tokio::time::timeout(LIMIT, output).await.expect("it ends").expect("it starts")
    }

    fn queue(&self) -> Queue<'_> {
        Queue { redis: &self.redis, name: "sms" }
    }

    async fn push(&self, recipients: impl IntoIterator<Item = usize>) {
        self.queue().push(&recipients.into_iter().map(message).collect::<Vec<_>>()).await;
    }

    /// Nothing is left, and exactly these have got their message: from Twilio, from SNS.
    async fn sent(
        &self,
        by_twilio: impl IntoIterator<Item = usize>,
        by_sns: impl IntoIterator<Item = usize>,
    ) {
        self.queue().settled().await;
        let left = self.queue().left().await;
        assert_eq!((left.waiting, left.processing, left.delayed, left.messages), (0, 0, 0, 0));
        assert_eq!(self.by_twilio(), numbers(by_twilio), "by Twilio");
        assert_eq!(self.by_sns(0).await, numbers(by_sns), "by SNS");
    }

    fn by_twilio(&self) -> Vec<String> {
        sorted(self.twilio.accepted().iter().map(|one| one.field("To").expect("a number").to_owned()))
    }

    async fn by_sns(&self, count: usize) -> Vec<String> {
        let published = self.moto.published(count).await;
        sorted(published.iter().map(|form| form["PhoneNumber"].clone()))
    }
}

fn message(n: usize) -> String {
    json!({"to": number(n), "body": format!("Hello {n}")}).to_string()
}

fn numbers(recipients: impl IntoIterator<Item = usize>) -> Vec<String> {
    sorted(recipients.into_iter().map(number))
}

fn sorted(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}
