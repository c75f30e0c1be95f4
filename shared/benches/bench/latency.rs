//! Row c: from the call of `LPUSH` to the start of the handler, one message at a time on a queue that is idle each
//! time; and the same for a bare `BRPOP` over the same client.

use std::time::Instant;

use fred::prelude::*;
use redispatch::config::WorkerSettings;
use redispatch::{Delivery, Outcome, Receipt, Shutdown, Worker};
use tokio::sync::mpsc;

use crate::server::{Server, message};
use crate::table::Figure;
use crate::{median, on_a_thread, progress, quantile};

const MESSAGES: usize = 1_000;
const WARM_UP: usize = 50;

pub(crate) async fn latency(aof: bool) -> Vec<Figure> {
    progress(format_args!("c: {MESSAGES} messages, one at a time"));
    let bare = bare(&mut Server::start(aof).await).await;
    let engine = engine(&mut Server::start(aof).await).await;
    vec![
        Figure::new('c', "LPUSH to handler, p50", median(&engine), "ms").under(0.4),
        Figure::new('c', "LPUSH to handler, p99", quantile(&engine, 0.99), "ms").under(2.0),
        Figure::new('c', "LPUSH to handler, slowest of 1,000", quantile(&engine, 1.0), "ms"),
        Figure::new('c', "bare LPUSH to BRPOP, p50", median(&bare), "ms"),
        Figure::new('c', "bare LPUSH to BRPOP, p99", quantile(&bare, 0.99), "ms"),
        Figure::new('c', "LPUSH to handler against bare BRPOP, p50", median(&engine) / median(&bare), ""),
    ]
}

async fn engine(server: &mut Server) -> Vec<f64> {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let (trigger, shutdown) = Shutdown::manual();
    let url = server.url();
    let worker = on_a_thread(async move {
        let handler = move |_: Delivery| {
            arrived.send(Instant::now()).unwrap();
            std::future::ready(Outcome::Sent(Receipt::default()))
        };
        let settings = WorkerSettings::new(url.parse().unwrap());
        Worker::new("bench", settings).unwrap().run(handler, shutdown).await.unwrap();
    });
    let waits = push(server, 2, arrivals).await;
    trigger.drain();
    worker.join().unwrap();
    waits
}

async fn bare(server: &mut Server) -> Vec<f64> {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let url = server.url();
    let worker = on_a_thread(async move {
        let client = connected(&url).await;
        for _ in 0..WARM_UP + MESSAGES {
            let _: Value = client.brpop("queue:bench:pending", 0.0).await.unwrap();
            arrived.send(Instant::now()).unwrap();
        }
    });
    let waits = push(server, 1, arrivals).await;
    worker.join().unwrap();
    waits
}

/// Pushes one message at a time, each once `blocked` connections are asleep; gives the waits, ms.
async fn push(
    server: &mut Server,
    blocked: usize,
    mut arrivals: mpsc::UnboundedReceiver<Instant>,
) -> Vec<f64> {
    let client = connected(&server.url()).await;
    let mut waits = Vec::with_capacity(MESSAGES);
    for n in 0..WARM_UP + MESSAGES {
        server.asleep(blocked).await;
        let pushed = Instant::now();
        let _: i64 = client.lpush("queue:bench:pending", message(n)).await.unwrap();
        let wait = arrivals.recv().await.expect("the message arrives").duration_since(pushed);
        if n >= WARM_UP {
            waits.push(wait.as_secs_f64() * 1e3);
        }
    }
    waits
}

async fn connected(url: &str) -> Client {
    let client = Builder::from_config(Config::from_url(url).unwrap()).build().unwrap();
    client.init().await.unwrap();
    client
}
