//! `reschedule`: changes when a message is sent.

use clap::Args;
use redispatch::clock;
use redispatch::queue::{Changed, QueueError};
use serde_json::json;

use crate::changed::{todo, told};
use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;
use crate::time::{self, At};

const HELP: &str = "\
Earlier or later, of what waits, is scheduled for later or waits for a retry;
send_at in the message becomes the new time. A time that is over means: now.

TIME is 2026-01-31T12:00:00+01:00 (with an offset, or Z), milliseconds since
1970, +2h for in two hours, or now; + and now count by Redis's clock.

Exit code 1 where the message cannot be rescheduled: it is in hand, sent, dead,
cancelled, or not known.

Examples:
  queuectl reschedule --queue whatsapp booking:17:24h --at +2h
  queuectl reschedule --queue email order-1 --at 2026-01-31T12:00:00Z
  queuectl reschedule --queue email order-1 --at now";

/// `reschedule`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Reschedule {
    #[command(flatten)]
    queue: OneQueue,
    /// The message's id
    id: String,
    /// When it is to be sent
    #[arg(long, value_name = "TIME", value_parser = time::at)]
    at: At,
}

pub(crate) async fn run(args: Reschedule, context: &Context) -> Result<Exit, Error> {
    let Reschedule { queue, id, at } = args;
    let queue = context.existing_queue(&queue.queue).await?;
    let name = queue.name();
    let failed = |error: QueueError| {
        let what = format!("cannot reschedule `{id}` in queue `{name}`");
        match error {
            QueueError::Message(why) => Error::new(what).changed("nothing").cause(why),
            error => Error::redis(what, error).changed("it may be done; it is safe to ask again"),
        }
    };
    let at = match at {
        At::Instant(at) => at,
        At::In(lasts) => {
            let now = queue.clock().await;
            let now =
                now.map_err(|error| Error::redis("cannot ask Redis for the time", error).changed("nothing"))?;
            now + lasts.as_millis() as i64
        }
    };
    let changed = context.within(queue.reschedule(&id, at)).await.map_err(failed)?;
    let is_done = changed == Changed::Done;
    let (code, words) = told(changed);
    if context.json {
        let send_at = is_done.then_some(at);
        output::json(&json!({ "queue": name, "id": id, "rescheduled": is_done, "send_at": send_at,
            "state": if is_done { "delayed" } else { code } }));
    } else if is_done {
        output::data(&format!("{id}: goes out at {}", clock::rfc3339(at.max(0).unsigned_abs())));
    } else {
        output::data(&format!("{id}: not rescheduled: it {words}"));
        todo(changed, &id, name).iter().for_each(|todo| output::say(&format!("hint: {todo}")));
    }
    Ok(if is_done { Exit::Done } else { Exit::No })
}
