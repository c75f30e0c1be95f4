//! `dead requeue` and `dead purge`

use std::time::Duration;

use clap::Args;
use redispatch::queue::{DeadAction, Queue, QueueError, Selector, Stopped};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::group;
use super::ls::failed;
use super::select::Select;
use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

const REQUEUE: &str = "\
Every letter goes whole, to the end of its own lane, the oldest first, and has
its full retries again. Killed half way, it can be run again. Exit code 1 where
nothing fits.

Examples:
  queuectl dead requeue --queue email --code 535 --dry-run
  queuectl dead requeue --queue email --code 535 --per-second 20
  queuectl dead requeue --queue sms --id order-17
  queuectl dead requeue --queue sms --all --yes";

const PURGE: &str = "\
What is purged is gone: `queuectl export` keeps a copy. Exit code 1 where
nothing fits.

Examples:
  queuectl dead purge --queue sms --reason expired --before 7d --dry-run
  queuectl dead purge --queue sms --reason expired --before 7d
  queuectl dead purge --queue email --all --yes";

/// What both take.
#[derive(Debug, Args)]
struct Change {
    #[command(flatten)]
    queue: OneQueue,
    #[command(flatten)]
    select: Select,
    /// No more than so many, the oldest
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// All of them: needed where nothing else chooses
    #[arg(long)]
    all: bool,
    /// Count what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// `dead requeue`
#[derive(Debug, Args)]
#[command(after_help = REQUEUE)]
pub(super) struct Requeue {
    #[command(flatten)]
    change: Change,
    /// No more than so many a second
    #[arg(long, value_name = "N", value_parser = pace)]
    per_second: Option<f64>,
}

/// `dead purge`
#[derive(Debug, Args)]
#[command(after_help = PURGE)]
pub(super) struct Purge {
    #[command(flatten)]
    change: Change,
}

fn pace(text: &str) -> Result<f64, String> {
    let pace: f64 = text.parse().map_err(|_| "write a number such as 20 or 0.5".to_owned())?;
    if (0.001..=1_000_000.0).contains(&pace) { Ok(pace) } else { Err("write 0.001 to 1000000".to_owned()) }
}

pub(super) async fn requeue(args: Requeue, context: &Context) -> Result<Exit, Error> {
    change(args.change, DeadAction::Requeue, args.per_second, context).await
}

pub(super) async fn purge(args: Purge, context: &Context) -> Result<Exit, Error> {
    change(args.change, DeadAction::Purge, None, context).await
}

async fn change(
    args: Change,
    action: DeadAction,
    per_second: Option<f64>,
    context: &Context,
) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    let selector = args.select.selector(args.limit);
    let narrow = Selector { limit: None, ..selector.clone() };
    // The oldest few may well be tried again; what is purged has to be named.
    let chosen = args.all || (args.limit.is_some() && action == DeadAction::Requeue);
    if narrow.is_all() && !chosen || !narrow.is_all() && args.all {
        let what = if args.all { "--all is given beside what chooses" } else { "nothing chooses which ones" };
        let hint = "say --id, --reason, --class, --code, --provider, --error, --before or --since; or --all";
        return Err(Error::new(what).changed("nothing").hint(hint));
    }
    let word = match action {
        DeadAction::Requeue => "requeue",
        DeadAction::Purge => "purge",
    };
    // One id, or nobody to be told first: no need to look twice.
    let mut expected = None;
    if args.dry_run || !args.yes {
        let groups = group::count(&queue, &selector).await.map_err(|error| failed(&queue, error))?;
        let count = groups.iter().map(|(_, group)| group.count).sum();
        expected = Some(count);
        if !args.dry_run || !context.json {
            for (kind, group) in &groups {
                output::say(&format!("{:>9} × {}", output::thousands(group.count), group::kind(kind)));
            }
        }
        if args.dry_run {
            told(&queue, word, count, true, context);
            return Ok(if count == 0 { Exit::No } else { Exit::Done });
        }
        if count > 0 {
            let what = format!("{word} {} of {}", letters(count), queue.name());
            if !output::confirm(&what, args.yes)? {
                output::say("nothing was changed");
                return Ok(Exit::No);
            }
        }
    }
    // Who comes while the question waits for its answer was not counted, and is not meant.
    let selector = Selector { limit: expected.or(selector.limit), ..selector };
    let moved = match expected {
        Some(0) => 0,
        _ => go(&queue, &selector, action, per_second, expected)
            .await
            .map_err(|stopped| unfinished(&queue, word, stopped))?,
    };
    told(&queue, word, moved, false, context);
    Ok(if moved == 0 { Exit::No } else { Exit::Done })
}

/// How long to wait for somebody else's command: one that was killed keeps others out for ten seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Does it, once nobody else is at work on the letters.
async fn go(
    queue: &Queue,
    selector: &Selector,
    action: DeadAction,
    per_second: Option<f64>,
    expected: Option<u64>,
) -> Result<u64, Stopped> {
    let end = Instant::now() + PATIENCE;
    let mut told = false;
    loop {
        match go_now(queue, selector, action, per_second, expected).await {
            Err(Stopped { moved: 0, error: QueueError::Busy(_), .. }) if Instant::now() < end => {
                if !std::mem::replace(&mut told, true) {
                    output::say(
                        "another command is at work on these dead letters, or was killed; waiting for it",
                    );
                }
                sleep(Duration::from_millis(500)).await;
            }
            other => return other,
        }
    }
}

async fn go_now(
    queue: &Queue,
    selector: &Selector,
    action: DeadAction,
    per_second: Option<f64>,
    expected: Option<u64>,
) -> Result<u64, Stopped> {
    let Some(per_second) = per_second else {
        let bar = output::bar("going through the dead letters", 0);
        let moved = queue.move_dead(selector, action, |looked_at, of| {
            bar.set_length(of);
            bar.set_position(looked_at);
        });
        let moved = moved.await;
        bar.finish_and_clear();
        return moved;
    };
    let bar = output::bar("requeueing", expected.unwrap_or(0));
    let moved = queue.move_dead_slowly(selector, action, per_second, |moved| bar.set_position(moved)).await;
    bar.finish_and_clear();
    moved
}

fn letters(count: u64) -> String {
    format!("{} dead letter{}", output::thousands(count), if count == 1 { "" } else { "s" })
}

fn told(queue: &Queue, word: &str, count: u64, dry_run: bool, context: &Context) {
    let past = if word == "purge" { "purged" } else { "requeued" };
    if context.json {
        output::json(&json!({ "queue": queue.name(), past: count, "dry_run": dry_run }));
    } else if dry_run {
        output::data(&format!("{}: would {word} {}; nothing was changed", queue.name(), letters(count)));
    } else {
        output::data(&format!("{}: {past} {}", queue.name(), letters(count)));
    }
}

fn unfinished(queue: &Queue, word: &str, Stopped { moved, begun, error }: Stopped) -> Error {
    let busy = matches!(error, QueueError::Busy(_));
    let failed = Error::redis(format!("cannot {word} the dead letters of `{}`", queue.name()), error);
    if !begun {
        let failed = failed.changed("nothing");
        return if busy { failed.hint("wait until it is done, then run this again") } else { failed };
    }
    let past = if word == "purge" { "purged" } else { "requeued" };
    let changed =
        format!("at least {} were {past}, each whole; the next run puts the order right", letters(moved));
    failed.changed(changed).hint("run it again")
}
