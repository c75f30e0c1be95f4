//! Stops everybody from enqueueing through the library, `queuectl` and HTTP, and lets them again.

use std::collections::BTreeMap;

use super::{Queue, QueueError};
use crate::script::{self, INTAKE};

/// A paused intake.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intake {
    /// Since when, ms since 1970 by Redis's clock.
    pub since: i64,
    /// Why, for whoever is refused.
    pub note: String,
}

impl Intake {
    pub(super) fn read(control: &BTreeMap<String, String>) -> Option<Self> {
        let since = control.get("intake_paused")?.parse().unwrap_or_default();
        Some(Self { since, note: control.get("intake_note").cloned().unwrap_or_default() })
    }
}

impl Queue {
    /// Refuses what is enqueued through library, `queuectl` and HTTP from now on, and lets schedules rest. Plain pushes
    /// cannot be refused, and workers go on. At most 1,000 bytes of `note` are kept.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be paused all the same. Safe to call again.
    pub async fn pause_intake(&self, note: &str) -> Result<(), QueueError> {
        self.known_layout().await?;
        let note = &note[..note.floor_char_boundary(1000)];
        self.change_intake(true, note).await?;
        Ok(())
    }

    /// Ends that. False where the intake was not paused.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; it may be over all the same. Safe to call again.
    pub async fn resume_intake(&self) -> Result<bool, QueueError> {
        self.known_layout().await?;
        self.change_intake(false, "").await
    }

    /// Gives whether it was paused before.
    async fn change_intake(&self, pause: bool, note: &str) -> Result<bool, QueueError> {
        let args = vec![i64::from(pause).into(), note.into()];
        let was = script::run(&self.link, &INTAKE, vec![self.keys.control.clone()], args).await?;
        Ok(was.as_i64() == Some(1))
    }
}
