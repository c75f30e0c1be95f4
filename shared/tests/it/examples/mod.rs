//! The examples as processes, each against a Redis of its own.

mod clinic_queues;
mod own_queue;
mod review_pipeline;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;
use tokio::process::Command;
use tokio::time::timeout;

/// The program of an example, which `cargo test` builds beside this one.
fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("this program has a path");
    let path = this.parent().and_then(Path::parent).expect("target/debug").join("examples").join(name);
    assert!(path.exists(), "no {}: run `cargo build -p redispatch --examples`", path.display());
    path
}

/// What an example says that runs to its end in `folder`, as JSON.
async fn said(name: &str, redis: &RedisServer, folder: &Path, args: &[&str]) -> serde_json::Value {
    let mut command = Command::new(program(name));
    command.args(args).env_clear().env("REDIS_URL", redis.url()).current_dir(folder);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = timeout(LIMIT, command.output()).await.expect("it ends in time").expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, complaints) = (text(&ended.stdout), text(&ended.stderr));
    assert!(ended.status.success(), "{args:?}: {told}{complaints}");
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{args:?}: {error}: {told}"))
}
