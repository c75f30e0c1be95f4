//! Looks for what an operator's hand or a broken clock left behind: one step every five polls, and one a poll while
//! there is something to look through.

use std::sync::Arc;
use std::time::Duration;

use fred::types::Value;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::shared::Shared;
use crate::config::LONGEST_LEASE;
use crate::script::{self, SWEEP};
use crate::telemetry::event;

/// Fields of `messages` that one step looks at.
const STEP: i64 = 32;

/// How often all of `messages` is looked at, whatever the counts say.
const FULL: Duration = Duration::from_secs(600);

/// Sweeps until the worker stops. A step that fails is taken again.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut cursor = "0".to_owned();
    let mut next_full = Instant::now();
    let poll = shared.settings.poll_interval.max(Duration::from_secs(1));
    let mut searching = true;
    loop {
        tokio::time::sleep(if searching { poll } else { 5 * poll }).await;
        let force = cursor == "0" && Instant::now() >= next_full;
        let keys =
            vec![shared.keys.processing.clone(), shared.keys.messages.clone(), shared.keys.delayed.clone()];
        let args: Vec<Value> = vec![
            cursor.as_str().into(),
            STEP.into(),
            (shared.settings.lease.as_millis() as i64).into(),
            (LONGEST_LEASE.as_millis() as i64).into(),
            i64::from(force).into(),
        ];
        match script::run(&shared.link, &SWEEP, keys, args).await {
            Ok(Value::Array(answer)) => {
                if force {
                    next_full = Instant::now() + FULL;
                }
                let mut answer = answer.into_iter();
                cursor = answer.next().map(script::into_text).unwrap_or_default();
                let restored = answer.next().and_then(|v| v.as_i64()).unwrap_or(0);
                searching = cursor != "0" || restored > 0;
                if restored > 0 {
                    warn!(event = event::ORPHANS_FOUND, queue = %shared.queue, restored,
                        "messages whose member had been deleted came back");
                }
            }
            Ok(other) => debug!(?other, "sweep answered in an unknown shape"),
            Err(error) => {
                debug!(error = %script::describe(&error), "sweep failed; it runs again at the next poll")
            }
        }
    }
}
