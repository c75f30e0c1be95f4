//! `show`: what became of a message with an id.

use clap::Args;
use redispatch::clock;
use redispatch::queue::{Found, Queue};
use redispatch::telemetry::mask;
use serde_json::{Map, Value, json};

use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::masked::masked;
use crate::{output, time};

const HELP: &str = "\
Known are messages with an id: what waits if it was enqueued by queuectl, HTTP
or the library, what is being sent or delayed, and what ended within its
retention. A message that was pushed with an id of its own is known once a
worker has it. Dead letters are under `queuectl dead show`.

Recipients are masked, and long texts cut, unless --reveal is given. Exit code
1 where nothing is known of the id.

Examples:
  queuectl show --queue email order-1
  queuectl show --queue email order-1 --reveal --json";

/// `show`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Show {
    #[command(flatten)]
    queue: OneQueue,
    /// The message's id
    id: String,
    /// Show the message as it is
    #[arg(long)]
    reveal: bool,
}

/// What is known of an id, as an operator wants to read it.
struct Sight {
    found: Found,
    /// The whole id of the worker that holds it.
    worker: Option<String>,
    now: i64,
}

pub(crate) async fn run(args: Show, context: &Context) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    let failed =
        |error| Error::redis(format!("cannot look up `{}` in queue `{}`", args.id, queue.name()), error);
    let Some(found) = queue.find(&args.id).await.map_err(failed)? else {
        output::say(&unknown(&args.id, queue.name()));
        return Ok(Exit::No);
    };
    let worker = holder(&queue, &found).await.map_err(failed)?;
    let sight = Sight { found, worker, now: context.client.clock().await.map_err(failed)? };
    if context.json {
        output::json(&sight.json(&queue, &args));
    } else {
        output::data(&sight.text(&queue, &args));
    }
    Ok(Exit::Done)
}

fn unknown(id: &str, queue: &str) -> String {
    format!(
        "queue `{queue}` knows nothing of `{id}`\n\n\
         hint: a message that was pushed without the library has no status while it waits;\n\
         \x20     dead letters are under `queuectl dead show --queue {queue} {id}`"
    )
}

async fn holder(queue: &Queue, found: &Found) -> Result<Option<String>, redispatch::queue::QueueError> {
    let Some(taker) = &found.taker else { return Ok(None) };
    let worker = queue.workers().await?.into_iter().find(|beat| beat.start == *taker);
    Ok(Some(worker.map_or_else(|| format!("{taker} (gives no sign of life)"), |beat| beat.id)))
}

impl Sight {
    fn text(&self, queue: &Queue, args: &Show) -> String {
        let Found { at, fields, message, .. } = &self.found;
        let since = format!("{} ({} ago)", clock::rfc3339(at.unsigned_abs()), ago(self.now - at));
        let mut lines = vec![
            ("id", args.id.clone()),
            ("queue", queue.name().to_owned()),
            ("state", self.state()),
            ("since", since),
        ];
        if let Some(worker) = &self.worker {
            lines.push(("worker", worker.clone()));
        }
        if let Some(ends) = self.found.lease_ends {
            lines.push(("lease", until(ends, self.now, "ends", "ended; another worker takes it over")));
        }
        if let Some(due) = self.found.due {
            lines.push(("due", until(due, self.now, "comes", "a worker takes it with its next claim")));
        }
        for (label, name) in [("reason", "reason"), ("error", "error"), ("provider id", "provider_id")] {
            if let Some(text) = fields.get(name).filter(|text| !text.is_empty()) {
                lines.push((label, if args.reveal { text.clone() } else { mask::text(text).into_owned() }));
            }
        }
        if let Some(bytes) = message {
            let value = if args.reveal { None } else { masked(bytes) };
            let raw = || String::from_utf8_lossy(bytes).into_owned();
            lines.push(("message", value.map_or_else(raw, |value| value.to_string())));
        }
        lines.iter().map(|(label, text)| format!("{label:<11}  {text}")).collect::<Vec<_>>().join("\n")
    }

    /// In words. What the status says is a hint: the message itself has to be where it points.
    fn state(&self) -> String {
        let gone = self.found.message.is_none();
        match self.found.state.as_str() {
            "waiting" => "waiting for a worker".to_owned(),
            "sending" if gone => {
                "was being sent and is not any more; its next copy takes the id over".to_owned()
            }
            "sending" => "being sent".to_owned(),
            "delayed" if gone => {
                "was delayed and is not any more; its next copy takes the id over".to_owned()
            }
            "delayed" => "delayed: waits for a retry or for its time".to_owned(),
            "sent" => "sent: the provider accepted it".to_owned(),
            "dead" => "dead: given up, see `queuectl dead show`".to_owned(),
            other => other.to_owned(),
        }
    }

    fn json(&self, queue: &Queue, args: &Show) -> Value {
        let mut shown = Map::new();
        for (name, text) in &self.found.fields {
            let text = if args.reveal { text.clone() } else { mask::text(text).into_owned() };
            shown.insert(name.clone(), text.into());
        }
        let message = self.found.message.as_ref();
        let message = message.map(|bytes| {
            let whole =
                || serde_json::from_slice(bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(bytes)));
            if args.reveal { whole() } else { masked(bytes).unwrap_or_default() }
        });
        for (name, value) in [
            ("id", json!(args.id)),
            ("queue", json!(queue.name())),
            ("state", json!(self.found.state)),
            ("at", json!(self.found.at)),
            ("due", json!(self.found.due)),
            ("lease_ends", json!(self.found.lease_ends)),
            ("worker", json!(self.worker)),
            ("message", json!(message)),
        ] {
            shown.insert(name.to_owned(), value);
        }
        shown.into()
    }
}

fn ago(ms: i64) -> String {
    time::shown(ms.max(0).unsigned_abs())
}

fn until(at: i64, now: i64, comes: &str, over: &str) -> String {
    let when = clock::rfc3339(at.unsigned_abs());
    if at > now { format!("{when} ({comes} in {})", ago(at - now)) } else { format!("{when} ({over})") }
}
