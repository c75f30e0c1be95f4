//! The schedules of a queue.

use std::collections::BTreeMap;

use bytes::Bytes;
use fred::interfaces::HashesInterface;

use super::Schedule;
use crate::keys::Keys;
use crate::link::{Connected, Link};
use crate::queue::{self, Queue, QueueError};

/// A schedule and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheduled {
    /// Its name.
    pub name: String,
    /// What was added; or why workers cannot use what stands there, written by somebody's hand.
    pub schedule: Result<Schedule, String>,
    /// The last firing that was handled, or when it was added, ms since 1970; none where that was deleted by hand.
    pub last: Option<i64>,
    /// The next firing, ms since 1970; none after its end.
    pub next: Option<i64>,
}

impl Queue {
    /// The schedules of the queue, by name.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn schedules(&self) -> Result<Vec<Scheduled>, QueueError> {
        let live = self.link.client().await?;
        let stored = read(&self.link, &live, &self.keys).await?;
        if stored.is_empty() {
            return Ok(Vec::new());
        }
        let now = queue::now(&self.link, &live).await?;
        let max_bytes = self.client.settings().max_message_bytes;
        let scheduled = stored.into_iter().map(|(name, Stored { text, last })| {
            let last = last.parse::<i64>().ok();
            let read = Schedule::from_text(&name, &text)
                .and_then(|schedule| Ok((schedule.usable(max_bytes)?, schedule)));
            let next =
                read.as_ref().ok().and_then(|(times, _)| times.next(last.map_or(now, |last| now.max(last))));
            Scheduled { name, schedule: read.map(|(_, schedule)| schedule), last, next }
        });
        Ok(scheduled.collect())
    }
}

/// A schedule as it stands in Redis.
pub(crate) struct Stored {
    /// Its definition.
    pub(crate) text: Bytes,
    /// Its last firing, ms since 1970, empty where there is none.
    pub(crate) last: String,
}

/// Reads all schedules, by name.
pub(crate) async fn read(
    link: &Link,
    live: &Connected,
    keys: &Keys,
) -> Result<BTreeMap<String, Stored>, fred::error::Error> {
    let fields = live.client.hgetall(keys.schedules.clone()).await;
    let fields: BTreeMap<Bytes, Bytes> = link.checked(live, fields)?;
    let last = |name: &str| {
        let last = fields.get(format!("{name}:last").as_bytes());
        last.map(|last| String::from_utf8_lossy(last).into_owned()).unwrap_or_default()
    };
    // What somebody else put there is left out.
    let names = fields.iter().filter_map(|(name, text)| Some((std::str::from_utf8(name).ok()?, text)));
    let named = names.filter(|(name, _)| super::is_name(name));
    Ok(named.map(|(name, text)| (name.to_owned(), Stored { text: text.clone(), last: last(name) })).collect())
}
