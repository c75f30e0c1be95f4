//! What `scripts/bench` measures with: a table of ratios, each taken within one run on this machine.
//!
//! Arguments, checked by the script: rows `a` to `g`, `--json`, `--check`, `--no-aof`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a measuring program: data goes to stdout, and it ends with an explanation when it cannot measure"
)]

mod depth;
mod engine;
mod idle;
mod latency;
mod load;
mod machine;
mod process;
mod server;
mod sms;
mod smtp;
mod startup;
mod table;

use std::process::ExitCode;

use table::Figure;
use tokio::signal::unix::{SignalKind, signal};

const ROWS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// Interleaved rounds of what is compared.
const ROUNDS: usize = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if std::env::var_os("REDISPATCH_EMAIL_WORKER").is_none() {
        eprintln!("run scripts/bench: it builds the workers and finds what else is needed");
        return ExitCode::SUCCESS;
    }
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let rows: Vec<&str> = match ROWS.into_iter().filter(|row| has(row)).collect::<Vec<_>>() {
        rows if rows.is_empty() => ROWS.into(),
        rows => rows,
    };
    let aof = !has("--no-aof");
    let mut terminated = signal(SignalKind::terminate()).unwrap();
    // Dropping what is measured ends the servers and workers it started.
    let figures = tokio::select! {
        figures = measure(&rows, aof) => figures,
        _ = terminated.recv() => return ExitCode::FAILURE,
        _ = tokio::signal::ctrl_c() => return ExitCode::FAILURE,
    };
    let machine = machine::describe(aof).await;
    if has("--json") {
        println!("{}", table::json(&machine, &figures));
    } else {
        println!("{}", table::markdown(&machine, &figures));
    }
    match figures.iter().filter(|figure| figure.met() == Some(false)).count() {
        0 => ExitCode::SUCCESS,
        missed => {
            eprintln!("{missed} of the targets missed");
            if has("--check") { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
    }
}

async fn measure(rows: &[&str], aof: bool) -> Vec<Figure> {
    let mut figures = Vec::new();
    for row in rows {
        figures.extend(match *row {
            "a" => engine::throughput(aof).await,
            "b" => smtp::throughput(aof).await,
            "c" => latency::latency(aof).await,
            "d" => idle::idle(aof).await,
            "e" => [load::load(aof).await, depth::depth(aof).await].concat(),
            "f" => startup::startup(aof).await,
            _ => sms::throughput(aof).await,
        });
    }
    figures
}

fn progress(text: impl std::fmt::Display) {
    eprintln!("{text}");
}

/// The value that `share` of all values do not exceed; 0.5 is the median.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Runs a worker beside the one who feeds it.
fn on_a_thread(work: impl Future<Output = ()> + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    })
}
