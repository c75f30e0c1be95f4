//! Adds a schedule, or replaces one.

use fred::types::Value;

use super::Schedule;
use crate::clock;
use crate::queue::{Queue, QueueError};
use crate::script::{self, SCHEDULE_ADD};

/// What became of a schedule that was to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// There was none of this name. It fires from now on.
    Added,
    /// The very same one was there; nothing changed.
    Unchanged,
    /// Another one of this name was there. This one fires from now on; what that one had missed is dropped.
    Replaced,
}

impl Queue {
    /// Whether a schedule could be added. Redis is not asked.
    ///
    /// # Errors
    ///
    /// [`QueueError::Schedule`].
    pub fn check_schedule(&self, schedule: &Schedule) -> Result<(), QueueError> {
        let times =
            schedule.usable(self.client.settings().max_message_bytes).map_err(QueueError::Schedule)?;
        match times.next(clock::unix_ms() as i64) {
            Some(_) => Ok(()),
            None => Err(QueueError::Schedule("end: nothing is left to fire before it".to_owned())),
        }
    }

    /// Adds a schedule, or puts it in the place of the one of its name. It fires at its times after now, by Redis's
    /// clock. One that is there already is left alone, so that a program may add its schedules at each start.
    ///
    /// # Errors
    ///
    /// - [`QueueError::Schedule`]: it is unusable; nothing changed.
    /// - [`QueueError::Redis`]: it may have been added; asking again is safe.
    pub async fn add_schedule(&self, schedule: &Schedule) -> Result<Added, QueueError> {
        self.check_schedule(schedule)?;
        let text = schedule.to_text().map_err(QueueError::Schedule)?;
        self.client.register(&self.name).await?;
        let args: Vec<Value> = vec![schedule.name.as_str().into(), text.into()];
        let answer = script::run(&self.link, &SCHEDULE_ADD, vec![self.keys.schedules.clone()], args).await?;
        Ok(match script::into_text(answer).as_str() {
            "unchanged" => Added::Unchanged,
            "replaced" => Added::Replaced,
            _ => Added::Added,
        })
    }
}
