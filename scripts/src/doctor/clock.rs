//! How far the clocks of this host and of Redis are apart.

use redispatch::clock;
use redispatch::queue::Client;

use super::{Finding, redis};
use crate::time;

const CHECK: &str = "clocks";

/// Apart by as much, in ms, is worth a look.
const NOTICED: u64 = 1_000;
/// Apart by as much, in ms, messages expire too early or too late.
const FAR: u64 = 30_000;

/// Asks Redis for the time.
pub(super) async fn check(client: &Client) -> Finding {
    let before = clock::unix_ms() as i64;
    match client.clock().await {
        // The answer was made somewhere between the two looks at our own clock.
        Ok(theirs) => judge(theirs, before, clock::unix_ms() as i64),
        Err(error) => {
            let todo = redis::cure(&error, "mend what Redis complains about");
            Finding::fault(CHECK, format!("Redis does not tell the time: {error}"), todo)
        }
    }
}

/// `theirs` was told between `before` and `after`, all ms since 1970.
fn judge(theirs: i64, before: i64, after: i64) -> Finding {
    let apart = if theirs < before { theirs - before } else { (theirs - after).max(0) };
    let side = if apart > 0 { "ahead of" } else { "behind" };
    let found = format!("Redis is {} {side} this host", time::shown(apart.unsigned_abs()));
    let todo =
        "let NTP (chrony, systemd-timesyncd) set both: expiry goes by producers' clocks, leases by Redis's";
    match apart.unsigned_abs() {
        0..NOTICED => Finding::ok(CHECK, "Redis and this host agree"),
        NOTICED..FAR => Finding::warning(CHECK, found, todo),
        FAR.. => Finding::fault(CHECK, found, todo),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level::{Fault, Ok, Warning};
    use super::*;

    #[test]
    fn judgements() {
        for (theirs, level, start) in [
            (100_000, Ok, "Redis and this host agree"),
            (99_100, Ok, "Redis and this host agree"),
            (101_999, Ok, "Redis and this host agree"),
            (99_000, Warning, "Redis is 1.0 s behind this host"),
            (106_500, Warning, "Redis is 5.5 s ahead of this host"),
            (70_000, Fault, "Redis is 30 s behind this host"),
            (7_300_000, Fault, "Redis is 119 min ahead of this host"),
        ] {
            let finding = judge(theirs, 100_000, 101_000);
            assert!(finding.level == level && finding.found == start, "{finding:?}");
        }
    }
}
