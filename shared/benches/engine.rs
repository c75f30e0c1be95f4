//! The engine with a no-op handler, and the limit it is held against: a bare loop that runs claim.lua and
//! complete.lua in batches of 100 over the same client. Run by `scripts/bench`; prints one JSON line.
//!
//! Usage: `engine PORT bare|engine|latency MESSAGES [CONCURRENCY]`
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a measuring program")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use fred::prelude::*;
use fred::types::InfoKind;
use redispatch::config::WorkerSettings;
use redispatch::{Delivery, Outcome, Receipt, Shutdown, Worker};

const CLAIM: &str = concat!(
    include_str!("../lua/claim/contract.lua"),
    include_str!("../lua/claim/fence.lua"),
    include_str!("../lua/claim/read.lua"),
    include_str!("../lua/claim/takeover.lua"),
    include_str!("../lua/claim/due.lua"),
    include_str!("../lua/claim/lanes.lua"),
    include_str!("../lua/claim/write.lua"),
);
const COMPLETE: &str = include_str!("../lua/complete.lua");

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let args: Vec<String> = std::env::args().filter(|arg| arg != "--bench").collect();
    if args.len() < 4 {
        println!("usage: engine PORT bare|engine MESSAGES [CONCURRENCY]; scripts/bench runs it");
        return;
    }
    let url = format!("redis://127.0.0.1:{}/0", args[1]);
    let messages: usize = args[3].parse().unwrap();
    let concurrency = args.get(4).map_or(100, |n| n.parse().unwrap());
    let client = Builder::from_config(Config::from_url(&url).unwrap()).build().unwrap();
    client.init().await.unwrap();
    if args[2] == "latency" {
        return latency(&url, &client, messages).await;
    }
    let waiting: usize = client.llen("queue:bench:pending").await.unwrap();
    assert!(waiting >= messages, "{waiting} messages wait in queue:bench:pending, {messages} are needed");
    let before = usage(&client).await;
    let started = Instant::now();
    match args[2].as_str() {
        "bare" => bare(&client, messages).await,
        _ => engine(&url, messages, concurrency).await,
    }
    let seconds = started.elapsed().as_secs_f64();
    let after = usage(&client).await;
    println!(
        "{{\"what\":\"{}\",\"messages\":{messages},\"per_second\":{:.0},\"redis_us\":{:.3},\"commands\":{:.4},\"bytes_in\":{:.1},\"bytes_out\":{:.1}}}",
        args[2],
        messages as f64 / seconds,
        (after.cpu - before.cpu) * 1e6 / messages as f64,
        (after.commands - before.commands) / messages as f64,
        (after.bytes_in - before.bytes_in) / messages as f64,
        (after.bytes_out - before.bytes_out) / messages as f64,
    );
}

/// One call in flight, no engine: what the scripts and the client allow.
async fn bare(client: &Client, messages: usize) {
    let key = |name: &str| format!("queue:bench:{name}");
    let claim: String = client.script_load(CLAIM).await.unwrap();
    let complete: String = client.script_load(COMPLETE).await.unwrap();
    let claim_keys: Vec<String> = [
        "processing",
        "messages",
        "delayed",
        "claimed",
        "pending:high",
        "pending",
        "pending:low",
        "control",
        "claims",
        "counters",
    ]
    .map(key)
    .into();
    let complete_keys: Vec<String> = ["processing", "messages", "counters", "recent"].map(key).into();
    let (mut done, mut seq) = (0, 0usize);
    while done < messages {
        seq += 1;
        let first = (seq * 100).to_string();
        let seq = seq.to_string();
        let args = ["bareloop000", &seq, &first, "100", "8388608", "30000", "1", "0", "0", "p"];
        let args: Vec<Value> = args.into_iter().map(Value::from).collect();
        let answer: Vec<Value> = client.evalsha(&claim, claim_keys.clone(), args).await.unwrap();
        let tokens: Vec<Value> = answer[5..].iter().step_by(2).cloned().collect();
        done += tokens.len();
        let entry = || "{\"id\":\"12345678901.1\",\"state\":\"sent\",\"at\":1795326712161}".into();
        let mut settle: Vec<Value> =
            vec!["0".into(), "86400000".into(), tokens.len().to_string().into(), "10".into()];
        let entries: Vec<Value> = (0..10).map(|_| entry()).collect();
        settle.extend(tokens);
        settle.extend(entries);
        let _: Value = client.evalsha(&complete, complete_keys.clone(), settle).await.unwrap();
    }
}

async fn engine(url: &str, messages: usize, concurrency: usize) {
    let settings = WorkerSettings { concurrency, ..WorkerSettings::new(url.parse().unwrap()) };
    let (trigger, shutdown) = Shutdown::manual();
    let left = Arc::new(AtomicUsize::new(messages));
    let handler = move |_: Delivery| {
        if left.fetch_sub(1, Relaxed) == 1 {
            trigger.drain();
        }
        std::future::ready(Outcome::Sent(Receipt::default()))
    };
    let stopped = Worker::new("bench", settings).unwrap().run(handler, shutdown).await.unwrap();
    assert!(stopped.unsettled.is_empty());
}

/// From the call of `LPUSH` to the start of the handler, one message at a time on a queue that is idle each time.
async fn latency(url: &str, client: &Client, messages: usize) {
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let (trigger, shutdown) = Shutdown::manual();
    let url = url.to_owned();
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let settings = WorkerSettings::new(url.parse().unwrap());
        let handler = move |_: Delivery| {
            arrived.send(Instant::now()).unwrap();
            std::future::ready(Outcome::Sent(Receipt::default()))
        };
        runtime.block_on(Worker::new("bench", settings).unwrap().run(handler, shutdown)).unwrap();
    });
    let mut waits = Vec::with_capacity(messages);
    for n in 0..messages + 20 {
        // Idle means asleep: both pops of the worker are blocked again.
        loop {
            let info: String = client.info(Some(InfoKind::Clients)).await.unwrap();
            if info.contains("blocked_clients:2") {
                break;
            }
        }
        let pushed = Instant::now();
        let _: i64 = client.lpush("queue:bench:pending", "{\"to\":\"a@example.com\"}").await.unwrap();
        let wait = arrivals.recv().await.unwrap().duration_since(pushed);
        if n >= 20 {
            waits.push(wait.as_secs_f64() * 1e3);
        }
    }
    trigger.drain();
    worker.join().unwrap();
    waits.sort_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    println!(
        "{{\"what\":\"latency\",\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"max_ms\":{:.3}}}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

struct Usage {
    cpu: f64,
    commands: f64,
    bytes_in: f64,
    bytes_out: f64,
}

async fn usage(client: &Client) -> Usage {
    let info: String = client.info(None).await.unwrap();
    let all: String = client.info(Some(InfoKind::CommandStats)).await.unwrap();
    let field = |name: &str| -> f64 {
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
            .unwrap_or(0.0)
    };
    // Only what came over a connection: EVALSHA, not what runs inside it.
    let calls = |name: &str| -> f64 {
        let start = format!("cmdstat_{name}:calls=");
        all.lines().find_map(|line| line.strip_prefix(&start)?.split(',').next()?.parse().ok()).unwrap_or(0.0)
    };
    Usage {
        cpu: field("used_cpu_user") + field("used_cpu_sys"),
        commands: ["evalsha", "eval", "brpoplpush", "client|unblock", "script|load"]
            .iter()
            .map(|c| calls(c))
            .sum(),
        bytes_in: field("total_net_input_bytes"),
        bytes_out: field("total_net_output_bytes"),
    }
}
