//! `enqueue`: puts messages into a queue, all of them checked before the first goes.

mod check;
mod lines;
mod send;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use redispatch::keys::Lane;
use redispatch::queue::Queue;

use crate::cli::OneQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

use lines::Lines;

const HELP: &str = "\
From --file and stdin comes one message a line (JSON Lines); empty lines are
passed over. All are checked before the first is enqueued: is one unusable,
none is.

Prints the id of each message, which is made up where it has none. A message
whose id waits, is in hand or delayed, or was sent within its retention is not
enqueued again; that is said, and counts as done. With --force what was sent is
sent again, and what waits or is delayed gives way to the new message; what is
in hand stays.

After a failure in the middle it is safe to give the same messages again only
where all of them have ids.

Examples:
  queuectl enqueue --queue email \\
    '{\"to\":\"user@example.com\",\"subject\":\"Test\",\"body\":\"...\"}'
  queuectl enqueue --queue sms --lane high --file messages.jsonl
  queuectl enqueue --queue email --force --file to-be-sent-again.jsonl
  some-program | queuectl enqueue --queue email -";

/// `enqueue`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Enqueue {
    #[command(flatten)]
    queue: OneQueue,
    /// The message, a JSON object; `-` reads many from stdin
    #[arg(conflicts_with = "file")]
    message: Option<String>,
    /// File of messages, one a line; `-` is stdin
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Lane: `high` goes first, `low` last
    #[arg(long, value_name = "LANE", value_enum, default_value_t = LaneName::Pending)]
    lane: LaneName,
    /// Enqueue also what was sent before, waits or is delayed
    #[arg(long)]
    force: bool,
}

/// Where messages go, and how.
struct Target<'a> {
    queue: &'a Queue,
    lane: Lane,
    force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LaneName {
    High,
    Pending,
    Low,
}

pub(crate) async fn run(args: Enqueue, context: &Context) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    let mut lines = source(&args)?;
    let checked = check::check(&queue, &mut lines, context.client.settings().max_message_bytes)?;
    let lane = match args.lane {
        LaneName::High => Lane::High,
        LaneName::Pending => Lane::Pending,
        LaneName::Low => Lane::Low,
    };
    if !context.is_known(queue.name()).await? {
        output::say(&format!("queue `{}` is new: nobody has served it yet", queue.name()));
    }
    let target = Target { queue: &queue, lane, force: args.force };
    send::send(&target, &mut lines, &checked, context.json).await?;
    Ok(Exit::Done)
}

fn source(args: &Enqueue) -> Result<Lines, Error> {
    let file = args.file.as_deref().filter(|path| *path != Path::new("-"));
    match (args.message.as_deref().filter(|message| *message != "-"), file) {
        (Some(message), _) => Lines::of_text(message),
        (None, Some(path)) => Lines::of_file(path),
        (None, None) => {
            if io::stdin().is_terminal() && args.message.is_none() && args.file.is_none() {
                let error = Error::new("no message is given").changed("nothing");
                return Err(error.hint("give one as argument, or many by --file; `-` reads them from stdin"));
            }
            Lines::of_stdin()
        }
    }
}
