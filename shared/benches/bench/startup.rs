//! Row f: from the start of the process until the message that waited for it is sent.

use std::process::{Child, Command, Stdio};
use std::time::Instant;

use redispatch_testkit::Reply;

use crate::process::email_worker;
use crate::server::{Server, mail};
use crate::table::Figure;
use crate::{median, progress, quantile};

const STARTS: usize = 10;

pub(crate) async fn startup(aof: bool) -> Vec<Figure> {
    progress(format_args!("f: {STARTS} starts"));
    let mut server = Server::start(aof).await;
    let (mut firsts, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        floors.push(version());
        firsts.push(first_message(&mut server).await);
    }
    vec![
        Figure::new('f', "start to first message sent, median of 10", median(&firsts), "ms").under(20.0),
        Figure::new('f', "start to first message sent, fastest", quantile(&firsts, 0.0), "ms"),
        Figure::new('f', "the process alone: email-worker --version, median of 10", median(&floors), "ms"),
    ]
}

async fn first_message(server: &mut Server) -> f64 {
    server.fill("email", 1, mail).await;
    // What was sent is listed there: its coming ends the wait.
    let mut client = server.connect().await;
    let sent = tokio::spawn(async move {
        let popped = client.command(&["BRPOP", "queue:email:recent", "30"]).await.expect("Redis answers");
        (Instant::now(), popped)
    });
    server.asleep(1).await;
    let started = Instant::now();
    let _worker = Killed(worker(&server.url()).spawn().expect("email-worker starts"));
    let (ended, popped) = sent.await.expect("the wait ends");
    assert_ne!(popped, Reply::Nil, "the message was not sent within 30 s");
    ended.duration_since(started).as_secs_f64() * 1e3
}

fn version() -> f64 {
    let started = Instant::now();
    let status = Command::new(email_worker()).arg("--version").stdout(Stdio::null()).status();
    assert!(status.expect("email-worker starts").success());
    started.elapsed().as_secs_f64() * 1e3
}

fn worker(url: &str) -> Command {
    let mut command = Command::new(email_worker());
    command
        .env_clear()
        .env("REDIS_URL", url)
        .env("EMAIL_TRANSPORT", "null")
        .env("SMTP_FROM", "bench@example.com");
    // no `.env` of the tree takes part
    command
        .current_dir(std::env::temp_dir())
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command.stderr(Stdio::null());
    command
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
