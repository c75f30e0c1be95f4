//! Lets a schedule fire once.

use fred::error::{Error, ErrorKind};
use fred::types::Value;
use tracing::{info, warn};

use super::book::Entry;
use crate::clock;
use crate::message::add_id;
use crate::queue::schedule::due::Step;
use crate::script::{self, FIRE};
use crate::telemetry::event;
use crate::worker::shared::Shared;

/// What became of a firing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fired {
    Done,
    Late,
    Changed,
    Early,
    Paused,
}

/// What Redis answered.
pub(super) struct Answer {
    pub(super) fired: Fired,
    /// Redis's clock, ms since 1970.
    pub(super) now: i64,
    /// The last firing by now.
    pub(super) last: String,
}

/// Moves a schedule by one step, if nobody else has.
pub(super) async fn fire(shared: &Shared, entry: &Entry, step: Step) -> Result<Answer, Error> {
    let unknown = |what: &str| Error::new(ErrorKind::Unknown, format!("fire: {what}"));
    let (schedule, _) = entry.parsed.as_ref().ok_or_else(|| unknown("a schedule that cannot be used"))?;
    let id = schedule.firing(step.at);
    let bytes = if step.fires { add_id(&schedule.message, &id) } else { bytes::Bytes::new() };
    let keys = &shared.keys;
    let names = vec![
        keys.schedules.clone(),
        keys.control.clone(),
        keys.counters.clone(),
        keys.lane(schedule.lane).clone(),
        keys.status(&id),
    ];
    let args: Vec<Value> = vec![
        schedule.name.as_str().into(),
        Value::Bytes(entry.text.clone()),
        entry.last.as_str().into(),
        step.at.into(),
        (shared.settings.completed_retention.as_millis() as i64).into(),
        Value::Bytes(bytes),
    ];
    let answer = script::into_texts(script::run(&shared.link, &FIRE, names, args).await?);
    let [word, now, last] =
        <[String; 3]>::try_from(answer).map_err(|other| unknown(&format!("it answered {other:?}")))?;
    let fired = match word.as_str() {
        "fired" => Fired::Done,
        "late" => Fired::Late,
        "changed" => Fired::Changed,
        "early" => Fired::Early,
        "paused" => Fired::Paused,
        other => return Err(unknown(&format!("it answered `{other}`"))),
    };
    let now = now.parse().map_err(|_| unknown("its clock is no number"))?;
    if fired == Fired::Done {
        tell(shared, &schedule.name, &id, step);
    }
    Ok(Answer { fired, now, last })
}

fn tell(shared: &Shared, schedule: &str, id: &str, step: Step) {
    let queue = &shared.queue;
    let shown = |ms: i64| clock::rfc3339(ms.unsigned_abs());
    let at = shown(step.at);
    if let Some(from) = step.dropped {
        let from = shown(from);
        warn!(event = event::SCHEDULE_MISSED, %queue, schedule, from, to = at,
            "schedule {schedule}: what it missed from {from} to {at} is dropped{}",
            if step.fires { " but for the last one" } else { "" });
    }
    if step.fires {
        info!(event = event::SCHEDULE_FIRED, %queue, schedule, id, at, "schedule {schedule} fired: {id}");
    }
}
