//! `dead ls --group`: how many of what.

use std::collections::HashMap;

use redispatch::clock;
use redispatch::queue::{DeadLetter, Order, Queue, QueueError, Selector};
use redispatch::telemetry::mask;
use serde_json::json;

use super::ls::{cut, failed, minute};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output;

/// Letters that were given up for one reason, with one answer of one provider.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) count: u64,
    /// What the newest of them says.
    error: String,
    oldest: Option<i64>,
    newest: Option<i64>,
}

/// Reason, provider, code.
type Kind = (Option<String>, Option<String>, Option<String>);

/// All letters that are meant, the oldest up to the limit, counted by kind, the most frequent first.
pub(super) async fn count(queue: &Queue, selector: &Selector) -> Result<Vec<(Kind, Group)>, QueueError> {
    let mut scan = queue.dead_letters(Order::Oldest).await?;
    let bar = output::bar("looking at dead letters", scan.total);
    let mut groups = HashMap::<Kind, Group>::new();
    let mut room = selector.limit.unwrap_or(u64::MAX);
    while room > 0 {
        let letters = scan.next().await?;
        if letters.is_empty() {
            break;
        }
        bar.set_position(scan.looked_at());
        for letter in letters.into_iter().filter(|letter| selector.matches(letter)) {
            if room == 0 {
                break;
            }
            room -= 1;
            groups
                .entry((letter.reason.clone(), letter.provider.clone(), letter.code.clone()))
                .or_default()
                .add(letter);
        }
    }
    bar.finish_and_clear();
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(a, many), (b, few)| few.count.cmp(&many.count).then_with(|| a.cmp(b)));
    Ok(groups)
}

impl Group {
    fn add(&mut self, letter: DeadLetter) {
        self.count += 1;
        self.oldest = self.oldest.into_iter().chain(letter.dead_at).min();
        self.newest = self.newest.into_iter().chain(letter.dead_at).max();
        self.error = letter.error.unwrap_or_default();
    }
}

/// `smtp 535`
pub(super) fn kind((reason, provider, code): &Kind) -> String {
    let answer: Vec<&str> = [provider, code].into_iter().flatten().map(String::as_str).collect();
    match (reason.as_deref(), answer.is_empty()) {
        (reason, true) => reason.unwrap_or("for no known reason").to_owned(),
        (None, false) => answer.join(" "),
        (Some(reason), false) => format!("{} ({reason})", answer.join(" ")),
    }
}

pub(super) async fn run(queue: &Queue, selector: &Selector, context: &Context) -> Result<Exit, Error> {
    let groups = count(queue, selector).await.map_err(|error| failed(queue, error))?;
    let at = |ms: Option<i64>| ms.map(|ms| clock::rfc3339(ms.unsigned_abs()));
    if context.json {
        let entry = |((reason, provider, code), group): &(Kind, Group)| {
            json!({ "count": group.count, "reason": reason, "provider": provider, "code": code,
                "error": mask::text(&group.error), "oldest": at(group.oldest), "newest": at(group.newest) })
        };
        output::json(&groups.iter().map(entry).collect::<Vec<_>>());
    } else if groups.is_empty() {
        output::say(&format!("{}: no dead letters that fit", queue.name()));
    } else {
        let mut table = output::table(&["count", "what", "newest (UTC)", "error"]);
        for (of, group) in &groups {
            table.add_row([
                format!("{} ×", output::thousands(group.count)),
                kind(of),
                group.newest.map_or_else(|| "?".to_owned(), minute),
                cut(&mask::text(&group.error), 80),
            ]);
        }
        output::show(&table);
    }
    Ok(if groups.is_empty() { Exit::No } else { Exit::Done })
}
