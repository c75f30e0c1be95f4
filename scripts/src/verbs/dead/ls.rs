//! `dead ls`

use clap::Args;
use redispatch::clock;
use redispatch::queue::{DeadLetter, Order, Queue, Selector};
use redispatch::telemetry::mask;
use serde_json::{Value, json};

use super::group;
use super::select::Select;
use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

const EXAMPLES: &str = "\
Exit code 1 where there is none. Recipients are masked; `dead show` has all of
a message.

Examples:
  queuectl dead ls --queue email
  queuectl dead ls --queue email --group
  queuectl dead ls --queue sms --code 21211 --limit 100 --json";

/// `dead ls`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Ls {
    #[command(flatten)]
    queue: OneQueue,
    #[command(flatten)]
    select: Select,
    /// No more than so many, the newest
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "group")]
    limit: u64,
    /// Count them by reason and code instead
    #[arg(long, short)]
    group: bool,
}

pub(super) async fn run(args: Ls, context: &Context) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    if args.group {
        return group::run(&queue, &args.select.selector(None), context).await;
    }
    let limit = args.limit;
    let (found, total) =
        find(&queue, &args.select.selector(Some(limit))).await.map_err(|error| failed(&queue, error))?;
    if context.json {
        output::json(&found.iter().map(entry).collect::<Vec<_>>());
    } else if !found.is_empty() {
        let mut table = output::table(&["dead since (UTC)", "id", "reason", "code", "error"]);
        for letter in &found {
            let code = [letter.provider.as_deref(), letter.code.as_deref()];
            table.add_row([
                letter.dead_at.map_or_else(|| "?".to_owned(), minute),
                name(letter).to_owned(),
                letter.reason.clone().unwrap_or_else(|| "?".to_owned()),
                code.into_iter().flatten().collect::<Vec<_>>().join(" "),
                cut(&mask::text(letter.error.as_deref().unwrap_or_default()), 80),
            ]);
        }
        output::show(&table);
    }
    if !context.json {
        output::say(&format!("{} of {total} dead letters of {}", found.len(), queue.name()));
    }
    Ok(if found.is_empty() { Exit::No } else { Exit::Done })
}

/// The newest letters that are meant, and how many there are of all kinds.
async fn find(
    queue: &Queue,
    selector: &Selector,
) -> Result<(Vec<DeadLetter>, u64), redispatch::queue::QueueError> {
    let mut scan = queue.dead_letters(Order::Newest).await?;
    let most = usize::try_from(selector.limit.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    while found.len() < most {
        let letters = scan.next().await?;
        if letters.is_empty() {
            break;
        }
        let room = most - found.len();
        found.extend(letters.into_iter().filter(|letter| selector.matches(letter)).take(room));
    }
    Ok((found, scan.total))
}

/// Looking at the dead letters of `queue` failed.
pub(super) fn failed(queue: &Queue, error: redispatch::queue::QueueError) -> Error {
    Error::redis(format!("cannot look at the dead letters of `{}`", queue.name()), error)
}

/// What to call a letter: its id, else its reference.
pub(super) fn name(letter: &DeadLetter) -> &str {
    letter.id.as_deref().or(letter.reference.as_deref()).unwrap_or("?")
}

fn entry(letter: &DeadLetter) -> Value {
    json!({
        "id": letter.id,
        "ref": letter.reference,
        "reason": letter.reason,
        "class": letter.class,
        "code": letter.code,
        "provider": letter.provider,
        "error": letter.error.as_deref().map(mask::text),
        "dead_at": letter.dead_at.map(|at| clock::rfc3339(at.unsigned_abs())),
        "lane": letter.lane.name(),
        "bytes": letter.bytes.len(),
    })
}

/// `2026-01-31 12:00`
pub(super) fn minute(ms: i64) -> String {
    clock::rfc3339(ms.unsigned_abs()).chars().take(16).collect::<String>().replace('T', " ")
}

/// `text` in one line of `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
