//! Runs `queuectl` and reads what it said.

use std::path::Path;
use std::process::Stdio;

use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

/// What a finished `queuectl` left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Its stdout as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Itself, where it ended with `code`.
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        self
    }
}

/// `queuectl` not started yet, in the folder `home`, with an environment of its own.
pub(crate) fn command(redis_url: &str, home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_queuectl"));
    let path = std::env::var("PATH").unwrap_or_default();
    command.args(args).env_clear().env("PATH", path).env("REDIS_URL", redis_url).current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs `command` to its end with `input` on its stdin.
pub(crate) async fn finish(mut command: Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped());
    let mut child = command.spawn().expect("queuectl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let feeding = async move {
        // One that does not read its input has said why on stderr.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let ((), output) = timeout(4 * LIMIT, async { tokio::join!(feeding, child.wait_with_output()) })
        .await
        .expect("queuectl ends in time");
    let output = output.expect("queuectl can be waited for");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    let code = output.status.code().unwrap_or(-1);
    Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs `queuectl ARGS` against `redis` to its end.
pub(crate) async fn queuectl(redis: &RedisServer, args: &[&str]) -> Ran {
    queuectl_with(redis, args, b"").await
}

/// The same with `input` on its stdin.
pub(crate) async fn queuectl_with(redis: &RedisServer, args: &[&str], input: &[u8]) -> Ran {
    let home = tempfile::tempdir().expect("a temporary folder");
    finish(command(&redis.url(), home.path(), args), input).await
}
