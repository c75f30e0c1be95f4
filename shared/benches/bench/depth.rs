//! Row e, second part: the engine with 1,000 and with 1,000,000 messages waiting, and with 1,000,000 scheduled for later.
//! Each takes 100,000, timed a thousand at a time: from the first call of the handler to the thousandth, the first
//! batch not counted.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use redispatch::config::WorkerSettings;
use redispatch::{Delivery, Outcome, Receipt, Shutdown, Worker};
use tokio::sync::mpsc;

use crate::server::{Server, message};
use crate::table::Figure;
use crate::{ROUNDS, median, on_a_thread, progress};

const DEEP: usize = 1_000_000;
const SHALLOW: usize = 1_000;
/// Taken in each round.
const TAKEN: usize = 100_000;
const CONCURRENCY: usize = 100;

pub(crate) async fn depth(aof: bool) -> Vec<Figure> {
    let mut server = Server::start(aof).await;
    progress(format_args!("e: {DEEP} messages waiting: pushing them"));
    // A million on average: half of what will be taken lies on top.
    server.fill("deep", DEEP + ROUNDS * TAKEN / 2, message).await;
    progress(format_args!("e: {DEEP} messages scheduled: putting them there"));
    server.schedule("scheduled", DEEP).await;
    let (mut deep, mut shallow, mut scheduled) = <(Spells, Spells, Spells)>::default();
    for round in 1..=ROUNDS {
        progress(format_args!(
            "e: {SHALLOW} and {DEEP} messages waiting, {DEEP} scheduled, round {round} of {ROUNDS}"
        ));
        let pushes = pushes(&mut server).await;
        spell(&mut server, "shallow", &mut shallow, pushes).await;
        spell(&mut server, "deep", &mut deep, 0.0).await;
        spell(&mut server, "scheduled", &mut scheduled, pushes).await;
    }
    let apart = |deep: &[f64], shallow: &[f64]| (median(deep) / median(shallow) - 1.0).abs() * 100.0;
    let (rate, us) = ("messages/s", "µs a message");
    vec![
        Figure::new(
            'e',
            "engine, 1,000,000 waiting, apart from 1,000",
            apart(&deep.rates, &shallow.rates),
            "%",
        )
        .at_most(20.0),
        Figure::new('e', "engine, 1,000,000 waiting", median(&deep.rates), rate),
        Figure::new('e', "engine, 1,000 waiting", median(&shallow.rates), rate),
        Figure::new(
            'e',
            "Redis CPU, 1,000,000 waiting, apart from 1,000",
            apart(&deep.cpu_us, &shallow.cpu_us),
            "%",
        )
        .at_most(20.0),
        Figure::new('e', "Redis CPU, 1,000,000 waiting", median(&deep.cpu_us), us),
        Figure::new('e', "Redis CPU, 1,000 waiting", median(&shallow.cpu_us), us),
        Figure::new(
            'e',
            "engine, 1,000,000 scheduled for later, apart from none",
            apart(&scheduled.rates, &shallow.rates),
            "%",
        )
        .at_most(20.0),
        Figure::new('e', "engine, 1,000,000 scheduled for later", median(&scheduled.rates), rate),
        Figure::new(
            'e',
            "Redis CPU, 1,000,000 scheduled for later, apart from none",
            apart(&scheduled.cpu_us, &shallow.cpu_us),
            "%",
        ),
        Figure::new('e', "Redis CPU, 1,000,000 scheduled for later", median(&scheduled.cpu_us), us),
    ]
}

#[derive(Default)]
struct Spells {
    /// Messages a second, one for each thousand.
    rates: Vec<f64>,
    /// Redis CPU a message without the pushes, one for each round.
    cpu_us: Vec<f64>,
}

/// An engine that takes 100,000 messages. With `pushes`, what they cost Redis a message, each thousand is pushed
/// at once when the one before has come.
async fn spell(server: &mut Server, queue: &'static str, spells: &mut Spells, pushes: f64) {
    let before = server.usage().await;
    let (mark, mut marks) = mpsc::unbounded_channel();
    let (trigger, shutdown) = Shutdown::manual();
    let url = server.url();
    let worker = on_a_thread(async move {
        let settings =
            WorkerSettings { concurrency: CONCURRENCY, ..WorkerSettings::new(url.parse().unwrap()) };
        let count = AtomicUsize::new(0);
        let handler = move |_: Delivery| {
            let nth = count.fetch_add(1, Relaxed) + 1;
            if nth <= TAKEN && (nth % SHALLOW == 1 || nth.is_multiple_of(SHALLOW)) {
                mark.send(Instant::now()).unwrap();
            }
            if nth == TAKEN {
                trigger.drain();
            }
            std::future::ready(Outcome::Sent(Receipt::default()))
        };
        Worker::new(queue, settings).unwrap().run(handler, shutdown).await.unwrap();
    });
    for _ in 0..TAKEN / SHALLOW {
        if pushes > 0.0 {
            server.ask(&push(queue)).await;
        }
        let first = marks.recv().await.expect("the first of the thousand is handled");
        let last = marks.recv().await.expect("the thousandth is handled");
        spells.rates.push((SHALLOW - CONCURRENCY) as f64 / last.duration_since(first).as_secs_f64());
    }
    worker.join().unwrap();
    spells.cpu_us.push(server.usage().await.since(before, TAKEN).cpu_us - pushes);
}

/// What the pushes alone cost Redis, µs a message.
async fn pushes(server: &mut Server) -> f64 {
    let before = server.usage().await;
    for _ in 0..TAKEN / SHALLOW {
        server.ask(&push("nobody")).await;
    }
    let spent = server.usage().await.since(before, TAKEN);
    server.ask(&["DEL", "queue:nobody:pending"]).await;
    spent.cpu_us
}

fn push(queue: &str) -> Vec<String> {
    let mut push = vec!["LPUSH".to_owned(), format!("queue:{queue}:pending")];
    push.extend((0..SHALLOW).map(message));
    push
}
