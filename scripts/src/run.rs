//! `queuectl` from its command line to its exit code.

use std::ffi::OsString;
use std::process::ExitCode;

use redispatch::config::{Faults, Reader, Sources};
use redispatch::telemetry::{self, LogSettings};

use crate::cli::{Cli, Verb};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;
use crate::verbs;

/// Runs the program. Gives the exit code: 0 done, 1 no, 2 failed or wrong usage, 78 unusable settings.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (cli, sources) = match Cli::read(args) {
        Ok(read) => read,
        Err(code) => return code,
    };
    if let Verb::Completions(args) = &cli.verb {
        return exit(verbs::completions::run(args));
    }
    if let Verb::Healthcheck(_) = &cli.verb {
        return verbs::healthcheck::main(&cli);
    }
    let started = start(&cli, &sources);
    if let Verb::Doctor(args) = &cli.verb {
        return verbs::doctor::main(args, &cli, &sources);
    }
    match started {
        Ok(()) => {}
        Err(faults) => return faults.exit(),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&Error::new("cannot start").cause(error)),
    };
    let context = match runtime.block_on(async { Context::new(&sources, &cli) }) {
        Ok(context) => context,
        Err(faults) => return faults.exit(),
    };
    match runtime.block_on(verb(cli.verb, &context)) {
        Ok(how) => exit(how),
        Err(error) => fail(&error),
    }
}

/// Starts the log: warnings and errors on stderr, of `serve` its start and end too, more where `RUST_LOG` asks for it.
fn start(cli: &Cli, sources: &Sources) -> Result<(), Faults> {
    let mut reader = Reader::new(sources);
    let mut logs = LogSettings::read(&mut reader);
    if !reader.is_set("RUST_LOG") {
        let level = match cli.verb {
            Verb::Serve(_) => "info",
            // What a worker would warn of, it has in its findings.
            Verb::Doctor(_) => "error",
            _ => "warn",
        };
        level.clone_into(&mut logs.filter);
    }
    reader.finish()?;
    // Only one who set it up before could be in the way.
    let _ = telemetry::init(&logs);
    Ok(())
}

async fn verb(verb: Verb, context: &Context) -> Result<Exit, Error> {
    match verb {
        Verb::Cancel(args) => verbs::cancel::run(args, context).await,
        Verb::Clean(args) => verbs::clean::run(args, context).await,
        Verb::Completions(args) => Ok(verbs::completions::run(&args)),
        Verb::Dead(args) => verbs::dead::run(args, context).await,
        Verb::Delayed(args) => verbs::delayed::run(args, context).await,
        // They have ended before settings were refused.
        Verb::Doctor(_) | Verb::Healthcheck(_) => Ok(Exit::Done),
        Verb::Drain(args) => verbs::drain::run(args, context).await,
        Verb::Enqueue(args) => verbs::enqueue::run(args, context).await,
        Verb::Export(args) => verbs::export::run(args, context).await,
        Verb::Import(args) => verbs::import::run(args, context).await,
        Verb::Pause(args) => verbs::pause::pause(args, context).await,
        Verb::Queues(_) => verbs::queues::run(context).await,
        Verb::Reschedule(args) => verbs::reschedule::run(args, context).await,
        Verb::Resume(args) => verbs::pause::resume(args, context).await,
        Verb::Retry(args) => verbs::retry::run(args, context).await,
        Verb::RollbackCheck(args) => verbs::rollback_check::run(args, context).await,
        Verb::Schedule(args) => verbs::schedule::run(args, context).await,
        Verb::Serve(args) => verbs::serve::serve(args, context).await,
        Verb::Show(args) => verbs::show::run(args, context).await,
        Verb::Stats(args) => verbs::stats::run(args, context).await,
        Verb::Workers(args) => verbs::workers::run(args, context).await,
    }
}

fn exit(how: Exit) -> ExitCode {
    match how {
        Exit::Done => ExitCode::SUCCESS,
        Exit::No => ExitCode::from(1),
    }
}

fn fail(error: &Error) -> ExitCode {
    output::say(&error.to_string());
    ExitCode::from(2)
}
