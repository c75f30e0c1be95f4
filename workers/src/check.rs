//! `--check`: tries what a worker needs, and sends nothing.

use std::io::Write as _;
use std::process::ExitCode;

use redispatch::Worker;
use redispatch::config::{Mode, WorkerSettings};
use redispatch::telemetry::mask;

use crate::{Channel, run};

/// Prints a line for each thing tried. The settings can be used, or nobody would come here.
pub(crate) async fn check<C: Channel>(
    queue: &str,
    settings: WorkerSettings,
    channel: C::Settings,
) -> ExitCode {
    let channel = match C::open(channel) {
        Ok(channel) => channel,
        Err(fault) => return run::refuse(Mode::Check, &fault.into()),
    };
    print("settings", &Ok(String::new()));
    let url = settings.redis.url.clone();
    let redis = match Worker::new(queue, settings) {
        Ok(worker) => worker.check().await,
        Err(error) => Err(error),
    };
    let redis = redis.map(|server| format!("{server} at {url}")).map_err(|error| format!("{url}: {error}"));
    print("redis", &redis);
    let provider = channel.check().await.map_err(|failure| mask::text(&failure.error).into_owned());
    print(C::QUEUE, &provider);
    channel.close().await;
    if redis.is_ok() && provider.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `redis     ok: Redis 7.0.15` or `redis     FAILED: …`.
pub(crate) fn print(what: &str, result: &Result<String, String>) {
    let line = match result {
        Ok(said) if said.is_empty() => format!("{what:<9} ok"),
        Ok(said) => format!("{what:<9} ok: {said}"),
        Err(why) => format!("{what:<9} FAILED: {why}"),
    };
    // A closed stdout changes nothing about the exit code.
    let _ = writeln!(std::io::stdout(), "{line}");
}
