//! Removes a schedule.

use fred::interfaces::HashesInterface;

use crate::queue::{Queue, QueueError};

impl Queue {
    /// Removes a schedule: it fires no more. What it has put into the queue stays there. False where there is none of
    /// this name.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be gone all the same. Safe to call again.
    pub async fn remove_schedule(&self, name: &str) -> Result<bool, QueueError> {
        self.known_layout().await?;
        if !super::is_name(name) {
            return Ok(false);
        }
        let live = self.link.client().await?;
        let fields = vec![name.to_owned(), format!("{name}:last")];
        let removed = live.client.hdel::<i64, _, _>(self.keys.schedules.clone(), fields).await;
        Ok(self.link.checked(&live, removed)? > 0)
    }
}
