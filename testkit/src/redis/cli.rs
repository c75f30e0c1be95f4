use std::ffi::OsStr;

use tokio::process::Command;

use super::RedisServer;
use crate::child::find_program;

impl RedisServer {
    /// Runs `redis-cli` (or `valkey-cli`, or what `REDISPATCH_TEST_REDIS_CLI` names) on this server and gives
    /// what it printed, without the last line break.
    ///
    /// # Panics
    ///
    /// When there is no such program or it fails.
    pub async fn cli<A: AsRef<OsStr>>(&self, args: &[A]) -> String {
        let mut command = Command::new(cli_program());
        command.args(["-p", &self.port().to_string()]).args(args);
        output(command).await
    }

    /// Runs a shell line in which `redis-cli …` speaks to this server, so that a line of the documentation can
    /// be tried to the letter.
    ///
    /// # Panics
    ///
    /// When the line fails.
    pub async fn shell(&self, line: &str) -> String {
        let mut command = Command::new("sh");
        command.arg("-ec").arg(format!("alias redis-cli='\"$CLI\" -p \"$PORT\"'\n{line}"));
        command.env("CLI", cli_program()).env("PORT", self.port().to_string());
        output(command).await
    }
}

fn cli_program() -> std::path::PathBuf {
    let named = std::env::var("REDISPATCH_TEST_REDIS_CLI").ok();
    let found = match &named {
        Some(name) => find_program(name),
        None => find_program("redis-cli").or_else(|| find_program("valkey-cli")),
    };
    found.expect(
        "no redis-cli here: `scripts/test` installs it, or run `apt-get install redis-tools`, or set \
         REDISPATCH_TEST_REDIS_CLI",
    )
}

async fn output(mut command: Command) -> String {
    let done = command.kill_on_drop(true).output().await.expect("the program starts");
    let printed = String::from_utf8(done.stdout).expect("output in UTF-8");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?} failed, {}:\n{printed}{said}", done.status);
    printed.strip_suffix('\n').unwrap_or(&printed).to_owned()
}
