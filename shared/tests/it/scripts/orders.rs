//! What producers and operators run.

use sha1::{Digest as _, Sha1};

use super::call::{Call, RETENTION};
use super::queue::key;

/// A stamp that no copy of other bytes has.
pub(crate) fn stamp(bytes: &str) -> String {
    format!("{:x}", Sha1::digest(bytes))[..12].to_owned()
}

/// Id and bytes of each, to be sent at once, each under a stamp of its own.
pub(crate) fn enqueue(lane: &str, messages: &[(&str, &str)]) -> Call {
    let stamped: Vec<_> = messages.iter().map(|(id, bytes)| (*id, stamp(bytes), *bytes)).collect();
    let given: Vec<_> = stamped.iter().map(|(id, stamp, bytes)| (*id, stamp.as_str(), 0, *bytes)).collect();
    enqueue_as(lane, false, &given)
}

/// Id, stamp, due time (ms since 1970, 0 for at once) and bytes of each.
pub(crate) fn enqueue_as(lane: &str, force: bool, messages: &[(&str, &str, u64, &str)]) -> Call {
    let names = [
        "processing",
        "messages",
        "counters",
        "claimed",
        "pending:high",
        "pending",
        "pending:low",
        "delayed",
        "control",
    ];
    let force = if force { "1" } else { "0" };
    let layout = redispatch::keys::LAYOUT.to_string();
    let mut call = Call::new("enqueue", &names, &[lane, &RETENTION.to_string(), force, &layout]);
    for (id, stamp, due, bytes) in messages {
        call.id(id);
        call = call.arg(&[stamp, &due.to_string(), bytes]);
    }
    call
}

/// `seen` is `list`, `hand`, or empty; `mark` in ms.
pub(crate) fn cancel(id: &str, seen: &str, mark: u64) -> Call {
    let names = [
        "processing",
        "messages",
        "delayed",
        "claimed",
        "pending:high",
        "pending",
        "pending:low",
        "counters",
    ];
    let mut call = Call::new("cancel", &names, &[seen, &mark.to_string()]);
    call.id(id);
    call
}

/// In `list` from `place` on, `-1` where it is delayed as `member`.
pub(crate) fn reschedule(
    id: &str,
    list: &str,
    place: i64,
    member: &str,
    old: &str,
    new: &str,
    due: u64,
) -> Call {
    let args = [member, old, new, &due.to_string(), &RETENTION.to_string(), &place.to_string(), ""];
    let mut call = Call::new("reschedule", &["messages", "delayed"], &args);
    call.id(id);
    call.keys.push(key(list));
    call
}

pub(crate) fn seek(list: &str, from: u64, count: u64, text: &str) -> Call {
    Call::new("seek", &[list], &[&from.to_string(), &count.to_string(), text])
}

pub(crate) fn take_out(list: &str, id: &str, bytes: &str) -> Call {
    let mut call = Call::new("take_out", &[list], &[bytes]);
    call.id(id);
    call
}

pub(crate) fn intake(pause: bool, note: &str) -> Call {
    Call::new("intake", &["control"], &[if pause { "1" } else { "0" }, note])
}
