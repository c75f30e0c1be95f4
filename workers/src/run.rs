//! A worker program from its command line to its exit code.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use redispatch::config::{Cli, Faults, Mode, Reader, TABLES, WorkerSettings, worker_queue};
use redispatch::telemetry::{self, LogSettings};
use redispatch::{Shutdown, Worker};

use crate::{Channel, check, dry_run, healthcheck};

/// How long the process waits for a name lookup that hangs, once everything else has ended.
const LEFTOVERS: Duration = Duration::from_millis(100);

/// Runs the program `cli` for the channel `C` until it is told to stop.
///
/// Gives the exit code: 0 asked to stop, 1 failed, 2 wrong usage, 78 unusable settings.
pub fn run<C: Channel>(cli: Cli, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (mode, sources) = match cli.tables(TABLES).tables(C::TABLES).parse(args) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    if mode == Mode::Healthcheck {
        return healthcheck::healthcheck(&sources, C::QUEUE);
    }
    let mut reader = Reader::new(&sources);
    let queue = worker_queue(&mut reader, C::QUEUE);
    let settings = WorkerSettings::read(&mut reader, C::CONCURRENCY);
    let channel = C::read(&mut reader, settings.concurrency);
    let mut logs = LogSettings::read(&mut reader);
    if mode != Mode::Run && !reader.is_set("RUST_LOG") {
        "warn".clone_into(&mut logs.filter);
    }
    if let Err(faults) = reader.finish() {
        return refuse(mode, &faults);
    }
    if let Err(error) = telemetry::init(&logs) {
        return fail(&error);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let code = runtime.block_on(async {
        match mode {
            Mode::Run => work::<C>(&queue, settings, channel).await,
            Mode::Check => check::check::<C>(&queue, settings, channel).await,
            Mode::DryRun => dry_run::dry_run::<C>(&queue, &settings, &channel).await,
            Mode::Healthcheck => unreachable!("it needs none of these settings"),
        }
    });
    runtime.shutdown_timeout(LEFTOVERS);
    code
}

async fn work<C: Channel>(queue: &str, settings: WorkerSettings, channel: C::Settings) -> ExitCode {
    let shutdown = match Shutdown::on_signals() {
        Ok(shutdown) => shutdown,
        Err(error) => return fail(&error),
    };
    let channel = match C::open(channel) {
        Ok(channel) => Arc::new(channel),
        Err(fault) => return refuse(Mode::Run, &fault.into()),
    };
    let worker = match Worker::new(queue, settings) {
        Ok(worker) => worker.as_service(),
        Err(error) => return fail(&error),
    };
    let sender = channel.clone();
    let stopped = worker.run(move |delivery| sender.clone().send(delivery), shutdown).await;
    channel.close().await;
    match stopped {
        Ok(stopped) if stopped.is_clean() => ExitCode::SUCCESS,
        // Their list is in the log.
        Ok(_) => ExitCode::FAILURE,
        Err(error) => fail(&error),
    }
}

/// Tells the faults on stderr; `--check` has a line for them on stdout too.
pub(crate) fn refuse(mode: Mode, faults: &Faults) -> ExitCode {
    if mode == Mode::Check {
        check::print("settings", &Err(format!("{} unusable, listed on stderr", faults.0.len())));
    }
    faults.exit()
}

/// Tells on stderr why the program ends.
pub(crate) fn fail(error: &dyn std::error::Error) -> ExitCode {
    // A closed stderr changes nothing about the exit code.
    let _ = writeln!(std::io::stderr(), "error: {error}");
    ExitCode::FAILURE
}
