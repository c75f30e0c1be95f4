//! `schedule rm`

use clap::Args;

use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

const HELP: &str = "\
Exit code 1 where the queue has no schedule of this name.

Examples:
  queuectl schedule rm nightly --queue email";

/// `schedule rm`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(super) struct Rm {
    /// Name of the schedule
    name: String,
    #[command(flatten)]
    queue: OneQueue,
}

pub(super) async fn run(args: Rm, context: &Context) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    let key = format!("{}:{}", queue.name(), args.name);
    let removed = queue.remove_schedule(&args.name).await;
    let removed = removed.map_err(|error| Error::redis(format!("cannot remove schedule `{key}`"), error))?;
    if context.json {
        output::json(&serde_json::json!({ "queue": queue.name(), "name": args.name, "removed": removed }));
    } else {
        output::data(&format!("{key}: {}", if removed { "removed" } else { "there is no such schedule" }));
    }
    Ok(if removed { Exit::Done } else { Exit::No })
}
