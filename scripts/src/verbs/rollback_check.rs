//! `rollback-check`: what a rollback has to wait for.

use std::collections::BTreeMap;

use clap::Args;
use redispatch::keys::{LAYOUT, is_newer};
use redispatch::queue::Queue;
use serde_json::json;

use crate::cli::Queues;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::glance::Glance;
use crate::{output, time};

const HELP: &str = "\
Looks at each queue: what is being sent, leases that are over, the workers
that live, with their versions, and the layout of the keys, which the version
that you go back to has to know: run its own queuectl. Nothing is changed.
Messages that wait, are delayed or dead need not be waited for.

Exit code 0 where the workers are stopped and nothing is in their hands: start
the other version. Exit code 1 with what to wait for.

Examples:
  queuectl rollback-check
  queuectl rollback-check --queue email,sms --json";

/// Messages in hand whose leases are looked at.
const LOOKED_AT: usize = 100;

/// `rollback-check`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct RollbackCheck {
    #[command(flatten)]
    queues: Queues,
}

/// What a rollback has to know of a queue.
struct State {
    queue: String,
    processing: u64,
    /// How many leases are over, of those looked at, and for how long the first has been, ms.
    over: usize,
    longest_over: u64,
    /// The layout of its keys, where this version does not know it.
    newer: Option<String>,
    /// Workers that live, by version.
    versions: BTreeMap<String, Vec<String>>,
}

pub(crate) async fn run(args: RollbackCheck, context: &Context) -> Result<Exit, Error> {
    let mut states = Vec::new();
    for queue in context.existing(&args.queues.names).await? {
        let state = look(&queue).await;
        let failed = |error| Error::redis(format!("cannot look at queue `{}`", queue.name()), error);
        states.push(state.map_err(failed)?);
    }
    let waits: Vec<String> = states.iter().flat_map(State::waits).collect();
    if context.json {
        let queues: serde_json::Map<String, serde_json::Value> = states
            .iter()
            .map(|state| {
                let seen = json!({ "processing": state.processing, "leases_over": state.over, "workers": state.versions, "newer_layout": state.newer });
                (state.queue.clone(), seen)
            })
            .collect();
        output::json(&json!({ "ready": waits.is_empty(), "wait_for": waits, "queues": queues }));
    } else if waits.is_empty() {
        output::data("nothing is in hand and no worker lives: start the other version");
    } else {
        output::data(&waits.join("\n"));
    }
    Ok(if waits.is_empty() { Exit::Done } else { Exit::No })
}

async fn look(queue: &Queue) -> Result<State, redispatch::queue::QueueError> {
    let (glance, active) = tokio::try_join!(Glance::take(queue), queue.active(LOOKED_AT))?;
    let over: Vec<i64> =
        active.iter().map(|active| glance.now - active.lease_ends).filter(|ms| *ms > 0).collect();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for beat in glance.workers.iter().filter(|beat| !beat.is_late()) {
        versions.entry(beat.version.clone()).or_default().push(beat.id.clone());
    }
    Ok(State {
        queue: glance.queue,
        processing: glance.stats.processing,
        over: over.len(),
        longest_over: over.into_iter().max().unwrap_or(0).unsigned_abs(),
        newer: glance.stats.layout.filter(|layout| is_newer(layout)),
        versions,
    })
}

impl State {
    fn waits(&self) -> Vec<String> {
        let Self { queue, processing, over, .. } = self;
        let mut waits = Vec::new();
        if let Some(layout) = &self.newer {
            waits.push(format!(
                "{queue}: layout {layout} of the keys is newer than the {LAYOUT} of this version, which would not start: \
                 export with the newer version, import into an empty Redis"
            ));
        }
        for (version, ids) in &self.versions {
            let ids = ids.join(", ");
            waits.push(format!(
                "{queue}: version {version} still runs, stop it (SIGTERM) and let it end: {ids}"
            ));
        }
        if self.versions.len() > 1 {
            waits.push(format!("{queue}: {} versions run side by side", self.versions.len()));
        }
        if *processing > 0 && !self.versions.is_empty() {
            waits.push(format!(
                "{queue}: {processing} in hand; workers that stop settle them or put them back"
            ));
        } else if *over > 0 {
            let longest = time::shown(self.longest_over);
            waits.push(format!(
                "{queue}: {processing} in the hands of workers that died, {over} with a lease that is over (for up to {longest}): \
                 whatever version starts next takes them over, and may send them a second time"
            ));
        } else if *processing > 0 {
            waits.push(format!(
                "{queue}: {processing} in hand and no worker lives: wait for their leases to end"
            ));
        }
        waits
    }
}
