//! Looks for what an operator's hand or a broken clock left behind: one step every five polls, and one a poll while
//! there is something to look through.

use std::sync::Arc;
use std::time::Duration;

use fred::error::Error;
use fred::types::Value;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::shared::Shared;
use crate::config::LONGEST_LEASE;
use crate::keys::Keys;
use crate::link::Link;
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
        match step(&shared.link, &shared.keys, shared.settings.lease, &cursor, force).await {
            Ok(Step { cursor: next, restored }) => {
                if force {
                    next_full = Instant::now() + FULL;
                }
                cursor = next;
                searching = cursor != "0" || restored > 0;
                if restored > 0 {
                    warn!(event = event::ORPHANS_FOUND, queue = %shared.queue, restored,
                        "messages whose member had been deleted came back");
                }
            }
            Err(error) => {
                debug!(error = %script::describe(&error), "sweep failed; it runs again at the next poll")
            }
        }
    }
}

/// What a step did.
pub(crate) struct Step {
    /// Where the next one goes on; `0` when all has been looked at.
    pub(crate) cursor: String,
    /// Messages whose member came back.
    pub(crate) restored: u64,
}

/// One step through `messages` from `cursor` on. `force` begins one although the counts agree. What comes back to
/// `processing` has one `lease` before it is taken over.
pub(crate) async fn step(
    link: &Link,
    keys: &Keys,
    lease: Duration,
    cursor: &str,
    force: bool,
) -> Result<Step, Error> {
    let args: Vec<Value> = vec![
        cursor.into(),
        STEP.into(),
        (lease.as_millis() as i64).into(),
        (LONGEST_LEASE.as_millis() as i64).into(),
        i64::from(force).into(),
    ];
    let keys = vec![keys.processing.clone(), keys.messages.clone(), keys.delayed.clone()];
    let answer = script::run(link, &SWEEP, keys, args).await?;
    let mut values = if let Value::Array(values) = answer { values } else { Vec::new() }.into_iter();
    let cursor = values.next().map(script::into_text).unwrap_or_else(|| "0".to_owned());
    let restored = values.next().and_then(|value| value.as_u64()).unwrap_or(0);
    Ok(Step { cursor, restored })
}
