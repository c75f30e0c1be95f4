//! Members without bytes, and bytes without a member: what an operator's hand leaves behind.

use std::time::Duration;

use fred::types::{Key, Value};

use super::{Queue, QueueError};
use crate::script::{self, ORPHANS};
use crate::worker::sweep;

/// Members that one step looks at.
const STEP: i64 = 200;

/// What belongs together and is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orphans {
    /// Members of `processing` and `delayed` without bytes. No message is behind them.
    pub members: u64,
    /// Bytes without a member: messages that nobody sends until they come back.
    pub messages: u64,
}

impl Orphans {
    /// Everything belongs together.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl Queue {
    /// Counts the orphans, in steps that hold Redis for a moment each. What moves meanwhile may be counted wrongly.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn orphans(&self) -> Result<Orphans, QueueError> {
        self.walk(false).await
    }

    /// Removes members without bytes, and counts them in `orphans`; brings bytes without a member back: to `delayed`,
    /// due now, or to `processing` for one more `lease`, as workers do in time. Gives what was mended.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; some may be mended all the same. Safe to call again.
    pub async fn mend_orphans(&self, lease: Duration) -> Result<Orphans, QueueError> {
        self.known_layout().await?;
        let found = self.walk(true).await?;
        let messages = if found.messages > 0 { self.restore(lease).await? } else { 0 };
        Ok(Orphans { messages, ..found })
    }

    /// Looks through all messages; gives how many came back.
    async fn restore(&self, lease: Duration) -> Result<u64, QueueError> {
        let (mut restored, mut cursor) = (0, "0".to_owned());
        loop {
            let step = sweep::step(&self.link, &self.keys, lease, &cursor, cursor == "0").await?;
            restored += step.restored;
            cursor = step.cursor;
            if cursor == "0" {
                return Ok(restored);
            }
        }
    }

    async fn walk(&self, remove: bool) -> Result<Orphans, QueueError> {
        let keys = &self.keys;
        let (mut members, mut surplus) = (0, None);
        for (zset, other) in [(&keys.processing, &keys.delayed), (&keys.delayed, &keys.processing)] {
            let mut cursor = "0".to_owned();
            loop {
                let (next, found, more) = self.look(zset, other, &cursor, remove).await?;
                members += found;
                surplus.get_or_insert(more);
                cursor = next;
                if cursor == "0" {
                    break;
                }
            }
        }
        let messages = surplus.unwrap_or(0).saturating_add_unsigned(members).max(0).unsigned_abs();
        Ok(Orphans { members, messages })
    }

    async fn look(
        &self,
        zset: &Key,
        other: &Key,
        cursor: &str,
        remove: bool,
    ) -> Result<(String, u64, i64), QueueError> {
        let keys = vec![zset.clone(), other.clone(), self.keys.messages.clone(), self.keys.counters.clone()];
        let args: Vec<Value> = vec![cursor.into(), STEP.into(), i64::from(remove).into()];
        let answer = script::run(&self.link, &ORPHANS, keys, args).await?;
        let mut values = if let Value::Array(values) = answer { values } else { Vec::new() }.into_iter();
        let cursor = values.next().map(script::into_text).unwrap_or_else(|| "0".to_owned());
        let mut number = || values.next().and_then(|value| value.as_i64()).unwrap_or(0);
        Ok((cursor, number().unsigned_abs(), number()))
    }
}
