//! Runs one message now that waits to be tried again, or was given up.

use super::{Changed, Order, Queue, QueueError, Selector};

impl Queue {
    /// Tries the message `id` again, now: one that waits for its retry, or was scheduled for later, goes at once, and the
    /// newest dead letter of that id goes back to the end of its lane with its full retries.
    /// [`Changed::Cancelled`] and [`Changed::Sent`] say that it would have to be enqueued anew.
    ///
    /// # Errors
    ///
    /// [`QueueError::Busy`] while another command changes the dead letters, [`QueueError::Redis`]; it may be done all the
    /// same. Safe to call again.
    pub async fn retry(&self, id: &str) -> Result<Changed, QueueError> {
        let changed = self.reschedule(id, self.clock().await?).await?;
        // The status of an id may be over while its dead letter lies there still.
        if !matches!(changed, Changed::Dead | Changed::Unknown) {
            return Ok(changed);
        }
        let wanted = Selector { id: Some(id.to_owned()), ..Selector::default() };
        let mut letters = self.dead_letters(Order::Newest).await?;
        loop {
            let some = letters.next().await?;
            if some.is_empty() {
                return Ok(changed);
            }
            if let Some(letter) = some.iter().find(|letter| wanted.matches(letter)) {
                return Ok(if self.requeue_dead(letter).await? { Changed::Done } else { changed });
            }
        }
    }
}
