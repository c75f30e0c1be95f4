//! Row e, second part: the same with 1,000 and with 1,000,000 messages waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use redispatch::config::WorkerSettings;
use redispatch::{Delivery, Outcome, Receipt, Shutdown, Worker};
use tokio::sync::mpsc;

use crate::engine::engine;
use crate::server::{Server, Usage, message};
use crate::table::Figure;
use crate::{ROUNDS, median, progress};

const DEEP: usize = 1_000_000;
/// Taken out of the deep queue in each round.
const TAKEN: usize = 100_000;
const SHALLOW: usize = 1_000;
/// How often a shallow queue is filled in each round.
const BURSTS: usize = 100;
const CONCURRENCY: usize = 100;

pub(crate) async fn depth(aof: bool) -> Vec<Figure> {
    let mut server = Server::start(aof).await;
    progress(format_args!("e: {DEEP} messages waiting: pushing them"));
    // Around a million throughout: half of what is taken lies on top.
    server.fill("deep", DEEP + ROUNDS * TAKEN / 2, message).await;
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        progress(format_args!("e: {SHALLOW} and {DEEP} messages waiting, round {round} of {ROUNDS}"));
        let (shallow_rate, shallow_cost) = bursts(&mut server).await;
        let before = server.usage().await;
        let run = engine(&server.url(), "deep", TAKEN, CONCURRENCY).await;
        let deep_cost = server.usage().await.since(before, run.handled).cpu_us;
        rates.push((run.steady, shallow_rate));
        costs.push((deep_cost, shallow_cost));
    }
    let apart = |pairs: &[(f64, f64)]| {
        median(&pairs.iter().map(|(deep, shallow)| (deep / shallow - 1.0) * 100.0).collect::<Vec<_>>())
    };
    let of = |pairs: &[(f64, f64)], deep: bool| {
        median(&pairs.iter().map(|(d, s)| if deep { *d } else { *s }).collect::<Vec<_>>())
    };
    vec![
        Figure::new('e', "engine, 1,000,000 waiting against 1,000: how far apart", apart(&rates).abs(), "%")
            .at_most(20.0),
        Figure::new('e', "engine, 1,000,000 waiting", of(&rates, true), "messages/s"),
        Figure::new('e', "engine, 1,000 waiting", of(&rates, false), "messages/s"),
        Figure::new(
            'e',
            "Redis CPU, 1,000,000 waiting against 1,000: how far apart",
            apart(&costs).abs(),
            "%",
        )
        .at_most(20.0),
        Figure::new('e', "Redis CPU, 1,000,000 waiting", of(&costs, true), "µs a message"),
        Figure::new('e', "Redis CPU, 1,000 waiting", of(&costs, false), "µs a message"),
    ]
}

/// Pushes 1,000 messages at once to a worker that is running, again and again. Gives messages a second from the
/// first call of the handler to the last, the first batch not counted, and Redis CPU a message without the pushes.
async fn bursts(server: &mut Server) -> (f64, f64) {
    let pushes = pushes(server).await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (trigger, shutdown) = Shutdown::manual();
    let url = server.url();
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let settings =
            WorkerSettings { concurrency: CONCURRENCY, ..WorkerSettings::new(url.parse().unwrap()) };
        let count = Arc::new(AtomicUsize::new(0));
        let handler = move |_: Delivery| {
            let before = count.fetch_add(1, Relaxed) % SHALLOW;
            if before == 0 || before == SHALLOW - 1 {
                arrived.send(Instant::now()).unwrap();
            }
            std::future::ready(Outcome::Sent(Receipt::default()))
        };
        runtime.block_on(Worker::new("shallow", settings).unwrap().run(handler, shutdown)).unwrap();
    });
    server.asleep(2).await;
    let before = server.usage().await;
    let mut rates = Vec::new();
    for _ in 0..BURSTS {
        server.ask(&push("shallow")).await;
        let first = arrivals.recv().await.expect("the first message is handled");
        let last = arrivals.recv().await.expect("the last message is handled");
        rates.push((SHALLOW - CONCURRENCY) as f64 / last.duration_since(first).as_secs_f64());
    }
    server.asleep(2).await;
    let spent = server.usage().await.since(before, BURSTS * SHALLOW);
    trigger.drain();
    while !worker.is_finished() {
        tokio::task::yield_now().await;
    }
    worker.join().unwrap();
    (median(&rates), spent.cpu_us - pushes.cpu_us)
}

/// What the pushes alone cost, a message.
async fn pushes(server: &mut Server) -> Usage {
    let before = server.usage().await;
    for _ in 0..BURSTS {
        server.ask(&push("nobody")).await;
    }
    let spent = server.usage().await.since(before, BURSTS * SHALLOW);
    server.ask(&["DEL", "queue:nobody:pending"]).await;
    spent
}

fn push(queue: &str) -> Vec<String> {
    let mut push = vec!["LPUSH".to_owned(), format!("queue:{queue}:pending")];
    push.extend((0..SHALLOW).map(message));
    push
}
