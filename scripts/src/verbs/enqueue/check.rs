//! Whether workers could send the messages.

use redispatch::queue::Queue;

use super::lines::Lines;
use crate::error::Error;
use crate::output;

/// Faults that are told.
const TOLD: usize = 20;

/// Bytes that a message may have beyond `MAX_MESSAGE_BYTES`: what workers wrote into it is not counted.
const RECORD_BYTES: usize = 1 << 20;

/// What is known of messages that can all be enqueued.
pub(super) struct Checked {
    pub(super) messages: u64,
    /// Messages without an id: given a second time they would be sent a second time.
    pub(super) without_id: u64,
    /// Longest line to read, bytes.
    pub(super) longest: usize,
}

/// Reads all lines.
///
/// # Errors
///
/// There is none, or one is unusable: the first faults, by line.
pub(super) fn check(queue: &Queue, lines: &mut Lines, max_bytes: usize) -> Result<Checked, Error> {
    let longest = max_bytes + RECORD_BYTES;
    let bar = output::byte_bar("checking", lines.bytes);
    let (mut messages, mut without_id, mut faults, mut faulty) = (0, 0, Vec::new(), 0);
    let mut reading = lines.read(longest)?;
    while let Some(line) = reading.next()? {
        bar.set_position(line.end);
        messages += 1;
        let checked = match &line.text {
            Some(text) => usable(queue, text),
            None => Err(format!("longer than {longest} bytes; MAX_MESSAGE_BYTES allows {max_bytes}")),
        };
        match checked {
            Ok(id) => without_id += u64::from(id.is_none()),
            Err(why) => {
                faulty += 1;
                if faults.len() < TOLD {
                    faults.push((line.number, why));
                }
            }
        }
    }
    bar.finish_and_clear();
    match (messages, faulty) {
        (0, _) => Err(Error::new(format!("no message in {}", lines.name)).changed("nothing")),
        (_, 0) => Ok(Checked { messages, without_id, longest }),
        (1, _) => {
            let why = faults.pop().map(|(_, why)| why).unwrap_or_default();
            Err(Error::new(format!("no worker of queue `{}` could send this message", queue.name()))
                .changed("nothing")
                .cause(why))
        }
        _ => Err(refusal(queue, lines, messages, faulty, &faults)),
    }
}

fn usable(queue: &Queue, text: &[u8]) -> Result<Option<String>, String> {
    let id = queue.check(text).map_err(|error| match error {
        redispatch::queue::QueueError::Message(why) => why,
        other => other.to_string(),
    })?;
    redispatch_workers::validate(queue.name(), text).map_err(|failure| failure.error)?;
    Ok(id)
}

fn refusal(queue: &Queue, lines: &Lines, messages: u64, faulty: u64, faults: &[(u64, String)]) -> Error {
    let mut told: Vec<String> = faults.iter().map(|(number, why)| format!("line {number}: {why}")).collect();
    if faulty > faults.len() as u64 {
        told.push(format!("… and {} more", faulty - faults.len() as u64));
    }
    let what = format!(
        "no worker of queue `{}` could send {faulty} of the {messages} messages in {}",
        queue.name(),
        lines.name
    );
    let error = Error::new(what).changed("nothing").cause(told.join("\n           "));
    error.hint("each line has to be one whole message (JSON Lines); mend these lines and try again")
}
