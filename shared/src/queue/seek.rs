//! Finds copies of a message that nobody knows of but the lists they lie in.

use bytes::Bytes;
use fred::interfaces::ListInterface;
use fred::types::{Key, Value};
use tokio::time::Instant;

use super::{Queue, QueueError};
use crate::keys::Lane;
use crate::message::Head;
use crate::script::{self, SEEK};

/// Messages looked at by one call, at most.
const STEP: i64 = 1000;

/// How far a step goes back into the one before: what somebody else took out of the list meanwhile moved others there.
const OVERLAP: i64 = 32;

/// A message that waits.
pub(super) struct Copy {
    /// Where it goes on.
    pub(super) lane: Lane,
    /// The list that it waits in.
    pub(super) list: Key,
    /// Where it was in the list, from the left.
    pub(super) place: i64,
    pub(super) bytes: Bytes,
    /// What tells it from other copies of its id; empty where it was pushed without the library.
    pub(super) stamp: String,
}

impl Queue {
    /// All copies of message `id` that wait in lists. What is claimed meanwhile may be missed: it is in hand then.
    pub(super) async fn seek(&self, id: &str) -> Result<Vec<Copy>, QueueError> {
        Ok(self.seek_within(id, i64::MAX >> 1, None).await?.0)
    }

    /// The same, as far as `reach` from either end of each list, and no longer than `until`; and whether that was
    /// everything.
    pub(super) async fn seek_within(
        &self,
        id: &str,
        reach: i64,
        until: Option<Instant>,
    ) -> Result<(Vec<Copy>, bool), QueueError> {
        let keys = &self.keys;
        let (mut copies, mut everything) = (Vec::new(), true);
        for (lane, list) in [
            (Lane::High, &keys.high),
            (Lane::Pending, &keys.pending),
            (Lane::Low, &keys.low),
            (Lane::Pending, &keys.claimed),
        ] {
            let live = self.link.client().await?;
            let length = live.client.llen(list.clone()).await;
            let length: i64 = self.link.checked(&live, length)?;
            let ends = if length <= 2 * reach {
                vec![(0, i64::MAX)]
            } else {
                everything = false;
                vec![(0, reach), (length - reach, i64::MAX)]
            };
            for (from, to) in ends {
                everything &= self.seek_in(id, (lane, list), (from, to), until, &mut copies).await?;
            }
        }
        Ok((copies, everything))
    }

    /// Whether a worker has message `id` in hand, begun or not.
    pub(super) async fn holds(&self, id: &str) -> Result<bool, QueueError> {
        Ok(self.active(1_000_000).await?.iter().any(|active| active.id == id && !active.is_part))
    }

    /// Whether there was time for all of it.
    async fn seek_in(
        &self,
        id: &str,
        (lane, list): (Lane, &Key),
        (mut from, to): (i64, i64),
        until: Option<Instant>,
        copies: &mut Vec<Copy>,
    ) -> Result<bool, QueueError> {
        let text = surely_verbatim(id);
        while from < to {
            if until.is_some_and(|until| Instant::now() >= until) {
                return Ok(false);
            }
            let args: Vec<Value> = vec![from.into(), STEP.min(to - from).into(), text.into()];
            let Value::Array(answer) = script::run(&self.link, &SEEK, vec![list.clone()], args).await? else {
                break;
            };
            let mut answer = answer.into_iter();
            let mut number = || answer.next().and_then(|value| value.as_i64()).unwrap_or(0);
            let (looked, _) = (number(), number());
            while let (Some(place), Some(bytes)) = (answer.next(), answer.next()) {
                let bytes = script::into_bytes(bytes);
                let head = Head::read(&bytes, usize::MAX).unwrap_or_else(|malformed| *malformed.head);
                if head.id.as_deref() == Some(id) && !head.is_part() {
                    let stamp = head.record.and_then(|record| record.stamp).unwrap_or_default();
                    let place = place.as_i64().unwrap_or(0);
                    copies.push(Copy { lane, list: list.clone(), place, bytes, stamp });
                }
            }
            if looked == 0 {
                break;
            }
            from += if looked > 2 * OVERLAP { looked - OVERLAP } else { looked };
        }
        Ok(true)
    }
}

/// The longest part of an id that no JSON writer puts down in another way: some write `/` as `\/` and `<` as `\u003c`.
fn surely_verbatim(id: &str) -> &str {
    let parts = id.split(|c: char| !(c.is_ascii_alphanumeric() || "_.:-".contains(c)));
    parts.max_by_key(|part| part.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::surely_verbatim;

    #[test]
    fn an_id_is_looked_for_by_what_every_writer_leaves_as_it_is() {
        for (id, text) in [
            ("order-17", "order-17"),
            ("a/order:17.b_c", "order:17.b_c"),
            ("<>&\"\\/ '", ""),
            ("ab cd/efg", "efg"),
        ] {
            assert_eq!(surely_verbatim(id), text, "{id}");
        }
    }
}
