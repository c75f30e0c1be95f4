//! The examples, each as a process against a real Redis.

mod booking_reminders;
mod clinic_queues;
mod own_queue;
mod review_pipeline;
mod sla_notifications;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use redispatch_testkit::LIMIT;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
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

/// Starts the example `name`.
fn start(name: &str, args: &[&str], redis: &RedisServer, env: &[(&str, &str)]) -> Worker {
    let url = redis.url();
    let env = [&[("REDIS_URL", url.as_str()), ("LOG_FORMAT", "json")], env].concat();
    Worker::start(program(name), args, &env)
}

/// An answer: its status, and its body, `null` where that is no JSON.
type Answer = (u16, Value);

/// Sends one request, such as `POST /path`, as JSON.
async fn request(addr: SocketAddr, line: &str, body: &str) -> Answer {
    request_of(addr, line, "application/json", body).await
}

async fn request_of(addr: SocketAddr, line: &str, kind: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(addr).await.expect("the example listens");
    let head = format!("{line} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: {kind}\r\n");
    let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    timeout(LIMIT, stream.read_to_string(&mut answer)).await.expect("an answer in time").expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, serde_json::from_str(body).unwrap_or_default())
}
