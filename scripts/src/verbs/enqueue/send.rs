//! Puts checked messages into the queue.

use redispatch::queue::{Enqueued, QueueError};
use serde_json::json;

use super::{Target, check::Checked, lines::Lines};
use crate::error::Error;
use crate::output;

/// Messages, and bytes, handed to the library at a time: as many as one call of it bears, so that what a failure leaves
/// is known to within one of them.
const BATCH: usize = 200;
const BATCH_BYTES: usize = 7 << 20;

pub(super) async fn send(
    target: &Target<'_>,
    lines: &mut Lines,
    checked: &Checked,
    as_json: bool,
) -> Result<(), Error> {
    let bar = output::byte_bar("enqueueing", lines.bytes);
    let name = lines.name.clone();
    let (mut done, mut created) = (0, 0);
    let mut reading = lines.read(checked.longest)?;
    loop {
        let (mut batch, mut size, mut first, mut last, mut end) = (Vec::new(), 0, 0, 0, 0);
        while batch.len() < BATCH && size < BATCH_BYTES {
            let Some(line) = reading.next().map_err(|error| error.changed(so_far(done, created)))? else {
                break;
            };
            let Some(text) = line.text else { continue };
            size += text.len();
            (last, end) = (line.number, line.end);
            first = if first == 0 { line.number } else { first };
            batch.push(text);
        }
        if batch.is_empty() {
            break;
        }
        let Target { queue, lane, force } = target;
        let enqueued = match force {
            true => queue.enqueue_again(*lane, batch).await,
            false => queue.enqueue(*lane, batch).await,
        };
        let enqueued = enqueued.map_err(|error| {
            if let QueueError::Intake(_) = error {
                return refused(target, error).changed(so_far(done, created));
            }
            let error = Error::redis(format!("cannot enqueue into queue `{}`", queue.name()), error);
            let doubt =
                if last > first { format!("lines {first} to {last}") } else { format!("line {first}") };
            let error =
                error.changed(format!("{}; {doubt} of {name} may be enqueued too", so_far(done, created)));
            error.hint(again(checked, *force))
        })?;
        done += enqueued.len() as u64;
        created += enqueued.iter().filter(|enqueued| enqueued.created).count() as u64;
        bar.suspend(|| output::report(&told(&enqueued, as_json)));
        bar.set_position(end);
    }
    bar.finish_and_clear();
    if checked.messages > 1 {
        output::say(&so_far(done, created));
    }
    Ok(())
}

fn told(enqueued: &[Enqueued], as_json: bool) -> String {
    let line = |Enqueued { id, created }: &Enqueued| match (as_json, created) {
        (true, _) => json!({ "id": id, "created": created }).to_string(),
        (false, true) => id.clone(),
        (false, false) => format!("{id} (is there already)"),
    };
    enqueued.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn so_far(done: u64, created: u64) -> String {
    match done - created {
        0 => format!("{created} enqueued"),
        exist => format!("{created} enqueued, {exist} were there already"),
    }
}

/// Nobody may enqueue now.
fn refused(target: &Target<'_>, error: QueueError) -> Error {
    let name = target.queue.name();
    let hint = match target.queue.client().settings().accept_jobs {
        true => format!("queuectl resume --intake --queue {name}"),
        false => "WORKER_ACCEPT_JOBS=no is set here: in the environment, in .env, or as a flag".to_owned(),
    };
    Error::new(format!("queue `{name}` takes no messages now")).cause(error).hint(hint)
}

fn again(checked: &Checked, force: bool) -> String {
    match checked.without_id {
        _ if force => {
            "give only those again that are not enqueued yet: --force sends again what was sent".to_owned()
        }
        0 => "it is safe to give the same again: every message has an id, none is enqueued twice".to_owned(),
        n => format!(
            "{n} of {} have no id: give only those again that are not enqueued yet, or they are sent twice",
            checked.messages
        ),
    }
}
