//! `import`

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use clap::Args;
use redispatch::queue::{Import as Importing, ImportError, Imported, Queue, QueueError};
use serde_json::json;

use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

const EXAMPLES: &str = "\
Every message goes back to where it was, behind what is there already. Broken
off, even by kill -9, it goes on where it was when the same command is run
again: nothing twice, nothing missing. Run again after its end it imports again.
Messages of your own, one a line, go in by `queuectl enqueue`.

Examples:
  queuectl import email email.jsonl
  queuectl export email | REDIS_URL=redis://new/0 queuectl import email --yes";

/// `import`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, override_usage = "queuectl import [OPTIONS] <QUEUE> [PATH]")]
pub(crate) struct Import {
    /// Queue, unless --queue names it; then what `queuectl export` wrote, stdin where
    /// it is not given, or -
    #[arg(value_names = ["QUEUE", "PATH"], num_args = 0..=2)]
    words: Vec<String>,
    /// Queue: email, sms, whatsapp, or one of your own
    #[arg(long, short, value_name = "QUEUE")]
    queue: Option<String>,
    /// Do not ask where the queue is not empty
    #[arg(long, short)]
    yes: bool,
    /// Take off the mark of an import that was broken off, and do nothing else
    #[arg(long)]
    forget: bool,
}

impl Import {
    /// The queue, and the file.
    fn places(&self) -> Result<(&str, Option<&Path>), Error> {
        let (queue, rest) = match (&self.queue, self.words.split_first()) {
            (Some(queue), _) => (queue, &self.words[..]),
            (None, Some((queue, rest))) => (queue, rest),
            (None, None) => {
                return Err(Error::new("no queue is named").hint("queuectl import email email.jsonl"));
            }
        };
        match rest {
            [] => Ok((queue, None)),
            [path] if !self.forget => Ok((queue, Some(path.as_ref()))),
            _ => {
                Err(Error::new("too many words").changed("nothing").hint("queuectl import email email.jsonl"))
            }
        }
    }
}

pub(crate) async fn run(args: Import, context: &Context) -> Result<Exit, Error> {
    let (name, path) = args.places()?;
    let queue = context.queue(name)?;
    let failed =
        |error: QueueError| Error::redis(format!("cannot import into queue `{}`", queue.name()), error);
    if args.forget {
        let gone = queue.forget_import().await.map_err(failed)?;
        if context.json {
            output::json(&json!({ "queue": queue.name(), "forgotten": gone }));
        } else {
            output::data(if gone { "the mark is off; what was imported stays" } else { "there is no mark" });
        }
        return Ok(if gone { Exit::Done } else { Exit::No });
    }
    let (lines, length): (Box<dyn BufRead>, u64) = match path.filter(|path| path.as_os_str() != "-") {
        None => (Box::new(io::stdin().lock()), 0),
        Some(path) => {
            let cannot =
                |error| Error::new(format!("cannot read {}", path.display())).changed("nothing").cause(error);
            let file = File::open(path).map_err(cannot)?;
            let length = file.metadata().map_err(cannot)?.len();
            (Box::new(BufReader::with_capacity(1 << 16, file)), length)
        }
    };
    let before = queue.stats().await.map_err(failed)?;
    let import = queue.import().await.map_err(failed)?;
    let there = before.waiting() + before.processing + before.delayed + before.dead_letter;
    if import.goes_on() {
        output::say("going on with an import that was broken off");
    } else if there > 0 {
        let what = format!(
            "import behind the {} messages that queue {} has",
            output::thousands(there),
            queue.name()
        );
        // Piped lines leave nobody to ask.
        if !output::confirm(&what, args.yes)? {
            output::say("nothing was changed");
            return Ok(Exit::No);
        }
    }
    let imported = take(lines, length, import).await.map_err(|error| unfinished(&queue, error))?;
    told(&queue, &imported, context);
    Ok(Exit::Done)
}

async fn take(
    mut lines: impl BufRead,
    length: u64,
    mut import: Importing<'_>,
) -> Result<Imported, ImportError> {
    let bar = output::byte_bar("importing", length);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line);
        let read = read.map_err(|error| QueueError::Message(format!("the lines cannot be read: {error}")))?;
        if read == 0 {
            break;
        }
        bar.inc(read as u64);
        import.line(line.trim_ascii_end()).await?;
    }
    let imported = import.finish().await;
    bar.finish_and_clear();
    imported
}

fn told(queue: &Queue, imported: &Imported, context: &Context) {
    let Imported { messages, before, known, exact } = *imported;
    if context.json {
        output::json(&json!({ "queue": queue.name(), "imported": messages, "imported_before": before,
            "known": known, "exact": exact }));
        return;
    }
    let mut text = format!("{}: {} messages imported", queue.name(), output::thousands(messages));
    if before > 0 {
        text += &format!(", behind {} that were imported before", output::thousands(before));
    }
    if known > 0 {
        text += &format!(", {} were in hand or delayed already", output::thousands(known));
    }
    output::data(&text);
    if !exact {
        output::say(
            "warning: the queue moved while this was exported: messages may be missing or be there twice",
        );
    }
}

fn unfinished(queue: &Queue, error: ImportError) -> Error {
    let name = queue.name();
    let what = format!("cannot import into queue `{name}`");
    let marked = "what was imported so far stays, and is marked";
    match error {
        ImportError::Queue(error) => Error::redis(what, error).changed(marked).hint("run the same command again"),
        ImportError::Other(count) => Error::new(what)
            .changed("nothing")
            .cause(match count {
                0 => "the mark of an earlier import cannot be read".to_owned(),
                _ => format!("an import of other lines was broken off after {} messages", output::thousands(count)),
            })
            .hint(format!(
                "run that one again to its end; or, where none is running any more, `queuectl import {name} --forget`"
            )),
        ImportError::Overtaken(count) => Error::new(what)
            .changed(format!("{} messages were imported and stay", output::thousands(count)))
            .cause("somebody else imports into this queue at the same time, or took the mark off")
            .hint("let one import come to its end before the next one is started"),
        ImportError::Line { number: 1, .. } => Error::new(what)
            .changed("nothing")
            .cause(error)
            .hint("messages of your own, one a line, go in by `queuectl enqueue`"),
        error => Error::new(what)
            .changed(marked)
            .cause(error)
            .hint("mend the lines behind what was imported and run the same command again: it goes on where it was"),
    }
}
