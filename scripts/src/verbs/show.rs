//! `show`: what became of a message with an id.

use clap::Args;
use redispatch::clock;
use redispatch::queue::{Found, Queue};
use serde::Serialize;
use serde_json::Value;

use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::masked::masked;
use crate::status::Status;
use crate::{output, time};

const HELP: &str = "\
Its state, times and attempts, each failed one with the provider's words, and
what its handler wrote down. Known are messages with an id: what waits if it was
enqueued by queuectl, HTTP or the library, what is being sent or delayed, and
what ended within its retention. A message that was pushed with an id of its own
is known once a worker has it. Dead letters are under `queuectl dead show`.

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
#[derive(Serialize)]
struct Sight {
    #[serde(flatten)]
    status: Status,
    /// The whole id of the worker that holds it.
    worker: Option<String>,
    message: Option<Value>,
    #[serde(skip)]
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
    let now = queue.clock().await.map_err(failed)?;
    let status = Status::of(queue.name(), &args.id, &found, args.reveal);
    if context.json {
        let message = found.message.as_ref().map(|bytes| message(bytes, args.reveal));
        output::json(&Sight { status, worker, message, now });
    } else {
        // As its bytes are, where it is revealed.
        let raw = found.message.as_ref().filter(|_| args.reveal);
        let raw = raw.map(|bytes| Value::from(String::from_utf8_lossy(bytes)));
        let message = raw.or_else(|| found.message.as_ref().map(|bytes| message(bytes, false)));
        output::data(&Sight { status, worker, message, now }.text());
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

/// The message as JSON; a text where it is none.
fn message(bytes: &[u8], reveal: bool) -> Value {
    let value = if reveal { serde_json::from_slice(bytes).ok() } else { masked(bytes) };
    value.unwrap_or_else(|| String::from_utf8_lossy(bytes).into())
}

impl Sight {
    fn text(&self) -> String {
        let Status { state, id, queue, at, attempts, .. } = &self.status;
        let status = &self.status;
        let moment = |at: i64| format!("{} ({} ago)", clock::rfc3339(at.unsigned_abs()), ago(self.now - at));
        let mut lines = vec![
            ("id", id.clone()),
            ("queue", queue.clone()),
            ("state", in_words(state, self.message.is_none()).to_owned()),
            ("since", moment(*at)),
        ];
        let mut line = |label, text: Option<String>| lines.extend(text.map(|text| (label, text)));
        line("enqueued", status.enqueued_at.map(moment));
        line("began", status.began.map(moment));
        line(
            "attempts",
            Some(*attempts).filter(|attempts| *attempts > 0).map(|attempts| attempts.to_string()),
        );
        line("worker", self.worker.clone());
        let lease = |ends| until(ends, self.now, "ends", "ended; another worker takes it over");
        line("lease", status.lease_ends.map(lease));
        line(
            "due",
            status.due.map(|due| until(due, self.now, "comes", "a worker takes it with its next claim")),
        );
        line("reason", status.reason.clone());
        line("error", status.error.clone());
        line("code", status.code.clone());
        line("provider", status.provider.clone());
        line("provider id", status.provider_id.clone());
        line("progress", status.progress.as_ref().map(Value::to_string));
        line("result", status.result.as_ref().map(Value::to_string));
        for attempt in &status.log {
            let by = [attempt.provider.as_deref(), attempt.code.as_deref(), Some(&attempt.error)];
            line(
                "failed",
                Some(format!("{}  {}", attempt.at, by.into_iter().flatten().collect::<Vec<_>>().join(" "))),
            );
        }
        for entry in &status.lines {
            line("log", Some(format!("{}  {}", entry.at, entry.line)));
        }
        let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        line("message", self.message.as_ref().map(plain));
        lines.iter().map(|(label, text)| format!("{label:<11}  {text}")).collect::<Vec<_>>().join("\n")
    }
}

/// What the status says is a hint: the message itself has to be where it points.
fn in_words(state: &str, gone: bool) -> &str {
    match state {
        "waiting" => "waiting for a worker",
        "sending" if gone => "was being sent and is not any more; its next copy takes the id over",
        "sending" => "being sent",
        "delayed" if gone => "was delayed and is not any more; its next copy takes the id over",
        "delayed" => "delayed: waits for a retry or for its time",
        "sent" => "sent: the provider accepted it",
        "dead" => "dead: given up, see `queuectl dead show`",
        "cancelled" => "cancelled: it is never sent",
        other => other,
    }
}

fn ago(ms: i64) -> String {
    time::shown(ms.max(0).unsigned_abs())
}

fn until(at: i64, now: i64, comes: &str, over: &str) -> String {
    let when = clock::rfc3339(at.unsigned_abs());
    if at > now { format!("{when} ({comes} in {})", ago(at - now)) } else { format!("{when} ({over})") }
}
