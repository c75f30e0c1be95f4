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
With --intake workers go on, and what is enqueued through queuectl, HTTP or the
library is refused, with the note, until `queuectl resume --intake`; schedules
rest. Plain LPUSH cannot be refused: those producers have to stop themselves.

Examples:
  queuectl pause --queue email --note 'new SMTP password is coming'
  queuectl pause --queue sms --for 15m
  queuectl pause --intake --queue email --note 'moving to another Redis'";

const RESUME: &str = "\
Exit code 1 where the queue, or with --intake its intake, was not paused.

Examples:
  queuectl resume --queue email
  queuectl resume --intake --queue email";

/// `pause`
#[derive(Debug, Args)]
#[command(after_help = PAUSE)]
pub(crate) struct Pause {
    #[command(flatten)]
    queue: OneQueue,
    /// Refuse what is enqueued; workers go on
    #[arg(long)]
    intake: bool,
    /// How long: 90s, 15m, 2h; until `resume` where it is not given
    #[arg(long = "for", value_name = "TIME", value_parser = time::some_time, conflicts_with = "intake")]
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
    /// Of the intake: let messages be enqueued again
    #[arg(long)]
    intake: bool,
}

pub(crate) async fn pause(args: Pause, context: &Context) -> Result<Exit, Error> {
    let queue = context.existing_queue(&args.queue.queue).await?;
    if args.intake {
        return pause_intake(&queue, &args.note, context.json).await;
    }
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
    let (what, resumed) = match args.intake {
        true => ("intake ", queue.resume_intake().await),
        false => ("", queue.resume().await),
    };
    let resumed =
        resumed.map_err(|error| Error::redis(format!("cannot resume queue `{}`", queue.name()), error))?;
    if context.json {
        output::json(&serde_json::json!({ "queue": queue.name(), "resumed": resumed }));
    } else {
        let how = if resumed { "resumed" } else { "was not paused" };
        output::data(&format!("{}: {what}{how}", queue.name()));
    }
    Ok(if resumed { Exit::Done } else { Exit::No })
}

async fn pause_intake(queue: &queue::Queue, note: &str, as_json: bool) -> Result<Exit, Error> {
    let paused = queue.pause_intake(note).await;
    let name = queue.name();
    paused.map_err(|error| Error::redis(format!("cannot pause the intake of queue `{name}`"), error))?;
    if as_json {
        output::json(&serde_json::json!({ "queue": name, "intake_paused": true, "note": note }));
    } else {
        output::data(&format!("{name}: intake paused until `queuectl resume --intake --queue {name}`"));
    }
    Ok(Exit::Done)
}
