//! A PM2 of one test.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use redispatch_testkit::{eventually, tool};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::timeout;

/// PM2 takes half a second for each command, and waits for processes that end.
pub(crate) const LONG: Duration = Duration::from_secs(90);

/// PM2 with a home of its own. Dropped, it and all it started are gone.
pub(crate) struct Pm2 {
    program: PathBuf,
    folder: TempDir,
    env: Vec<(&'static str, String)>,
}

/// A process as PM2 lists it.
#[derive(Debug)]
pub(crate) struct Instance {
    /// 0 where it does not run.
    pub(crate) pid: i32,
    pub(crate) status: String,
    pub(crate) restarts: u64,
    pub(crate) unstable: u64,
}

impl Pm2 {
    /// Not running yet. `program` is one of those that it is to run, with the settings `env`.
    pub(crate) fn new(program: &str, env: Vec<(&'static str, String)>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let bin = Path::new(program).parent().expect("a folder").display().to_string();
        let search = std::env::var("PATH").expect("a PATH");
        let own = [
            ("PATH", search),
            ("HOME", path("")),
            ("PM2_HOME", path("pm2")),
            ("PM2_DISABLE_VERSION_CHECK", "true".to_owned()),
            ("REDISPATCH_BIN", bin),
            ("REDISPATCH_DIR", path("")),
        ];
        let program = tool("REDISPATCH_PM2", "pm2/node_modules/.bin/pm2");
        Self { program, folder, env: [&own[..], &env].concat() }
    }

    pub(crate) fn ecosystem(&self) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        root.join("deploy/pm2/ecosystem.config.cjs").display().to_string()
    }

    /// Runs `pm2 ARGS`, which has to go well, and gives what it said.
    pub(crate) async fn run(&self, args: &[&str]) -> String {
        let mut command = tokio::process::Command::from(self.command(args));
        let ended = timeout(LONG, command.kill_on_drop(true).output());
        let output = ended.await.unwrap_or_else(|_| panic!("pm2 {args:?} hangs")).expect("pm2 starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (told, complaints) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && !told.contains("[ERROR]"), "{args:?}: {told}{complaints}");
        told
    }

    pub(crate) async fn instances(&self) -> Vec<Instance> {
        let told = self.run(&["jlist"]).await;
        let list = told.lines().last().unwrap_or_default();
        let list: Vec<Value> = serde_json::from_str(list).unwrap_or_else(|error| panic!("{error}: {told}"));
        let instance = |process: &Value| Instance {
            pid: process["pid"].as_i64().expect("a process id") as i32,
            status: process["pm2_env"]["status"].as_str().expect("a status").to_owned(),
            restarts: process["pm2_env"]["restart_time"].as_u64().expect("a count"),
            unstable: process["pm2_env"]["unstable_restarts"].as_u64().expect("a count"),
        };
        list.iter().map(instance).collect()
    }

    /// What the instances of `app` wrote.
    pub(crate) fn log(&self, app: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("logs/{app}.log"))).unwrap_or_default()
    }

    /// Waits until the instances of `app` logged this event `count` times.
    pub(crate) async fn logged(&self, app: &str, event: &str, count: usize) {
        let event = format!(r#""event":"{event}""#);
        let seen = async || self.log(app).matches(&event).count();
        eventually(&event, LONG, seen, |seen| *seen >= count).await;
    }

    /// The exit codes of everything that ended, as PM2 noted them.
    pub(crate) fn exits(&self) -> Vec<i32> {
        let notes = self.notes();
        let codes =
            notes.split("exited with code [").skip(1).filter_map(|rest| rest.split(']').next()?.parse().ok());
        codes.collect()
    }

    /// How many processes it started.
    pub(crate) fn starts(&self) -> usize {
        self.notes().matches("starting in -fork mode-").count()
    }

    /// How many processes did not end in time.
    pub(crate) fn killed(&self) -> usize {
        self.notes().matches("SIGKILL").count()
    }

    /// SIGKILL.
    pub(crate) fn kill_instance(&self, instance: &Instance) {
        kill_process(Pid::from_raw(instance.pid).expect("it runs"), Signal::KILL).expect("it runs");
    }

    fn notes(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("pm2/pm2.log")).unwrap_or_default()
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        let env = self.env.iter().map(|(name, value)| (name, value));
        command.args(args).env_clear().envs(env).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }
}

impl Drop for Pm2 {
    fn drop(&mut self) {
        // Told to stop, its workers would first finish what they hold.
        let pids = std::fs::read_dir(self.folder.path().join("pm2/pids")).into_iter().flatten().flatten();
        let pids: Vec<_> =
            pids.filter_map(|file| std::fs::read_to_string(file.path()).ok()?.trim().parse().ok()).collect();
        let daemon = std::fs::read_to_string(self.folder.path().join("pm2/pm2.pid"));
        let daemon = daemon.ok().and_then(|pid| pid.trim().parse().ok());
        for pid in daemon.into_iter().chain(pids).filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}
