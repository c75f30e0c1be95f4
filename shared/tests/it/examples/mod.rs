//! The examples, each as a process against a real Redis.

mod booking_reminders;
mod sla_notifications;

use std::net::SocketAddr;

use redispatch_testkit::LIMIT;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Starts the example `name`, which `cargo test` has built beside this program.
fn start(name: &str, args: &[&str], redis: &RedisServer, env: &[(&str, &str)]) -> Worker {
    let this = std::env::current_exe().expect("a path");
    let built =
        this.parent().and_then(|deps| deps.parent()).expect("target/debug").join("examples").join(name);
    assert!(built.exists(), "{} is built by `cargo build -p redispatch --examples`", built.display());
    let url = redis.url();
    let env = [&[("REDIS_URL", url.as_str()), ("LOG_FORMAT", "json")], env].concat();
    Worker::start(built, args, &env)
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
