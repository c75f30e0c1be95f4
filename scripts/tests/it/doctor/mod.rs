//! `doctor`: every finding provoked on real servers.

mod many;
mod orphans;
mod providers;
mod queues;
mod server;
mod settings;

use std::time::Instant;

use redispatch_testkit::redis::RedisServer;
use serde_json::Value;
use tempfile::TempDir;

use crate::run::{Ran, command, finish};

/// Where `queuectl doctor` is to be run: a folder and an environment of its own.
pub(super) struct Bench {
    home: TempDir,
    redis_url: String,
    env: Vec<(&'static str, String)>,
}

/// What it said.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) code: i32,
    pub(super) findings: Vec<Value>,
    /// All of stdout and stderr.
    pub(super) text: String,
}

impl Bench {
    pub(super) fn new(redis_url: &str) -> Self {
        let home = tempfile::tempdir().expect("a temporary folder");
        Self { home, redis_url: redis_url.to_owned(), env: Vec::new() }
    }

    /// With a variable more.
    pub(super) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// With this `.env`.
    pub(super) fn file(self, text: &str) -> Self {
        self.named(".env", text)
    }

    /// With this file.
    pub(super) fn named(self, name: &str, text: &str) -> Self {
        std::fs::write(self.home.path().join(name), text).expect("a writable folder");
        self
    }

    pub(super) async fn ran(&self, args: &[&str]) -> Ran {
        let mut command = command(&self.redis_url, self.home.path(), &[&["doctor"], args].concat());
        if self.redis_url.is_empty() {
            command.env_remove("REDIS_URL");
        }
        command.envs(self.env.iter().map(|(name, value)| (*name, value)));
        finish(command, b"").await
    }

    /// `queuectl doctor --json ARGS`
    pub(super) async fn report(&self, args: &[&str]) -> Report {
        let ran = self.ran(&[&["--json"], args].concat()).await;
        let findings = ran.json().as_array().expect("a list").clone();
        Report { code: ran.code, findings, text: ran.stdout + &ran.stderr }
    }
}

/// `queuectl doctor --json` on a server that is expected to be well but for what the test did.
pub(super) async fn report(redis: &RedisServer) -> Report {
    Bench::new(&redis.url()).report(&[]).await
}

/// A server that keeps what it is told.
pub(super) async fn sound() -> RedisServer {
    RedisServer::with(&["--appendonly", "yes"]).await
}

impl Report {
    /// All that `check` found: level, text, and what to do.
    pub(super) fn of(&self, check: &str) -> Vec<(&str, &str, &str)> {
        let of_check = self.findings.iter().filter(|finding| finding["check"] == check);
        of_check.map(told).collect()
    }

    /// The only thing that `check` found about `queue`.
    pub(super) fn queue(&self, check: &str, queue: &str) -> (&str, &str, &str) {
        let found = self.findings.iter().filter(|f| f["check"] == check && f["queue"] == queue);
        let found: Vec<_> = found.map(told).collect();
        assert_eq!(found.len(), 1, "{check} {queue}: {found:?} of {self:#?}");
        found[0]
    }

    /// Everything that is worse than skipped: level, check, text.
    pub(super) fn bad(&self) -> Vec<(&str, &str, &str)> {
        let text = |finding: &'_ Value, name: &str| -> String {
            finding[name].as_str().unwrap_or_default().to_owned()
        };
        let bad = self.findings.iter().filter(|f| matches!(&*text(f, "level"), "warning" | "fault"));
        bad.map(|f| (field(f, "level"), field(f, "check"), field(f, "found"))).collect()
    }

    /// The only thing that is wrong: level, check, text.
    pub(super) fn only(&self) -> (&str, &str, &str) {
        let bad = self.bad();
        assert_eq!(bad.len(), 1, "{bad:#?}");
        bad[0]
    }
}

fn told(finding: &Value) -> (&str, &str, &str) {
    (field(finding, "level"), field(finding, "found"), field(finding, "do"))
}

fn field<'a>(finding: &'a Value, name: &str) -> &'a str {
    finding[name].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_table_fits_80_columns_and_needs_no_colour() {
    let redis = RedisServer::start().await;
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    redis.command(&["SET", "queue:whatsapp:pending:high", "x"]).await;
    let bench = Bench::new(&redis.url()).file("SMTP_PASSWORT=x\nMAX_RETRIES=3  # so many\n");
    let ran = bench.ran(&[]).await.with_code(1);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}') && ran.stdout.lines().all(|line| line == line.trim_end()));
    let levels: Vec<_> = ["FAULT ", "warning ", "skipped ", "ok "].map(|level| ran.stdout.find(level)).into();
    assert!(levels.iter().all(Option::is_some) && levels.is_sorted(), "{}", ran.stdout);
    assert!(ran.stdout.contains("-> CONFIG SET maxmemory-policy noeviction"), "{}", ran.stdout);
    assert!(ran.stdout.contains("email, sms: none\n"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "2 faults, 3 warnings\n");
}

#[tokio::test]
async fn exit_codes() {
    let mut redis = sound().await;
    let bench = Bench::new(&redis.url());
    let ran = bench.ran(&[]).await.with_code(0);
    assert_eq!(ran.stderr, "0 faults, 0 warnings\n");
    bench.ran(&["--no-such-flag"]).await.with_code(2);
    bench.ran(&["--queue", "email"]).await.with_code(2);
    assert!(bench.ran(&["--help"]).await.with_code(0).stdout.contains("queuectl doctor --fix"));
    redis.kill();
    let started = Instant::now();
    bench.ran(&[]).await.with_code(1);
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
