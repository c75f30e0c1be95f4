//! `pause` and `resume`.

use std::time::Duration;

use clap::Args;
use redispatch::clock;
use redispatch::queue;

use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::{output, time};

const PAUSE: &str = "\
Examples:
  queuectl pause --queue email --note 'new SMTP password is coming'
  queuectl pause --queue sms --for 15m";

const RESUME: &str = "\
Exit code 1 where the queue was not paused.

Examples:
  queuectl resume --queue email";

/// `pause`
#[derive(Debug, Args)]
#[command(after_help = PAUSE)]
pub(crate) struct Pause {
    #[command(flatten)]
    queue: OneQueue,
    /// How long: 90s, 15m, 2h; until `resume` where it is not given
    #[arg(long = "for", value_name = "TIME", value_parser = time::some_time)]
    lasts: Option<Duration>,
    /// Why, for whoever finds it paused
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// `resume`
#[derive(Debug, Args)]
#[command(after_help = RESUME)]
pub(crate) struct Resume {
    #[command(flatten)]
    queue: OneQueue,
}

pub(crate) async fn pause(args: Pause, context: &Context) -> Result<Exit, Error> {
    let queue = context.existing_queue(&args.queue.queue).await?;
    let pause = queue::Pause { lasts: args.lasts, note: args.note };
    let ends = queue.pause(&pause).await;
    let ends = ends.map_err(|error| Error::redis(format!("cannot pause queue `{}`", queue.name()), error))?;
    let until = (ends >= 0).then_some(ends);
    if context.json {
        output::json(&serde_json::json!({ "queue": queue.name(), "paused_until": ends, "note": pause.note }));
    } else {
        let until = until.map_or(format!("until `queuectl resume --queue {}`", queue.name()), |ends| {
            format!("until {}", clock::rfc3339(ends.unsigned_abs()))
        });
        output::data(&format!("{}: paused {until}", queue.name()));
    }
    Ok(Exit::Done)
}

pub(crate) async fn resume(args: Resume, context: &Context) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    let resumed = queue.resume().await;
    let resumed =
        resumed.map_err(|error| Error::redis(format!("cannot resume queue `{}`", queue.name()), error))?;
    if context.json {
        output::json(&serde_json::json!({ "queue": queue.name(), "resumed": resumed }));
    } else {
        output::data(&format!("{}: {}", queue.name(), if resumed { "resumed" } else { "was not paused" }));
    }
    Ok(if resumed { Exit::Done } else { Exit::No })
}
