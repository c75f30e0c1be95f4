//! `retry`: tries one message again, now.

use clap::Args;
use redispatch::queue::{Changed, QueueError};
use serde_json::json;

use crate::changed::told;
use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

const HELP: &str = "\
One that waits for its retry, or is scheduled for later, goes now; a dead letter
goes back to the end of its lane, with its full retries. `queuectl dead requeue`
does the same to many.

Exit code 1 where there is nothing to try again: the message is in hand, was
sent or cancelled, or is not known.

Examples:
  queuectl retry --queue score_run score:t1:2024-01-01:2024-01-31:v1
  queuectl retry --queue email order-17 --json";

/// `retry`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Retry {
    #[command(flatten)]
    queue: OneQueue,
    /// The message's id
    id: String,
}

pub(crate) async fn run(args: Retry, context: &Context) -> Result<Exit, Error> {
    let queue = context.existing_queue(&args.queue.queue).await?;
    let (id, name) = (&args.id, queue.name());
    let changed = queue.retry(id).await.map_err(|error| {
        let busy = matches!(error, QueueError::Busy(_));
        let failed = Error::redis(format!("cannot retry `{id}` in queue `{name}`"), error);
        failed.changed(if busy { "nothing" } else { "it may be done; it is safe to ask again" })
    })?;
    let done = changed == Changed::Done;
    let (state, words) = told(changed);
    if context.json {
        output::json(
            &json!({ "queue": name, "id": id, "retried": done, "state": if done { "waiting" } else { state } }),
        );
    } else if done {
        output::data(&format!("{id}: goes now"));
    } else {
        output::data(&format!("{id}: not retried: it {words}"));
    }
    Ok(if done { Exit::Done } else { Exit::No })
}
