//! `dead ls --group`: how many of what.

use redispatch::clock;
use redispatch::queue::{Order, Queue, QueueError, Selector};
use redispatch::telemetry::mask;
use serde_json::json;

use super::ls::{cut, failed, minute};
use crate::context::Context;
use crate::dead::{Group, Groups, Kind};
use crate::error::{Error, Exit};
use crate::output;

/// All letters that are meant, the oldest up to the limit, counted by kind.
pub(super) async fn count(queue: &Queue, selector: &Selector) -> Result<Groups, QueueError> {
    let mut scan = queue.dead_letters(Order::Oldest).await?;
    let bar = output::bar("looking at dead letters", scan.total);
    let mut groups = Groups::default();
    let limit = selector.limit.unwrap_or(u64::MAX);
    while groups.count() < limit {
        let letters = scan.next().await?;
        if letters.is_empty() {
            break;
        }
        bar.set_position(scan.looked_at());
        let room = usize::try_from(limit - groups.count()).unwrap_or(usize::MAX);
        letters
            .into_iter()
            .filter(|letter| selector.matches(letter))
            .take(room)
            .for_each(|one| groups.add(one));
    }
    bar.finish_and_clear();
    Ok(groups)
}

pub(super) async fn run(queue: &Queue, selector: &Selector, context: &Context) -> Result<Exit, Error> {
    let groups = count(queue, selector).await.map_err(|error| failed(queue, error))?;
    let at = |ms: Option<i64>| ms.map(|ms| clock::rfc3339(ms.unsigned_abs()));
    if context.json {
        let entry = |(Kind { reason, class, provider, code }, group): (&Kind, &Group)| {
            json!({ "count": group.count, "reason": reason, "class": class, "provider": provider, "code": code,
                "error": mask::text(&group.error), "oldest": at(group.oldest), "newest": at(group.newest) })
        };
        output::json(&groups.sorted().into_iter().map(entry).collect::<Vec<_>>());
    } else if groups.count() == 0 {
        output::say(&format!("{}: no dead letters that fit", queue.name()));
    } else {
        let mut table = output::table(&["count", "what", "newest (UTC)", "error"]);
        for (kind, group) in groups.sorted() {
            table.add_row([
                format!("{} ×", output::thousands(group.count)),
                kind.text(),
                group.newest.map_or_else(|| "?".to_owned(), minute),
                cut(&mask::text(&group.error), 80),
            ]);
        }
        output::show(&table);
    }
    Ok(if groups.count() == 0 { Exit::No } else { Exit::Done })
}
