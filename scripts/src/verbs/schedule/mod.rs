//! `schedule`: messages that come again and again.

mod add;
mod ls;
mod rm;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::error::{Error, Exit};

const EXAMPLES: &str = "\
The workers of the queue fire its schedules: while none runs, nothing fires.

Examples:
  queuectl schedule add nightly --queue email --pattern '0 1 * * *' \\
    --timezone Europe/Berlin '{\"to\":\"user@example.com\",\"body\":\"...\"}'
  queuectl schedule ls
  queuectl schedule rm nightly --queue email";

/// `schedule`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Schedule {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a schedule, or replace the one of its name
    Add(add::Add),
    /// List schedules, with their last and next firing
    Ls(ls::Ls),
    /// Remove a schedule; what it has put into the queue stays there
    Rm(rm::Rm),
}

pub(crate) async fn run(args: Schedule, context: &Context) -> Result<Exit, Error> {
    match args.verb {
        Verb::Add(args) => add::run(args, context).await,
        Verb::Ls(args) => ls::run(args, context).await,
        Verb::Rm(args) => rm::run(args, context).await,
    }
}
