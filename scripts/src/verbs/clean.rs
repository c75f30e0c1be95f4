//! `clean`: forgets what ended long ago.

use std::time::Duration;

use clap::{Args, ValueEnum};
use redispatch::clock;
use redispatch::queue::{Cleaned, Order, Queue, QueueError, Selector};
use serde_json::json;

use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::{output, time};

/// As clap would write it, within 80 columns.
const USAGE: &str = "queuectl clean [OPTIONS] -q <QUEUE> --state <STATE> --older-than <TIME>";

const HELP: &str = "\
sent: of the last 1,000 messages that ended those that were sent, with the
status of their ids, so that such an id may be sent again. Older ones are
forgotten by themselves, after COMPLETED_RETENTION_MS.
dead: dead letters, for good; `queuectl export` keeps a copy.

What waits, is delayed or is being sent is never touched. Exit code 1 where
nothing is old enough.

Examples:
  queuectl clean --queue ingest_reviews --state sent --older-than 24h
  queuectl clean --queue score_run --state dead --older-than 30d --dry-run
  queuectl clean --queue score_run --state dead --older-than 30d --yes";

/// `clean`
#[derive(Debug, Args)]
#[command(after_help = HELP, override_usage = USAGE)]
pub(crate) struct Clean {
    #[command(flatten)]
    queue: OneQueue,
    /// What to forget
    #[arg(long, value_enum)]
    state: State,
    /// Only what ended longer ago: 24h, 14d
    #[arg(long, value_name = "TIME", value_parser = time::duration)]
    older_than: Duration,
    /// No more than so many, the oldest
    #[arg(long, value_name = "N", default_value_t = u64::MAX, hide_default_value = true)]
    limit: u64,
    /// Count what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Sent,
    Dead,
}

pub(crate) async fn run(args: Clean, context: &Context) -> Result<Exit, Error> {
    let queue = context.existing_queue(&args.queue.queue).await?;
    let what = match args.state {
        State::Sent => Cleaned::Sent,
        State::Dead => Cleaned::Dead,
    };
    let failed = |error: QueueError| {
        let busy = matches!(error, QueueError::Busy(_));
        let failed = Error::redis(format!("cannot clean queue `{}`", queue.name()), error);
        let failed = failed.changed(if busy { "nothing" } else { "some may be gone, each whole" });
        failed.hint("run it again")
    };
    let mut most = args.limit;
    if args.dry_run || !args.yes {
        let count = count(&queue, what, &args).await.map_err(failed)?;
        if args.dry_run {
            told(&queue, what, count, true, context);
            return Ok(if count == 0 { Exit::No } else { Exit::Done });
        }
        if count > 0
            && !output::confirm(&format!("forget {} of {}", messages(what, count), queue.name()), false)?
        {
            output::say("nothing was changed");
            return Ok(Exit::No);
        }
        // What becomes old enough while the question waits was not counted, and is not meant.
        most = count;
    }
    let gone = queue.clean(what, args.older_than, most).await.map_err(failed)?;
    told(&queue, what, gone, false, context);
    Ok(if gone == 0 { Exit::No } else { Exit::Done })
}

/// How many there are to forget.
async fn count(queue: &Queue, what: Cleaned, args: &Clean) -> Result<u64, QueueError> {
    let before = clock::unix_ms().saturating_sub(args.older_than.as_millis() as u64);
    let found = match what {
        Cleaned::Sent => {
            let ended = queue.recent().await?;
            ended.iter().filter(|ended| ended.state == what.state() && ended.at < before).count() as u64
        }
        Cleaned::Dead => {
            let selector = Selector { before: Some(before as i64), ..Selector::default() };
            let (mut scan, mut found) = (queue.dead_letters(Order::Oldest).await?, 0);
            loop {
                let letters = scan.next().await?;
                if letters.is_empty() {
                    break found;
                }
                found += letters.iter().filter(|letter| selector.matches(letter)).count() as u64;
            }
        }
    };
    Ok(found.min(args.limit))
}

fn messages(what: Cleaned, count: u64) -> String {
    let (one, many) = match what {
        Cleaned::Sent => ("sent message", "sent messages"),
        Cleaned::Dead => ("dead letter", "dead letters"),
    };
    format!("{} {}", output::thousands(count), if count == 1 { one } else { many })
}

fn told(queue: &Queue, what: Cleaned, count: u64, dry_run: bool, context: &Context) {
    let (name, messages) = (queue.name(), messages(what, count));
    if context.json {
        output::json(&json!({ "queue": name, "state": what.state(), "cleaned": count, "dry_run": dry_run }));
    } else if dry_run {
        output::data(&format!("{name}: would forget {messages}; nothing was changed"));
    } else {
        output::data(&format!("{name}: forgot {messages}"));
    }
}
