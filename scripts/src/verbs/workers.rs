//! `workers`: who serves the queues.

use clap::Args;
use redispatch::queue::Beat;
use serde_json::{Value, json};

use crate::cli::Queues;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::{output, time};

const HELP: &str = "\
HELD counts the messages in a worker's hands, SENDING those of them that are
being sent, of as many as it sends at a time (CONCURRENCY). OLDEST is how long
it has held the oldest. SEEN is how long ago it last gave a sign of life; one
that missed three is `late`: it is gone, or cannot reach Redis.

Exit code 1 where no worker lives; with --queue, where one of those queues has
none.

Examples:
  queuectl workers
  queuectl workers --queue email --json";

/// `workers`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Workers {
    #[command(flatten)]
    queues: Queues,
}

pub(crate) async fn run(args: Workers, context: &Context) -> Result<Exit, Error> {
    let mut beats = Vec::new();
    let mut without = Vec::new();
    for queue in context.queues(&args.queues.names).await? {
        let failed =
            |error| Error::redis(format!("cannot list the workers of queue `{}`", queue.name()), error);
        let found = queue.workers().await.map_err(failed)?;
        if found.iter().all(Beat::is_late) {
            without.push(queue.name().to_owned());
        }
        beats.extend(found.into_iter().map(|beat| Beat { queue: queue.name().to_owned(), ..beat }));
    }
    if context.json {
        output::json(&beats.iter().map(line).collect::<Vec<_>>());
    } else if !beats.is_empty() {
        show(&beats);
    }
    let none = beats.iter().all(Beat::is_late);
    if none {
        output::say("no worker lives");
    } else if !args.queues.names.is_empty() && !without.is_empty() {
        output::say(&format!("no worker lives of: {}", without.join(", ")));
    }
    Ok(if none || (!args.queues.names.is_empty() && !without.is_empty()) { Exit::No } else { Exit::Done })
}

fn line(beat: &Beat) -> Value {
    let mut line = serde_json::to_value(beat).unwrap_or_default();
    line["late"] = json!(beat.is_late());
    line
}

fn show(beats: &[Beat]) {
    let mut table =
        output::table(&["QUEUE", "WORKER", "VERSION", "PID", "HELD", "SENDING", "OLDEST", "SEEN"]);
    for beat in beats {
        let seen = time::shown(beat.age_ms.unsigned_abs());
        table.add_row(vec![
            beat.queue.clone(),
            beat.id.clone(),
            beat.version.clone(),
            beat.pid.to_string(),
            beat.in_hand.to_string(),
            format!("{}/{}", beat.sending, beat.concurrency),
            beat.oldest_ms.map_or("-".to_owned(), time::shown),
            if beat.is_late() { format!("late: {seen}") } else { seen },
        ]);
    }
    output::numbers(&mut table, 2..8);
    output::show(&table);
}
