//! `healthcheck`, also spelled `--healthcheck` as the workers do.

use std::process::ExitCode;

use clap::Args;
use redispatch::config::{API, HTTP, Sources, dotenv};

use crate::cli::Cli;

const HELP: &str = "\
For containers: whichever program of redispatch runs in this one is asked. That
is a worker of any queue at HTTP_ADDR, or else `queuectl serve` at API_ADDR.
Redis is not asked, and no other setting is read.

Exit code 0 where it is alive, 1 where it is not or nobody answers within 3 s,
with the reason; 78 where an address cannot be used.

Examples:
  queuectl healthcheck
  queuectl --healthcheck   # the same; as the workers spell it";

/// `healthcheck`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Healthcheck {}

pub(crate) fn main(cli: &Cli) -> ExitCode {
    let sources = Sources::new(&[HTTP, API], std::env::vars_os(), dotenv::load());
    redispatch_workers::healthcheck_of_any(&sources.with_flags(cli.flags.clone()))
}
