//! `dead requeue` and `dead purge`

use std::ops::ControlFlow;
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
use crate::dead::{letters, past, unchosen, what_is_done, word};
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
    if let Some(what) = unchosen(&selector, args.all, action) {
        let what = if args.all { "--all is given beside what chooses" } else { what };
        let hint = "say --id, --reason, --class, --code, --provider, --error, --before or --since; or --all";
        return Err(Error::new(what).changed("nothing").hint(hint));
    }
    // One id, or nobody to be told first: no need to look twice.
    let mut expected = None;
    if args.dry_run || !args.yes {
        let groups = group::count(&queue, &selector).await.map_err(|error| failed(&queue, error))?;
        let count = groups.count();
        expected = Some(count);
        if !args.dry_run || !context.json {
            for (kind, group) in groups.sorted() {
                output::say(&format!("{:>9} × {}", output::thousands(group.count), kind.text()));
            }
        }
        if args.dry_run {
            told(&queue, action, count, true, context);
            return Ok(if count == 0 { Exit::No } else { Exit::Done });
        }
        if count > 0 {
            let what = format!("{} {} of {}", word(action), letters(count), queue.name());
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
            .map_err(|stopped| unfinished(&queue, action, stopped))?,
    };
    told(&queue, action, moved, false, context);
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
    let mut patience = Patience::default();
    loop {
        match go_now(queue, selector, action, per_second, expected).await {
            Err(Stopped { moved: 0, error: QueueError::Busy(_), .. }) if patience.waits().await => {}
            other => return other,
        }
    }
}

/// Does something with one letter, once nobody else is at work on all of them.
pub(super) async fn once_free(
    change: impl AsyncFn() -> Result<bool, QueueError>,
) -> Result<bool, QueueError> {
    let mut patience = Patience::default();
    loop {
        match change().await {
            Err(QueueError::Busy(_)) if patience.waits().await => {}
            other => return other,
        }
    }
}

/// Waits for somebody else's command, and says so once.
#[derive(Default)]
struct Patience {
    end: Option<Instant>,
}

impl Patience {
    /// A moment; false once it has been too long.
    async fn waits(&mut self) -> bool {
        let end = *self.end.get_or_insert_with(|| {
            output::say("another command is at work on these dead letters, or was killed; waiting for it");
            Instant::now() + PATIENCE
        });
        sleep(Duration::from_millis(500)).await;
        Instant::now() < end
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
        let moved = queue.move_dead(selector, action, |so_far| {
            bar.set_length(so_far.total);
            bar.set_position(so_far.looked_at);
            ControlFlow::Continue(())
        });
        let moved = moved.await;
        bar.finish_and_clear();
        return moved;
    };
    let bar = output::bar("requeueing", expected.unwrap_or(0));
    let moved = queue.move_dead_slowly(selector, action, per_second, |so_far| {
        bar.set_position(so_far.moved);
        ControlFlow::Continue(())
    });
    let moved = moved.await;
    bar.finish_and_clear();
    moved
}

fn told(queue: &Queue, action: DeadAction, count: u64, dry_run: bool, context: &Context) {
    let past = past(action);
    if context.json {
        output::json(&json!({ "queue": queue.name(), past: count, "dry_run": dry_run }));
    } else if dry_run {
        let word = word(action);
        output::data(&format!("{}: would {word} {}; nothing was changed", queue.name(), letters(count)));
    } else {
        output::data(&format!("{}: {past} {}", queue.name(), letters(count)));
    }
}

fn unfinished(queue: &Queue, action: DeadAction, stopped: Stopped) -> Error {
    let changed = what_is_done(action, &stopped);
    let Stopped { begun, error, .. } = stopped;
    let busy = matches!(error, QueueError::Busy(_));
    let what = format!("cannot {} the dead letters of `{}`", word(action), queue.name());
    let failed = Error::redis(what, error).changed(changed);
    match (begun, busy) {
        (false, true) => failed.hint("wait until it is done, then run this again"),
        (false, false) => failed,
        (true, _) => failed.hint("run it again"),
    }
}
