//! Goes through the dead letters a stretch at a time, however many there are.

use bytes::Bytes;
use fred::interfaces::ListInterface;

use super::super::{Queue, QueueError};
use super::DeadLetter;

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// With the one given up last.
    Newest,
    /// With the one given up first.
    Oldest,
}

/// Letters that the first answer holds: nobody knows yet how large they are.
pub(in crate::queue) const FIRST: usize = 1;

/// Bytes that one answer shall hold, about, and letters that it holds at most.
pub(in crate::queue) const STRETCH: (usize, usize) = (512 << 10, 500);

/// How many letters the next answer shall hold, by the size of those in the last one: no more than twice as many, so
/// that large ones behind many small ones do not all come at once.
pub(in crate::queue) fn stretch(last: &[Bytes], (bytes, most): (usize, usize)) -> usize {
    let size: usize = last.iter().map(Bytes::len).sum();
    let fit = (bytes * last.len()).checked_div(size).unwrap_or(most);
    fit.min(2 * last.len()).clamp(1, most)
}

/// A walk through the dead letters. What is dead-lettered or requeued meanwhile may be missed or come twice.
pub struct DeadScan<'a> {
    queue: &'a Queue,
    order: Order,
    from: i64,
    next: usize,
    /// How many there were at the start.
    pub total: u64,
}

impl Queue {
    /// A walk through the dead letters; [`DeadScan::next`] takes the first step.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn dead_letters(&self, order: Order) -> Result<DeadScan<'_>, QueueError> {
        let live = self.link.client().await?;
        let total = self.link.checked(&live, live.client.llen(self.keys.dead_letter.clone()).await)?;
        Ok(DeadScan { queue: self, order, from: 0, next: FIRST, total })
    }

    /// The letters from `from` on, counted from the end that `order` begins with, at most `count` of them.
    pub(super) async fn dead_stretch(
        &self,
        order: Order,
        from: i64,
        count: usize,
    ) -> Result<Vec<Bytes>, QueueError> {
        let (start, end) = match order {
            Order::Newest => (from, from + count as i64 - 1),
            Order::Oldest => (-(from + count as i64), -(from + 1)),
        };
        let live = self.link.client().await?;
        let mut found: Vec<Bytes> =
            self.link.checked(&live, live.client.lrange(self.keys.dead_letter.clone(), start, end).await)?;
        if order == Order::Oldest {
            found.reverse();
        }
        Ok(found)
    }
}

impl DeadScan<'_> {
    /// Passes over the first `letters`.
    #[must_use]
    pub fn skip(mut self, letters: u64) -> Self {
        self.from = i64::try_from(letters.min(self.total)).unwrap_or(i64::MAX >> 1);
        self
    }

    /// The next letters; none at the end.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; the same letters come when it is called again.
    pub async fn next(&mut self) -> Result<Vec<DeadLetter>, QueueError> {
        let found = self.next_bytes().await?;
        Ok(found.into_iter().map(|(place, bytes)| DeadLetter::read(bytes).at(Some(place))).collect())
    }

    /// The next letters as they are, each with its [`DeadLetter::place`]; none at the end.
    ///
    /// # Errors
    ///
    /// As [`DeadScan::next`].
    pub async fn next_bytes(&mut self) -> Result<Vec<(u64, Bytes)>, QueueError> {
        let rest = usize::try_from(self.total as i64 - self.from).unwrap_or(0);
        if rest == 0 {
            return Ok(Vec::new());
        }
        let found = self.queue.dead_stretch(self.order, self.from, self.next.min(rest)).await?;
        let first = self.looked_at();
        self.from += found.len() as i64;
        self.next = stretch(&found, STRETCH);
        let place = |index: u64| match self.order {
            Order::Oldest => index,
            Order::Newest => self.total.saturating_sub(index + 1),
        };
        Ok(found.into_iter().zip(first..).map(|(bytes, index)| (place(index), bytes)).collect())
    }

    /// How many have come so far, or were passed over.
    pub fn looked_at(&self) -> u64 {
        self.from.unsigned_abs()
    }
}
