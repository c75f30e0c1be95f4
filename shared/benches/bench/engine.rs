//! Row a: the engine with a no-op handler, and the limit it is held against: a bare loop that runs claim.lua and
//! complete.lua in batches of 100 over the same client; and the engine with messages that have ids.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use fred::prelude::*;
use redispatch::config::WorkerSettings;
use redispatch::{Delivery, Outcome, Receipt, Shutdown, Worker};

use crate::server::{Server, message, message_with_id};
use crate::table::Figure;
use crate::{ROUNDS, median, progress};

const MESSAGES: usize = 200_000;

const CLAIM: &str = concat!(
    include_str!("../../lua/claim/contract.lua"),
    include_str!("../../lua/claim/fence.lua"),
    include_str!("../../lua/claim/gates.lua"),
    include_str!("../../lua/claim/read.lua"),
    include_str!("../../lua/claim/takeover.lua"),
    include_str!("../../lua/claim/due.lua"),
    include_str!("../../lua/claim/lanes.lua"),
    include_str!("../../lua/claim/write.lua"),
);
const COMPLETE: &str = concat!(
    include_str!("../../lua/complete/contract.lua"),
    include_str!("../../lua/complete/leave.lua"),
    include_str!("../../lua/complete/tell.lua"),
);

pub(crate) async fn throughput(aof: bool) -> Vec<Figure> {
    let mut server = Server::start(aof).await;
    let (mut bares, mut engines, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut named, mut named_ratios) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        progress(format_args!("a: {MESSAGES} messages, round {round} of {ROUNDS}"));
        server.fill("bench", MESSAGES, message).await;
        let bare = bare(&server.url(), MESSAGES).await;
        server.fill("bench", MESSAGES, message).await;
        let run = engine(&server.url(), MESSAGES, 100).await;
        let engine = run.handled as f64 / run.seconds;
        // Ids that were sent are not sent again: each round on a server of its own.
        let mut fresh = Server::start(aof).await;
        fresh.fill("bench", MESSAGES, message_with_id).await;
        let run = self::engine(&fresh.url(), MESSAGES, 100).await;
        named.push(run.handled as f64 / run.seconds);
        named_ratios.push(named[round - 1] / engine);
        ratios.push(engine / bare);
        bares.push(bare);
        engines.push(engine);
    }
    vec![
        Figure::new(
            'a',
            "engine, no-op handler, against a bare loop over the same scripts",
            median(&ratios),
            "",
        )
        .at_least(0.5),
        Figure::new('a', "engine", median(&engines), "messages/s"),
        Figure::new('a', "bare loop, batches of 100", median(&bares), "messages/s"),
        Figure::new('a', "messages with ids, against those without", median(&named_ratios), "").at_least(0.6),
        Figure::new('a', "engine, messages with ids", median(&named), "messages/s"),
    ]
}

/// One call in flight, no engine: what the scripts and the client allow. Gives messages a second.
pub(crate) async fn bare(url: &str, messages: usize) -> f64 {
    let client = Builder::from_config(Config::from_url(url).unwrap()).build().unwrap();
    client.init().await.unwrap();
    let key = |name: &str| format!("queue:bench:{name}");
    let claim: String = client.script_load(CLAIM).await.unwrap();
    let complete: String = client.script_load(COMPLETE).await.unwrap();
    let claim_keys =
        "processing messages delayed claimed pending:high pending pending:low control claims counters";
    let claim_keys: Vec<String> = claim_keys.split(' ').map(key).collect();
    let complete_keys: Vec<String> =
        ["processing", "messages", "counters", "recent", "control"].map(key).into();
    // As a worker of its own each time: its claims start at 1.
    let start = format!("bare{:07}", std::process::id() + ROUND.fetch_add(1, Relaxed) as u32);
    let (mut done, mut seq) = (0, 0usize);
    let started = Instant::now();
    while done < messages {
        seq += 1;
        let first = (seq * 100).to_string();
        let seq = seq.to_string();
        let args = [&start, &seq, &first, "100", "8388608", "30000", "1", "0", "0", "p", "0", "0", "0"];
        let args: Vec<Value> = args.into_iter().map(Value::from).collect();
        let answer: Vec<Value> = client.evalsha(&claim, claim_keys.clone(), args).await.unwrap();
        let tokens: Vec<Value> = answer[5..].iter().step_by(2).cloned().collect();
        assert!(!tokens.is_empty(), "{done} messages came, {messages} are needed");
        done += tokens.len();
        let mut settle: Vec<Value> =
            vec!["0".into(), "86400000".into(), tokens.len().to_string().into(), "10".into(), "0".into()];
        settle.extend(tokens);
        settle.extend(
            (0..10).map(|_| Value::from(r#"{"id":"12345678901.1","state":"sent","at":1795326712161}"#)),
        );
        let _: Value = client.evalsha(&complete, complete_keys.clone(), settle).await.unwrap();
    }
    let rate = done as f64 / started.elapsed().as_secs_f64();
    client.quit().await.unwrap();
    rate
}

static ROUND: AtomicUsize = AtomicUsize::new(0);

/// How an engine fared.
pub(crate) struct Run {
    /// At least as many as asked for: the last claim may bring more.
    pub(crate) handled: usize,
    /// From its start to its end, everything settled.
    pub(crate) seconds: f64,
}

/// An engine from its start until it has handled `messages` and settled them all.
pub(crate) async fn engine(url: &str, messages: usize, concurrency: usize) -> Run {
    let settings = WorkerSettings { concurrency, ..WorkerSettings::new(url.parse().unwrap()) };
    let (trigger, shutdown) = Shutdown::manual();
    let handled = Arc::new(AtomicUsize::new(0));
    let count = handled.clone();
    let handler = move |_: Delivery| {
        if count.fetch_add(1, Relaxed) + 1 == messages {
            trigger.drain();
        }
        std::future::ready(Outcome::Sent(Receipt::default()))
    };
    let started = Instant::now();
    let stopped = Worker::new("bench", settings).unwrap().run(handler, shutdown).await.unwrap();
    let seconds = started.elapsed().as_secs_f64();
    assert!(stopped.unsettled.is_empty());
    Run { handled: handled.load(Relaxed), seconds }
}
