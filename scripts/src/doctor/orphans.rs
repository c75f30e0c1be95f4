//! Members without bytes, and bytes without a member.

use redispatch::queue::{Orphans, Queue, QueueError};

use super::{Finding, Way};

const CHECK: &str = "orphans";

/// Looks for them, and mends them where `way` says so.
pub(super) async fn check(queue: &Queue, way: Way) -> Result<Finding, QueueError> {
    if way.is_replica {
        return Ok(Finding::skipped(CHECK, "not looked for on a replica"));
    }
    let orphans = queue.orphans().await?;
    if orphans.is_none() {
        return Ok(Finding::ok(CHECK, "none"));
    }
    if way.fix {
        let mended = queue.mend_orphans(way.lease).await?;
        return Ok(Finding::ok(CHECK, format!("mended: {}", told(mended, "removed", "brought back"))));
    }
    let found = told(orphans, "without a message", "that nobody knows to send");
    let todo = "say --fix: what is a message comes back, what is none goes";
    Ok(match orphans.messages {
        0 => Finding::warning(CHECK, found, todo),
        _ => Finding::fault(CHECK, found, todo),
    })
}

/// `1 entry removed, 2 messages brought back`
fn told(Orphans { members, messages }: Orphans, members_are: &str, messages_are: &str) -> String {
    let entries = if members == 1 { "entry" } else { "entries" };
    let plural = if messages == 1 { "message" } else { "messages" };
    let parts = [
        (members > 0).then(|| format!("{members} {entries} {members_are}")),
        (messages > 0).then(|| format!("{messages} {plural} {messages_are}")),
    ];
    match parts.into_iter().flatten().collect::<Vec<_>>() {
        parts if parts.is_empty() => "nothing was left to mend".to_owned(),
        parts => parts.join(", "),
    }
}
