//! Row g: SMS through sms-worker, and the same forms straight from a bare client, to a local server that plays Twilio.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use redispatch_testkit::twilio::TwilioServer;
use tokio::sync::oneshot;

use crate::process::{sms_worker, start};
use crate::server::{Emptied, Server, sms};
use crate::table::Figure;
use crate::{ROUNDS, median, on_a_thread, progress};

const MESSAGES: usize = 20_000;
const CONCURRENCY: usize = 64;
const ACCOUNT: &str = "AC00112233445566778899aabbccddeeff";
const TOKEN: &str = "secret";
const FROM: &str = "+15005550006";

pub(crate) async fn throughput(aof: bool) -> Vec<Figure> {
    let mut server = Server::start(aof).await;
    let (mut ours, mut bares, mut ratios, mut cpu, mut memory) =
        <(Vec<_>, Vec<_>, Vec<_>, Vec<_>, Vec<_>)>::default();
    for round in 1..=ROUNDS {
        progress(format_args!("g: {MESSAGES} SMS, round {round} of {ROUNDS}"));
        let bare = bare(&Twilio::start().await.url).await;
        let sent = worker(&mut server, &Twilio::start().await.url).await;
        ratios.push(sent.rate / bare);
        bares.push(bare);
        ours.push(sent.rate);
        cpu.push(sent.cpu_us);
        memory.push(sent.mib);
    }
    vec![
        Figure::new(
            'g',
            "sms-worker to a local Twilio, concurrency 64, RUST_LOG=warn",
            median(&ours),
            "SMS/s",
        )
        .at_least(2000.0),
        Figure::new('g', "sms-worker against a bare client, 64 at a time", median(&ratios), ""),
        Figure::new('g', "bare client (reqwest)", median(&bares), "SMS/s"),
        Figure::new('g', "sms-worker, CPU", median(&cpu), "µs an SMS"),
        Figure::new('g', "sms-worker, resident memory at the end", median(&memory), "MiB"),
    ]
}

/// A server on a thread of its own. Ends when dropped.
struct Twilio {
    url: String,
    _stop: oneshot::Sender<()>,
}

impl Twilio {
    async fn start() -> Self {
        let (started, url) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        on_a_thread(async move {
            let server = TwilioServer::start().await;
            started.send(server.url()).unwrap();
            let _ = stopped.await;
        });
        Self { url: url.await.expect("the server starts"), _stop: stop }
    }
}

async fn worker(server: &mut Server, twilio: &str) -> Emptied {
    server.fill("sms", MESSAGES, sms).await;
    let env = [
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("TWILIO_FROM_NUMBER", FROM),
        ("TWILIO_API_URL", twilio),
        ("CONCURRENCY", &CONCURRENCY.to_string()),
    ];
    let url = server.url();
    server.emptied("sms", MESSAGES, || start(sms_worker(), &url, &env)).await
}

/// SMS a second of a client that posts the same forms and reads the answers, on one thread.
async fn bare(twilio: &str) -> f64 {
    // whoever was here before did the same
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().http1_only().tcp_nodelay(true).build().unwrap();
    let url = format!("{twilio}/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let senders: Vec<_> = (0..CONCURRENCY)
        .map(|_| {
            let (client, url, next) = (client.clone(), url.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Relaxed);
                    if n >= MESSAGES {
                        return;
                    }
                    let request = client.post(&url).basic_auth(ACCOUNT, Some(TOKEN)).body(form(n));
                    let request = request.header("content-type", "application/x-www-form-urlencoded");
                    let answer = request.send().await.expect("the server answers");
                    assert_eq!(answer.status(), 201);
                    answer.bytes().await.expect("all of the answer");
                }
            })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
    MESSAGES as f64 / started.elapsed().as_secs_f64()
}

/// What sms-worker makes of [`sms`].
fn form(n: usize) -> String {
    format!("To=%2B4915100{n:06}&From=%2B15005550006&Body={}", "x".repeat(100))
}
