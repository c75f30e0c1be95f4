//! `dead`: what was given up.

mod change;
mod edit;
mod group;
mod ls;
mod select;
mod show;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::error::{Error, Exit};

const EXAMPLES: &str = "\
Plain redis-cli works too: `rpoplpush queue:email:dead_letter
queue:email:pending` requeues the oldest one.

Examples:
  queuectl dead ls --queue email --group
  queuectl dead show --queue email order-17
  queuectl dead requeue --queue email --code 535 --dry-run
  queuectl dead requeue --queue email --code 535 --per-second 20
  queuectl dead purge --queue sms --reason expired --before 7d";

/// `dead`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Dead {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List dead letters, newest first, or count them by reason and code
    Ls(ls::Ls),
    /// Show one dead letter with its attempts
    Show(show::Show),
    /// Put dead letters back to the end of their lanes, with their full retries
    Requeue(change::Requeue),
    /// Change one dead letter in its place
    Edit(edit::Edit),
    /// Remove dead letters for good
    Purge(change::Purge),
}

pub(crate) async fn run(args: Dead, context: &Context) -> Result<Exit, Error> {
    match args.verb {
        Verb::Ls(args) => ls::run(args, context).await,
        Verb::Show(args) => show::run(args, context).await,
        Verb::Requeue(args) => change::requeue(args, context).await,
        Verb::Edit(args) => edit::run(args, context).await,
        Verb::Purge(args) => change::purge(args, context).await,
    }
}
