//! Stops workers from claiming, and lets them again. What is in hand goes on.

use std::time::Duration;

use fred::types::Value;

use super::{Queue, QueueError};
use crate::script::{self, PAUSE, RESUME};

/// For how long a queue is paused, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pause {
    /// By Redis's clock, whole milliseconds; `None` until somebody resumes.
    pub lasts: Option<Duration>,
    /// For whoever finds it paused; at most 1,000 bytes are kept.
    pub note: String,
}

impl Queue {
    /// Pauses the queue, in place of a pause that there is. Workers claim nothing until it is over. Gives its end, ms
    /// since 1970 by Redis's clock, -1 for none.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be paused all the same. Safe to call again.
    pub async fn pause(&self, pause: &Pause) -> Result<i64, QueueError> {
        self.known_layout().await?;
        let lasts =
            pause.lasts.map_or(-1, |lasts| i64::try_from(lasts.as_millis()).unwrap_or(i64::MAX >> 10));
        let note = &pause.note[..pause.note.floor_char_boundary(1000)];
        let args: Vec<Value> = vec![lasts.into(), note.into()];
        let end = script::run(&self.link, &PAUSE, vec![self.keys.control.clone()], args).await?;
        Ok(end.as_i64().unwrap_or(-1))
    }

    /// Ends a pause. False where there was none.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be over all the same. Safe to call again.
    pub async fn resume(&self) -> Result<bool, QueueError> {
        self.end_pause(String::new()).await
    }

    /// Ends the pause that [`Queue::pause`] answered with `end`, and no other one. False where that is over.
    ///
    /// # Errors
    ///
    /// As [`Queue::resume`].
    pub async fn resume_from(&self, end: i64) -> Result<bool, QueueError> {
        self.end_pause(end.to_string()).await
    }

    async fn end_pause(&self, only: String) -> Result<bool, QueueError> {
        self.known_layout().await?;
        let ended =
            script::run(&self.link, &RESUME, vec![self.keys.control.clone()], vec![only.into()]).await?;
        Ok(ended.as_i64() == Some(1))
    }
}
