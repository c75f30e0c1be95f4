//! `dead show`

use std::time::Duration;

use clap::Args;
use redispatch::queue::{DeadLetter, Queue, QueueError};
use redispatch::telemetry::mask;
use serde_json::Value;

use super::ls::failed;
use crate::cli::OneQueue;
use crate::context::Context;
use crate::dead::{Sought, by_id};
use crate::error::{Error, Exit};
use crate::output;

const EXAMPLES: &str = "\
Exit code 1 where there is none of this id.

Examples:
  queuectl dead show --queue email order-17
  queuectl dead show --queue email order-17 --reveal --json";

/// `dead show`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    #[command(flatten)]
    queue: OneQueue,
    /// Its id, or its reference
    id: String,
    /// Do not mask addresses and numbers
    #[arg(long)]
    reveal: bool,
}

/// The newest letter of this id or reference.
pub(super) async fn find(queue: &Queue, id: &str) -> Result<Option<DeadLetter>, QueueError> {
    // As long as it takes.
    Ok(match by_id(queue, id, Duration::from_secs(86_400)).await? {
        Sought::Found(letter) => Some(*letter),
        Sought::Nowhere | Sought::NotAmong(_) => None,
    })
}

/// There is no such letter.
pub(super) fn none(queue: &Queue, id: &str) -> Exit {
    output::say(&format!("{}: no dead letter has the id or reference `{id}`", queue.name()));
    Exit::No
}

pub(super) async fn run(args: Show, context: &Context) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    let Some(letter) = find(&queue, &args.id).await.map_err(|error| failed(&queue, error))? else {
        if context.json {
            output::data("null");
        }
        return Ok(none(&queue, &args.id));
    };
    let text = String::from_utf8_lossy(&letter.bytes);
    if context.json {
        output::data(&if args.reveal { text } else { mask::text(&text) });
        return Ok(Exit::Done);
    }
    let pretty = serde_json::from_str::<Value>(&text).and_then(|value| serde_json::to_string_pretty(&value));
    let pretty = pretty.unwrap_or_else(|_| text.into_owned());
    output::data(&if args.reveal { pretty.as_str().into() } else { mask::text(&pretty) });
    Ok(Exit::Done)
}
