//! Row b: mails through email-worker, and the same number straight from `smtp-source`, to one `smtp-sink`.

use std::net::TcpListener;
use std::time::Instant;

use redispatch_testkit::process::Worker;
use redispatch_testkit::{LIMIT, eventually};
use tokio::net::TcpStream;

use crate::process::{self, start};
use crate::server::{Emptied, Server, mail, mail_with_id};
use crate::table::Figure;
use crate::{ROUNDS, median, progress};

const MAILS: usize = 20_000;

pub(crate) async fn throughput(aof: bool) -> Vec<Figure> {
    let mut server = Server::start(aof).await;
    let (_sink, port) = sink().await;
    let (mut ours, mut theirs, mut ratios, mut named, mut cpu, mut memory) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for round in 1..=ROUNDS {
        progress(format_args!("b: {MAILS} mails, round {round} of {ROUNDS}"));
        let source = smtp_source(&port).await;
        let sent = email_worker(&mut server, &port, mail).await;
        let with_ids = email_worker(&mut server, &port, mail_with_id).await;
        named.push(with_ids.rate / sent.rate);
        ratios.push(sent.rate / source);
        theirs.push(source);
        ours.push(sent.rate);
        cpu.push(sent.cpu_us);
        memory.push(sent.mib);
    }
    vec![
        Figure::new('b', "email-worker against smtp-source -s 10 -d, mails of 1 KB", median(&ratios), "")
            .at_least(0.5),
        Figure::new(
            'b',
            "email-worker, 10 connections, concurrency 100, RUST_LOG=warn",
            median(&ours),
            "mails/s",
        ),
        Figure::new('b', "mails with ids, against those without", median(&named), "").at_least(0.6),
        Figure::new('b', "smtp-source -s 10 -d", median(&theirs), "mails/s"),
        Figure::new('b', "email-worker, CPU", median(&cpu), "µs a mail"),
        Figure::new('b', "email-worker, resident memory at the end", median(&memory), "MiB"),
    ]
}

async fn email_worker(server: &mut Server, port: &str, mail: fn(usize) -> String) -> Emptied {
    server.fill("email", MAILS, mail).await;
    let env = [
        ("SMTP_HOST", "127.0.0.1"),
        ("SMTP_PORT", port),
        ("SMTP_TLS", "none"),
        ("SMTP_FROM", "bench@example.com"),
        ("SMTP_POOL_SIZE", "10"),
        ("CONCURRENCY", "100"),
    ];
    let url = server.url();
    server.emptied("email", MAILS, || start(process::email_worker(), &url, &env)).await
}

async fn smtp_source(port: &str) -> f64 {
    let count = MAILS.to_string();
    let address = format!("127.0.0.1:{port}");
    let args =
        ["-s", "10", "-d", "-m", &count, "-l", "1024", "-f", "bench@example.com", "-t", "user@example.com"];
    let args = [&args[..], &[&address]].concat();
    let started = Instant::now();
    let source = Worker::start(program("REDISPATCH_SMTP_SOURCE"), &args, &[]);
    let status = source.wait_exit(4 * LIMIT).await;
    assert!(status.success(), "smtp-source failed: {:?}", source.log());
    MAILS as f64 / started.elapsed().as_secs_f64()
}

async fn sink() -> (Worker, String) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().unwrap().port();
    let address = format!("127.0.0.1:{free}");
    // As root it wants to become somebody else.
    let args: &[&str] = if rustix::process::geteuid().is_root() { &["-u", "nobody"] } else { &[] };
    let sink = Worker::start(program("REDISPATCH_SMTP_SINK"), &[args, &[&address, "1000"]].concat(), &[]);
    let listens = async || TcpStream::connect(&address).await.is_ok();
    eventually("smtp-sink listens", LIMIT, listens, |up| *up).await;
    (sink, free.to_string())
}

fn program(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("scripts/bench sets {variable}"))
}
