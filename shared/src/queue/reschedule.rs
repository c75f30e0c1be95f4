//! Changes when a message is sent, by its id.

use super::{Changed, Queue, QueueError};

impl Queue {
    /// Sends the message `id` at `at` (ms since 1970), earlier or later than it would be, where it waits, is delayed or
    /// waits for a retry. Its `send_at` becomes that, too. A time that is over means: now.
    ///
    /// # Errors
    ///
    /// - [`QueueError::Message`]: it expires before that; nothing was changed.
    /// - [`QueueError::Redis`]; it may be done all the same. Safe to call again.
    pub async fn reschedule(&self, id: &str, at: i64) -> Result<Changed, QueueError> {
        let _ = (id, at);
        Err(QueueError::Redis("reschedule: not built yet".to_owned()))
    }
}
