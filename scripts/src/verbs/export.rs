//! `export`

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use redispatch::Shutdown;
use redispatch::queue::{self, Exported, Queue, QueueError};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::cli::NamedQueue;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

const EXAMPLES: &str = "\
JSON Lines on stdout, or in a file that is there only when it is whole: messages
that wait, are in hand, are delayed or are dead letters, the oldest first. What
workers do meanwhile may be missing or twice: then the exit code is 1, and the
last line says \"exact\":false. --pause sees to it that nothing moves. Holds what
is in the messages: keep it as safe as they are.

Examples:
  queuectl export email > email.jsonl
  queuectl export email --pause --output email.jsonl";

/// How long `--pause` waits for sends in flight.
const SETTLE: Duration = Duration::from_secs(120);

/// `export`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Export {
    #[command(flatten)]
    queue: NamedQueue,
    /// Write to this file, which must not be there, instead of stdout
    #[arg(long, short, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Pause the queue meanwhile, once sends in flight have ended
    #[arg(long)]
    pause: bool,
}

pub(crate) async fn run(args: Export, context: &Context) -> Result<Exit, Error> {
    let queue = context.existing_queue(args.queue.name()).await?;
    if let Some(path) = args.output.as_deref().filter(|path| path.exists()) {
        let error = Error::new(format!("{} is there already", path.display())).changed("nothing");
        return Err(error.hint("name another file, or move that one away"));
    }
    let mut stop =
        Shutdown::on_signals().map_err(|error| Error::new("cannot wait for signals").cause(error))?;
    let paused = if args.pause { pause(&queue).await? } else { None };
    let work = async {
        if args.pause {
            nothing_in_hand(&queue).await?;
        }
        match &args.output {
            Some(path) => to_file(&queue, path).await,
            None => write(&queue, &mut io::stdout().lock()).await,
        }
    };
    let exported = tokio::select! {
        exported = work => exported,
        () = stop.draining() => Err(Error::new(format!("the export of queue `{}` was stopped", queue.name()))),
    };
    // Whatever became of the export; but a pause that somebody else has made since is not ours to end.
    if let Some(end) = paused {
        queue.resume_from(end).await.map_err(|error| {
            Error::redis(format!("cannot resume queue `{}`", queue.name()), error)
                .changed("the queue is still paused, for an hour at most")
                .hint(format!("queuectl resume --queue {}", queue.name()))
        })?;
    }
    let Exported { messages, exact } = exported?;
    if args.output.is_some() && context.json {
        output::json(&json!({ "queue": queue.name(), "messages": messages, "exact": exact }));
    } else {
        output::say(&format!("{}: {} messages exported", queue.name(), output::thousands(messages)));
    }
    if !exact {
        output::say(
            "warning: the queue moved meanwhile: messages may be missing or be there twice\n\nhint: --pause",
        );
    }
    Ok(if exact { Exit::Done } else { Exit::No })
}

/// Pauses the queue, and gives the end of the pause; nothing where somebody has paused it.
async fn pause(queue: &Queue) -> Result<Option<i64>, Error> {
    let failed = |error: QueueError| Error::redis(format!("cannot pause queue `{}`", queue.name()), error);
    let now = queue.clock().await.map_err(failed)?;
    let until = queue.stats().await.map_err(failed)?.gates.paused_until;
    if until.is_some_and(|until| until < 0 || until > now) {
        return Ok(None);
    }
    // It ends by itself, should this process not come to it.
    let lasts = Some(Duration::from_secs(3600));
    let end = queue.pause(&queue::Pause { lasts, note: "queuectl export".to_owned() }).await;
    end.map(Some).map_err(failed)
}

/// Waits until sends in flight have ended.
async fn nothing_in_hand(queue: &Queue) -> Result<(), Error> {
    let end = tokio::time::Instant::now() + SETTLE;
    loop {
        let stats = queue.stats().await;
        let stats =
            stats.map_err(|error| Error::redis(format!("cannot export queue `{}`", queue.name()), error))?;
        if stats.processing == 0 || tokio::time::Instant::now() >= end {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn to_file(queue: &Queue, path: &std::path::Path) -> Result<Exported, Error> {
    let cannot = |error: io::Error| {
        Error::new(format!("cannot write {}", path.display())).changed("no file was written").cause(error)
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(".".as_ref());
    let mut file = NamedTempFile::new_in(folder).map_err(cannot)?;
    let exported = write(queue, file.as_file_mut()).await?;
    file.as_file().sync_all().map_err(cannot)?;
    file.persist_noclobber(path).map_err(|error| cannot(error.error))?;
    Ok(exported)
}

async fn write(queue: &Queue, out: &mut impl Write) -> Result<Exported, Error> {
    let failed = |error: QueueError| Error::redis(format!("cannot export queue `{}`", queue.name()), error);
    let mut export = queue.export().await.map_err(failed)?;
    let bar = output::bar("exporting", export.total());
    let mut out = BufWriter::new(out);
    while let Some(line) = export.line().await.map_err(failed)? {
        if let Err(error) = writeln!(out, "{line}") {
            // A reader that has gone away has seen no last line, and knows.
            return Err(Error::new("cannot write the export").cause(error));
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    out.flush().map_err(|error| Error::new("cannot write the export").cause(error))?;
    Ok(export.ended.unwrap_or(Exported { messages: 0, exact: false }))
}
