//! `dead edit`

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use bytes::Bytes;
use clap::Args;
use redispatch::queue::{DeadLetter, Queue, QueueError};
use serde_json::json;

use super::change::once_free;
use super::ls::failed;
use super::show::{find, none};
use crate::cli::OneQueue;
use crate::context::Context;
use crate::dead::{fields, refusal};
use crate::error::{Error, Exit};
use crate::output;

const EXAMPLES: &str = "\
Without --set and --file the message is opened in $VISUAL or $EDITOR. What a
worker would refuse is refused here, unless --force. Fields that are not named
keep their digits and their order. Exit code 1 where there is none of this id,
or nothing was changed.

Examples:
  queuectl dead edit --queue email order-17
  queuectl dead edit --queue email order-17 --set to=new@example.com --requeue
  queuectl dead edit --queue sms order-17 --set 'metadata={\"try\":2}'
  queuectl dead edit --queue email order-17 --file mended.json";

/// `dead edit`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Edit {
    #[command(flatten)]
    queue: OneQueue,
    /// Its id, or its reference
    id: String,
    /// Set a field: JSON where it is that, else a text; NAME= takes it out
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "file")]
    set: Vec<String>,
    /// Take the whole message from a file, - for stdin
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Requeue it at once
    #[arg(long)]
    requeue: bool,
    /// Even where a worker would refuse it
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: Edit, context: &Context) -> Result<Exit, Error> {
    let queue = context.queue(&args.queue.queue)?;
    let Some(letter) = find(&queue, &args.id).await.map_err(|error| failed(&queue, error))? else {
        return Ok(none(&queue, &args.id));
    };
    let edited = match (&args.file, args.set.is_empty()) {
        (Some(file), _) => read(file)?,
        (None, false) => fields::set(&letter.bytes, &args.set)?,
        (None, true) => in_editor(&letter.bytes)?,
    };
    let edited: Bytes = fields::keep_delivery(&letter.bytes, &edited)?.into();
    if edited == letter.bytes && !args.requeue {
        output::say("nothing was changed");
        return Ok(Exit::No);
    }
    if let Some(why) = refusal(queue.name(), &edited)
        && !args.force
    {
        let error =
            Error::new(format!("a worker of `{}` would refuse it so", queue.name())).changed("nothing");
        return Err(error.cause(why).hint("mend it, or say --force"));
    }
    replace(&queue, &args, &letter, edited, context).await
}

async fn replace(
    queue: &Queue,
    args: &Edit,
    letter: &DeadLetter,
    edited: Bytes,
    context: &Context,
) -> Result<Exit, Error> {
    let cannot = |error: QueueError| {
        let cannot = Error::redis(format!("cannot edit a dead letter of `{}`", queue.name()), error);
        let hint = format!("`queuectl dead show --queue {} {}` tells", queue.name(), args.id);
        cannot.changed("it may be edited all the same").hint(hint)
    };
    let gone = || {
        let error =
            Error::new("it is no dead letter any more: somebody requeued or purged it").changed("nothing");
        error.hint(format!("`queuectl show --queue {} {}`", queue.name(), args.id))
    };
    let is_edited = edited != letter.bytes;
    let edit = async || queue.edit_dead(letter, edited.clone()).await;
    if is_edited && !once_free(edit).await.map_err(cannot)? {
        return Err(gone());
    }
    if args.requeue {
        // Chosen by its bytes: others may have its id or its reference.
        let edited = DeadLetter::read(edited).at(letter.place);
        let requeued = once_free(async || queue.requeue_dead(&edited).await).await;
        match requeued.map_err(|error| cannot(error).changed("it is edited, and may be requeued"))? {
            true => {}
            false if is_edited => {
                return Err(Error::new("somebody else requeued or purged it").changed("it was edited before"));
            }
            false => return Err(gone()),
        }
    }
    if context.json {
        output::json(
            &json!({ "queue": queue.name(), "id": args.id, "edited": is_edited, "requeued": args.requeue }),
        );
        return Ok(Exit::Done);
    }
    let what = match (is_edited, args.requeue) {
        (true, true) => "edited and requeued",
        (false, _) => "requeued as it was",
        (true, false) => "edited; `queuectl dead requeue` sends it",
    };
    output::data(&format!("{}: {} {what}", queue.name(), args.id));
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = match file.to_str() {
        Some("-") => std::io::stdin().lock().read_to_end(&mut bytes).map(drop),
        _ => std::fs::read(file).map(|all| bytes = all),
    };
    read.map_err(|error| {
        Error::new(format!("cannot read {}", file.display())).changed("nothing").cause(error)
    })?;
    Ok(bytes.trim_ascii().to_vec())
}

/// Lets the operator change `bytes` in a file that nobody else may read.
fn in_editor(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let cannot = |error: std::io::Error| Error::new("cannot open an editor").changed("nothing").cause(error);
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok());
    if editor.is_none() && !std::io::stdin().is_terminal() {
        let error = Error::new("nobody is here to edit").changed("nothing");
        return Err(error.hint("say --set NAME=VALUE, or --file PATH"));
    }
    let editor = editor.unwrap_or_else(|| "vi".into());
    let file = tempfile::Builder::new().prefix("dead-letter-").suffix(".json").tempfile().map_err(cannot)?;
    std::fs::write(file.path(), bytes).map_err(cannot)?;
    // An editor may be set with flags: `code --wait`.
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let ended = Command::new(program).args(words).arg(file.path()).status().map_err(cannot)?;
    if !ended.success() {
        return Err(Error::new(format!("{program} ended with {ended}")).changed("nothing"));
    }
    let edited = std::fs::read(file.path()).map_err(cannot)?;
    // Editors end a file with a newline.
    Ok(edited.strip_suffix(b"\n").filter(|_| !bytes.ends_with(b"\n")).unwrap_or(&edited).to_vec())
}
