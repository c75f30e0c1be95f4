//! `drain`: waits until queues are empty.

mod line;
mod progress;

use std::time::Duration;

use clap::Args;
use redispatch::clock;
use serde_json::{Map, Value, json};

use crate::context::Context;
use crate::error::{Error, Exit};
use crate::{output, time};

use line::{Left, Line};
use progress::Progress;

/// Time between two looks.
const TICK: Duration = Duration::from_millis(300);

/// Redis may be away for so long, as in a failover.
const AWAY: Duration = Duration::from_secs(10);

const HELP: &str = "\
Empty means: nothing waits, nothing is being sent, no retry is due or delayed.
What is scheduled for a time to come does not count, unless --scheduled is
given; dead letters never do. Nothing is moved or removed: workers empty the
queues, so they have to run. Producers may go on; how many messages arrive
meanwhile is told.

Exit code 0 only where all of the queues were seen empty, 1 at the timeout,
with what is left of each. --timeout 0 looks once.

Examples:
  queuectl drain --queues email,sms --timeout 300
  queuectl drain --queues email --timeout 15m --scheduled
  queuectl drain --queues email --timeout 0 --json";

/// `drain`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Drain {
    /// Queues, with commas between
    #[arg(
        long,
        short,
        visible_alias = "queue",
        value_name = "QUEUE,…",
        value_delimiter = ',',
        required = true
    )]
    queues: Vec<String>,
    /// How long to wait: seconds, or 15m, 2h
    #[arg(long, value_name = "TIME", default_value = "300", value_parser = time::duration)]
    timeout: Duration,
    /// Wait for what is scheduled for later, too
    #[arg(long)]
    scheduled: bool,
}

pub(crate) async fn run(args: Drain, context: &Context) -> Result<Exit, Error> {
    let queues = context.existing(&args.queues).await?;
    let start = clock::boot_ms();
    let deadline = start + args.timeout.as_millis() as u64;
    let mut lines = Vec::new();
    for queue in queues {
        let line = Line::new(queue, args.scheduled).await;
        lines.push(line.map_err(|error| Error::redis("cannot look at the queues", error))?);
    }
    let mut progress = Progress::new();
    let mut seen = start;
    loop {
        match look(&mut lines).await {
            Ok(()) => seen = clock::boot_ms(),
            Err(error) if clock::boot_ms() - seen > AWAY.as_millis() as u64 => {
                let error = Error::redis("cannot look at the queues any more", error);
                return Err(error.changed(format!("nothing; last seen: {}", left(&lines).join(", "))));
            }
            Err(error) => progress.say(&format!("Redis is away: {error}; looking again")),
        }
        let empty = lines.iter().all(|line| line.left == Left::Nothing);
        let now = clock::boot_ms();
        if empty || now >= deadline {
            progress.end();
            tell(&lines, empty, context.json);
            return Ok(if empty { Exit::Done } else { Exit::No });
        }
        progress.show(&lines, now);
        tokio::time::sleep(TICK.min(Duration::from_millis(deadline - now))).await;
    }
}

/// One look at all queues. Only where all seem empty is looked for retries among what is delayed.
async fn look(lines: &mut [Line]) -> Result<(), redispatch::queue::QueueError> {
    for line in lines.iter_mut() {
        line.count().await?;
    }
    if lines.iter().all(Line::may_be_empty) {
        for line in lines.iter_mut() {
            line.look_for_retries().await?;
        }
    }
    Ok(())
}

fn left(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| format!("{}: {}", line.name(), line.left_in_words())).collect()
}

fn tell(lines: &[Line], empty: bool, as_json: bool) {
    if !as_json {
        let told = lines.iter().zip(left(lines)).map(|(line, left)| {
            let flow = line.flow();
            let meanwhile = match (flow.arrived, flow.left) {
                (0, 0) => String::new(),
                (arrived, left) => format!("; {arrived} arrived and {left} left meanwhile"),
            };
            let why = line.hindrances.iter().map(|why| format!("\n  {why}")).collect::<String>();
            format!("{left}{meanwhile}{why}")
        });
        output::data(&told.collect::<Vec<_>>().join("\n"));
        return;
    }
    let queues: Map<String, Value> = lines.iter().map(|line| (line.name().to_owned(), line.json())).collect();
    output::json(&json!({ "drained": empty, "queues": queues }));
}
