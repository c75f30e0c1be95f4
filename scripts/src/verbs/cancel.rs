//! `cancel`: takes messages back.

use std::time::Duration;

use clap::Args;
use redispatch::queue::{Changed, Queue};
use serde_json::json;

use crate::changed::{todo, told};
use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::{output, time};

const HELP: &str = "\
A message that waits, is scheduled for later or waits for a retry is taken back
and never sent; its id is free again. What a worker has in hand cannot be: the
provider may have accepted it.

--mark is for messages that are still to come, as from another program's
outbox: where nothing is known of an id, one that comes within that time is
dropped.

Exit code 1 where one of them could not be cancelled. The same command may be
given again: what was cancelled before counts as done.

Examples:
  queuectl cancel --queue whatsapp booking:17:24h booking:17:1h
  queuectl cancel --queue email order-1 --mark 1h";

/// `cancel`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Cancel {
    #[command(flatten)]
    queue: OneQueue,
    /// Ids of the messages
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Where an id is not known, drop what comes under it for so long: 15m, 2h
    #[arg(long, value_name = "TIME", value_parser = time::some_time)]
    mark: Option<Duration>,
}

pub(crate) async fn run(args: Cancel, context: &Context) -> Result<Exit, Error> {
    let name = &args.queue.queue;
    // What is to be dropped may be the first message of its queue.
    let queue = if args.mark.is_some() { context.queue(name)? } else { context.existing_queue(name).await? };
    let mut how = Exit::Done;
    for (done, id) in args.ids.iter().enumerate() {
        let changed = context.within(queue.cancel(id, args.mark)).await.map_err(|error| {
            let changed = format!("{done} of {} done; this one may be, too", args.ids.len());
            let error = Error::redis(format!("cannot cancel `{id}` in queue `{}`", queue.name()), error);
            error.changed(changed)
        })?;
        if !tell(&queue, id, changed, &args, context.json) {
            how = Exit::No;
        }
    }
    Ok(how)
}

/// Says what came of it, and whether the message is never sent.
fn tell(queue: &Queue, id: &str, changed: Changed, args: &Cancel, as_json: bool) -> bool {
    let (code, words) = told(changed);
    let marked = changed == Changed::Unknown && args.mark.is_some();
    let is_done = marked || matches!(changed, Changed::Done | Changed::Cancelled);
    if as_json {
        let state = if changed == Changed::Done { "cancelled" } else { code };
        let state = if marked { "marked" } else { state };
        output::json(&json!({ "queue": queue.name(), "id": id, "cancelled": is_done, "state": state }));
        return is_done;
    }
    match changed {
        Changed::Done => output::data(&format!("{id}: cancelled")),
        _ if marked => output::data(&format!("{id}: not known; dropped if it comes in time")),
        _ if is_done => output::data(&format!("{id}: {words}")),
        _ => {
            output::data(&format!("{id}: not cancelled: it {words}"));
            todo(changed, id, queue.name()).iter().for_each(|todo| output::say(&format!("hint: {todo}")));
        }
    }
    is_done
}
