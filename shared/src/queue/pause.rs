//! Stops workers from claiming, and lets them again. What is in hand goes on.

use std::time::Duration;

use fred::interfaces::HashesInterface;
use fred::types::Value;

use super::{Queue, QueueError};
use crate::script::{self, PAUSE};

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
        let live = self.link.client().await?;
        let fields = vec!["paused_until", "paused_note"];
        let gone = live.client.hdel::<i64, _, _>(self.keys.control.clone(), fields).await;
        Ok(self.link.checked(&live, gone)? > 0)
    }
}
