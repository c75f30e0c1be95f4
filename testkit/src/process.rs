//! Worker programs under test: their log lines as events, and the signals they get.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::LIMIT;
use crate::child::{Child, find_program};

/// A line a worker wrote to stderr.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// The line as written, without its line break.
    pub raw: String,
    /// The line as JSON, `null` where it is none.
    pub json: Value,
}

impl LogLine {
    /// Its event name: the field `event`.
    pub fn event(&self) -> Option<&str> {
        self.json["event"].as_str()
    }
}

/// A running worker. Killed when dropped.
///
/// ```no_run
/// # async fn example(redis: redispatch_testkit::redis::RedisServer) {
/// use redispatch_testkit::{LIMIT, process::Worker};
///
/// let mut worker = Worker::start("target/debug/email-worker", &["--concurrency", "2"], &[
///     ("REDIS_URL", &redis.url()),
///     ("EMAIL_TRANSPORT", "null"),
/// ]);
/// worker.wait_for_event("worker_ready").await;
/// worker.sigterm();
/// assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
/// # }
/// ```
#[derive(Debug)]
pub struct Worker {
    child: Child,
    log: watch::Receiver<Vec<LogLine>>,
    folder: TempDir,
}

impl Worker {
    /// Starts a program in an empty temporary folder (no `.env` of the tree is read) with an environment of
    /// `PATH`, `HOME` and what is given here.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn start(program: impl AsRef<Path>, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a temporary folder"), program, args, env)
    }

    /// The same in a folder the test has filled, with a `.env` for instance.
    pub fn start_in(folder: TempDir, program: impl AsRef<Path>, args: &[&str], env: &[(&str, &str)]) -> Self {
        let shown = program.as_ref().display();
        let path: Option<PathBuf> = program.as_ref().to_str().and_then(find_program);
        let path = path.unwrap_or_else(|| panic!("no program {shown} here"));
        let kept = ["PATH", "HOME"].map(|name| (name.to_owned(), std::env::var(name).unwrap_or_default()));
        let given = env.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let env: Vec<_> = kept.into_iter().chain(given).collect();
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        let home = folder.path().to_path_buf();
        let started = Child::spawn(&path, move |command| {
            command.args(args).env_clear().envs(env).current_dir(home);
        });
        let (child, stderr) = started.unwrap_or_else(|error| panic!("cannot start {shown}: {error}"));
        let (lines, log) = watch::channel(Vec::new());
        thread::spawn(move || {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let raw = String::from_utf8_lossy(&line).into_owned();
                let json = serde_json::from_str(&raw).unwrap_or_default();
                lines.send_modify(|lines| lines.push(LogLine { raw, json }));
            }
        });
        Self { child, log, folder }
    }

    /// The folder it runs in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Every line so far.
    pub fn log(&self) -> Vec<LogLine> {
        self.log.borrow().clone()
    }

    /// Every line so far with this event.
    pub fn events(&self, name: &str) -> Vec<LogLine> {
        self.log.borrow().iter().filter(|line| line.event() == Some(name)).cloned().collect()
    }

    /// The first line with this event, waited for where it has not come yet.
    ///
    /// # Panics
    ///
    /// With the end of the log when it does not come within [`LIMIT`], or the worker ended without it.
    pub async fn wait_for_event(&self, name: &str) -> LogLine {
        self.wait_for_events(name, 1).await.remove(0)
    }

    /// The first `count` lines with this event, waited for where they have not come yet.
    ///
    /// # Panics
    ///
    /// As [`Worker::wait_for_event`].
    pub async fn wait_for_events(&self, name: &str, count: usize) -> Vec<LogLine> {
        self.collect(&format!("event {name}"), count, |line| line.event() == Some(name)).await
    }

    /// The first line that is as wanted, waited for where it has not come yet.
    ///
    /// # Panics
    ///
    /// As [`Worker::wait_for_event`].
    pub async fn wait_for(&self, wanted: impl Fn(&LogLine) -> bool) -> LogLine {
        self.collect("the line wanted", 1, wanted).await.remove(0)
    }

    async fn collect(&self, what: &str, count: usize, wanted: impl Fn(&LogLine) -> bool) -> Vec<LogLine> {
        let (mut log, mut read, mut found) = (self.log.clone(), 0, Vec::new());
        let all = timeout(LIMIT, async {
            loop {
                let open = log.has_changed().is_ok();
                {
                    let lines = log.borrow_and_update();
                    found.extend(lines[read..].iter().filter(|line| wanted(line)).cloned());
                    read = lines.len();
                }
                if found.len() >= count || !open {
                    return;
                }
                // an error: the log has ended, which the next round sees
                let _ = log.changed().await;
            }
        });
        let in_time = all.await.is_ok();
        let why = if in_time { "before the worker ended".into() } else { format!("within {LIMIT:?}") };
        let got = found.len();
        assert!(got >= count, "{what} came {got} times, not {count}, {why}; its log ended:\n{}", self.tail());
        found.truncate(count);
        found
    }

    /// SIGTERM: asks it to stop.
    pub fn sigterm(&self) {
        self.child.signal(Signal::TERM);
    }

    /// SIGKILL, and back only when it is gone.
    pub fn sigkill(&mut self) {
        self.child.kill();
    }

    /// SIGSTOP, and back only when it stands still.
    pub fn sigstop(&self) {
        self.child.freeze();
    }

    /// SIGCONT.
    pub fn sigcont(&self) {
        self.child.thaw();
    }

    /// Waits until it has ended.
    ///
    /// # Panics
    ///
    /// With the end of the log when it still runs after `limit`.
    pub async fn wait_exit(&self, limit: Duration) -> ExitStatus {
        let ended = timeout(limit, self.child.wait()).await;
        ended.unwrap_or_else(|_| {
            panic!("the worker still runs after {limit:?}; its log ends:\n{}", self.tail())
        })
    }

    fn tail(&self) -> String {
        let log = self.log.borrow();
        let last = log[log.len().saturating_sub(30)..].iter();
        last.map(|line| format!("  {}\n", line.raw)).collect()
    }
}
