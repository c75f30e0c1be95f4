//! What the dashboard shows of all queues, as JSON.

use redispatch::queue::Scheduled;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::operations::Operation;

/// All queues at one instant. Times are ms since 1970 by Redis's clock.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(in crate::api) struct Overview {
    /// When this was
    pub(super) at: i64,
    /// Version of the server
    pub(super) version: &'static str,
    pub(super) redis: Redis,
    /// By name; while Redis is away as they were last
    pub(super) queues: Vec<QueueNow>,
    /// By queue and id
    pub(super) workers: Vec<WorkerNow>,
    /// What is wrong, the worst first
    pub(super) alerts: Vec<Alert>,
    /// Changes of many dead letters, the newest first
    pub(super) operations: Vec<Operation>,
}

/// Whether Redis answers.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(super) struct Redis {
    pub(super) up: bool,
    /// Since when it is away
    pub(super) since: Option<i64>,
    /// Why, in words
    pub(super) error: Option<String>,
    /// Bytes it uses, where it says
    pub(super) memory_used: Option<u64>,
    /// Bytes it may use, where there is a limit
    pub(super) memory_limit: Option<u64>,
}

/// One queue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(super) struct QueueNow {
    pub(super) queue: String,
    pub(super) lanes: Lanes,
    /// The sum of all lanes
    pub(super) waiting: u64,
    pub(super) processing: u64,
    pub(super) delayed: u64,
    pub(super) dead_letter: u64,
    /// Ever
    pub(super) sent: u64,
    /// Messages that came in, over the last ten seconds or so; unknown before the second look
    pub(super) in_per_second: Option<f64>,
    /// Messages that ended, over the same time
    pub(super) out_per_second: Option<f64>,
    /// Attempts that failed, of all of the last minute: 0 to 1; unknown where there was none
    pub(super) failure_rate: Option<f64>,
    /// How long the oldest has waited, where that is known
    pub(super) oldest_ms: Option<u64>,
    pub(super) paused: Option<Paused>,
    pub(super) intake_paused: Option<IntakePaused>,
    pub(super) throttled: Option<Throttled>,
    pub(super) breaker: Option<BreakerOpen>,
    /// Workers that live
    pub(super) workers: usize,
    /// Why it cannot be counted, in words; then its numbers are the last ones known
    pub(super) broken: Option<String>,
    pub(super) schedules: Vec<ScheduleNow>,
}

/// Where messages wait.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(super) struct Lanes {
    pub(super) high: u64,
    pub(super) pending: u64,
    pub(super) low: u64,
    /// Woken up with, and not claimed yet
    pub(super) claimed: u64,
}

/// Nothing is claimed, as an operator wishes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Paused {
    /// Without it until somebody resumes
    pub(super) until: Option<i64>,
    pub(super) note: String,
}

/// Nobody may enqueue.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct IntakePaused {
    pub(super) since: Option<i64>,
    pub(super) note: String,
}

/// The provider asked everybody to wait.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Throttled {
    pub(super) until: Option<i64>,
}

/// The provider fails for everybody.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct BreakerOpen {
    pub(super) since: Option<i64>,
    /// When one message tries again; a time that is over: it is trying
    pub(super) until: i64,
    /// What the provider said, recipients masked
    pub(super) why: String,
}

/// A schedule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct ScheduleNow {
    pub(super) name: String,
    pub(super) pattern: String,
    pub(super) timezone: String,
    /// The last firing, or when it was added
    pub(super) last: Option<i64>,
    /// The next firing; none after its end
    pub(super) next: Option<i64>,
    /// Why it cannot be used
    pub(super) error: Option<String>,
}

/// A worker.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(super) struct WorkerNow {
    pub(super) queue: String,
    pub(super) id: String,
    /// What messages in its hands say of it
    pub(super) start: String,
    pub(super) version: String,
    pub(super) pid: u32,
    /// Sends at a time
    pub(super) concurrency: usize,
    /// Messages in its hands
    pub(super) held: usize,
    /// Those of them that are being sent
    pub(super) sending: usize,
    /// How long it has held the oldest
    pub(super) oldest_ms: Option<u64>,
    /// When it gave its last sign of life
    pub(super) seen_at: i64,
    /// How long ago that was
    pub(super) seen_ms: i64,
    /// It missed three of them
    pub(super) late: bool,
}

/// Something that somebody should know.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Alert {
    pub(super) level: Level,
    pub(super) kind: &'static str,
    pub(super) queue: Option<String>,
    pub(super) since: Option<i64>,
    pub(super) until: Option<i64>,
    /// Messages that wait for it
    pub(super) waiting: u64,
    /// Why, in the words of whoever knows; recipients masked
    pub(super) text: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// Messages wait that should not
    Bad,
    /// Somebody wanted it so, or it ends by itself
    Warn,
}

impl From<Scheduled> for ScheduleNow {
    fn from(Scheduled { name, schedule, last, next }: Scheduled) -> Self {
        match schedule {
            Ok(schedule) => {
                Self { name, pattern: schedule.pattern, timezone: schedule.timezone, last, next, error: None }
            }
            Err(error) => {
                let (pattern, timezone) = Default::default();
                Self { name, pattern, timezone, last, next, error: Some(error.to_string()) }
            }
        }
    }
}

impl Overview {
    /// Itself without what changes by itself.
    pub(super) fn still(&self) -> Self {
        let mut still = self.clone();
        (still.at, still.redis.memory_used) = (0, None);
        still.queues.iter_mut().for_each(|queue| queue.oldest_ms = queue.oldest_ms.map(|_| 0));
        for worker in &mut still.workers {
            (worker.seen_at, worker.seen_ms) = (0, 0);
            worker.oldest_ms = worker.oldest_ms.map(|_| 0);
        }
        still
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With many workers one of them gives a sign of life at every look.
    #[test]
    fn ages_and_signs_of_life_are_no_news() {
        let at = |now: i64| Overview {
            at: now,
            redis: Redis { memory_used: Some(now.unsigned_abs()), ..Redis::default() },
            queues: vec![QueueNow { oldest_ms: Some(now.unsigned_abs()), ..QueueNow::default() }],
            workers: vec![WorkerNow {
                oldest_ms: Some(now.unsigned_abs()),
                seen_at: now,
                seen_ms: now / 2,
                ..WorkerNow::default()
            }],
            ..Overview::default()
        };
        let told = |overview: Overview| serde_json::to_value(overview.still()).unwrap();
        assert_eq!(told(at(1_000)), told(at(2_000)));
        let mut late = at(2_000);
        late.workers[0].late = true;
        assert_ne!(told(at(1_000)), told(late));
    }
}
