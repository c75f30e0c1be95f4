//! The findings as a table.

use super::{Finding, Level};
use crate::output;

/// Writes them on stdout, the worst first, and how many there are on stderr.
pub(crate) fn show(findings: &[Finding]) {
    let mut rows = folded(findings);
    rows.sort_by_key(|row| std::cmp::Reverse(row.level));
    let mut table = output::table(&["", "CHECK", "FOUND"]);
    for Finding { level, check, queue, found, todo } in rows {
        let level = match level {
            Level::Ok => "ok",
            Level::Skipped => "skipped",
            Level::Warning => "warning",
            Level::Fault => "FAULT",
        };
        let about = queue.map(|queue| format!("{queue}: ")).unwrap_or_default();
        let todo = todo.map(|todo| format!("\n-> {todo}")).unwrap_or_default();
        table.add_row([level.to_owned(), check, about + &found + &todo]);
    }
    output::show(&table);
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let plural = |count, name| format!("{count} {name}{}", if count == 1 { "" } else { "s" });
    let (faults, warnings) = (count(Level::Fault), count(Level::Warning));
    output::say(&format!("{}, {}", plural(faults, "fault"), plural(warnings, "warning")));
}

/// One row for the queues of which a check says the same good thing.
fn folded(findings: &[Finding]) -> Vec<Finding> {
    let mut rows: Vec<Finding> = Vec::new();
    for finding in findings {
        let alike = |row: &&mut Finding| {
            row.level == Level::Ok
                && (row.level, &row.check, &row.found) == (finding.level, &finding.check, &finding.found)
        };
        match (rows.iter_mut().find(alike), &finding.queue) {
            (Some(Finding { queue: Some(queues), .. }), Some(queue)) => {
                queues.push_str(", ");
                queues.push_str(queue);
            }
            _ => rows.push(finding.clone()),
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_that_are_well_share_a_row() {
        let findings = [
            Finding::ok("orphans", "none").of("email"),
            Finding::warning("orphans", "2 members", "say --fix").of("news"),
            Finding::ok("orphans", "none").of("sms"),
            Finding::ok("keys", "none").of("sms"),
            Finding::warning("orphans", "2 members", "say --fix").of("other"),
        ];
        let rows = folded(&findings);
        let rows: Vec<_> = rows.iter().map(|row| (&*row.check, row.queue.as_deref().unwrap())).collect();
        assert_eq!(
            rows,
            [("orphans", "email, sms"), ("orphans", "news"), ("keys", "sms"), ("orphans", "other")]
        );
    }
}
