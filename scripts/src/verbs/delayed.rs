//! `delayed`: what is to be sent later.

use clap::Args;
use redispatch::queue::Delayed;
use redispatch::telemetry::mask;
use serde_json::{Value, json};

use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::masked::{Glimpse, masked};
use crate::{output, time};

/// Read by one call.
const STEP: u64 = 1_000;

const HELP: &str = "\
The first due in front. What is scheduled waits for the time of its send_at,
what is called a retry failed before and waits for its next attempt.
Recipients are masked. A message without an id is called by its reference.

Exit code 1 where there is none. To change one: queuectl cancel, reschedule.

Examples:
  queuectl delayed --queue whatsapp
  queuectl delayed --queue email --skip 1000 --limit 1000 --json";

/// `delayed`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct DelayedArgs {
    #[command(flatten)]
    queue: OneQueue,
    /// No more than so many
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u64,
    /// Pass over so many first
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: u64,
}

pub(crate) async fn run(args: DelayedArgs, context: &Context) -> Result<Exit, Error> {
    let queue = context.existing_queue(&args.queue.queue).await?;
    let failed = |error| Error::redis(format!("cannot look at what is delayed in `{}`", queue.name()), error);
    let now = queue.clock().await.map_err(failed)?;
    let mut found = Vec::new();
    while (found.len() as u64) < args.limit {
        let seen = found.len() as u64;
        let most = (args.limit - seen).min(STEP);
        let some = queue.delayed(args.skip.saturating_add(seen), most).await.map_err(failed)?;
        let is_last = (some.len() as u64) < most;
        found.extend(some);
        if is_last {
            break;
        }
    }
    let total = queue.stats().await.map_err(failed)?.delayed;
    if context.json {
        output::json(&found.iter().map(entry).collect::<Vec<_>>());
    } else if !found.is_empty() {
        let mut table = output::table(&["due (UTC)", "in", "id", "lane", "waits for", "to"]);
        for message in &found {
            let waits_for = match message.scheduled {
                true => "its time".to_owned(),
                false => format!("retry {}", message.retries),
            };
            table.add_row([
                time::second(message.due),
                if message.due > now {
                    time::shown((message.due - now).unsigned_abs())
                } else {
                    "due".to_owned()
                },
                name(message).to_owned(),
                message.lane.name().to_owned(),
                waits_for,
                Glimpse::of(&message.bytes, false).to.unwrap_or_default(),
            ]);
        }
        output::show(&table);
    }
    if !context.json {
        output::say(&format!("{} of {total} delayed messages of {}", found.len(), queue.name()));
    }
    Ok(if found.is_empty() { Exit::No } else { Exit::Done })
}

/// What to call it: its id, else its reference.
fn name(message: &Delayed) -> &str {
    message.id.as_deref().unwrap_or(&message.reference)
}

fn entry(message: &Delayed) -> Value {
    json!({
        "id": message.id,
        "reference": message.reference,
        "due": message.due,
        "lane": message.lane.name(),
        "scheduled": message.scheduled,
        "retries": message.retries,
        "message": masked(&message.bytes)
            .unwrap_or_else(|| mask::text(&String::from_utf8_lossy(&message.bytes)).into_owned().into()),
    })
}
