//! The one task that looks: every second while somebody listens, else as often as the history needs it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use redispatch::queue::{Beat, Gates};
use redispatch::telemetry::mask;
use redispatch::{Shutdown, clock};
use tokio::time::sleep;

use super::history::{STEP, Values};
use super::overview::{
    BreakerOpen, IntakePaused, Lanes, Overview, Paused, QueueNow, Redis, ScheduleNow, Throttled, WorkerNow,
};
use super::rates::{Looks, Rates};
use super::{Told, alerts};
use crate::api::error::ApiError;
use crate::api::snapshot::Snapshot;
use crate::api::{Api, REDIS_LIMIT};
use crate::glance::Glance;

/// Between two looks while somebody listens.
const TICK: Duration = Duration::from_secs(1);

/// What the next look needs of those before.
#[derive(Default)]
struct Sampler {
    looks: HashMap<String, Looks>,
    rates: HashMap<String, Rates>,
    schedules: BTreeMap<String, Vec<ScheduleNow>>,
    /// Boot clock, ms.
    schedules_read: Option<u64>,
    history_kept: Option<u64>,
    /// By how much Redis's clock was ahead of this host's, ms.
    ahead: i64,
    /// What was told last, without what changes by itself.
    still: Vec<u8>,
}

/// Looks until told to stop; then all streams end.
pub(crate) async fn watch(api: Arc<Api>, mut shutdown: Shutdown) {
    let mut sampler = Sampler::default();
    loop {
        let began = clock::boot_ms();
        tokio::select! {
            () = sampler.look(&api) => {}
            () = shutdown.draining() => break,
        }
        let next = if api.live.is_watched() { TICK } else { Duration::from_millis(STEP) };
        let elapsed = || Duration::from_millis(clock::boot_ms() - began);
        tokio::select! {
            () = sleep(next.saturating_sub(elapsed())) => {}
            // However many want one, looks are a tick apart.
            () = async { api.live.wanted.notified().await; sleep(TICK.saturating_sub(elapsed())).await } => {}
            () = shutdown.draining() => break,
        }
    }
    api.live.told.send_modify(|told| told.over = true);
}

impl Sampler {
    async fn look(&mut self, api: &Api) {
        let looked = clock::boot_ms();
        let last = api.live.told.borrow().overview.clone();
        let overview = match api.snapshots.get(&api.client, TICK / 2).await {
            Ok(snapshot) => {
                self.read_schedules(api, &snapshot, looked).await;
                let overview = self.overview(&snapshot, &last, looked);
                self.ahead = overview.at - local_now();
                overview
            }
            Err(error) => away(&last, local_now() + self.ahead, error),
        };
        let operations = api.operations.list();
        let overview = Overview { alerts: alerts::of(&overview), operations, ..overview };
        if self.history_kept.is_none_or(|kept| looked >= kept + STEP) {
            self.history_kept = Some(looked);
            api.live.history().add(overview.at, overview.redis.up.then(|| self.values(&overview)));
        }
        let json = |overview: &Overview| serde_json::to_vec(overview).unwrap_or_default();
        let still = json(&overview.still());
        let is_news = still != self.still;
        self.still = still;
        let event = [b"event: overview\ndata: ", json(&overview).as_slice(), b"\n\n"].concat();
        api.live.told.send_modify(|told| {
            let version = told.version + u64::from(is_news);
            *told = Told {
                looked,
                version,
                overview: overview.into(),
                event: Bytes::from(event),
                over: told.over,
            };
        });
    }

    /// They seldom change: so they are read when the history needs a look, too.
    async fn read_schedules(&mut self, api: &Api, snapshot: &Snapshot, now: u64) {
        if self.schedules_read.is_some_and(|read| now < read + STEP) {
            return;
        }
        let read = snapshot.queues.iter().map(|(glance, _)| async {
            let queue = api.client.queue(&glance.queue).ok()?;
            let schedules = queue.within(REDIS_LIMIT, queue.schedules()).await.ok()?;
            Some((glance.queue.clone(), schedules.into_iter().map(ScheduleNow::from).collect()))
        });
        self.schedules.extend(join_all(read).await.into_iter().flatten());
        self.schedules_read = Some(now);
    }

    fn overview(&mut self, snapshot: &Snapshot, last: &Overview, looked: u64) -> Overview {
        let mut queues = Vec::new();
        let mut workers = Vec::new();
        for (glance, oldest_ms) in &snapshot.queues {
            let looks = self.looks.entry(glance.queue.clone()).or_default();
            let rates = looks.add(looked, glance.stats.clone());
            self.rates.insert(glance.queue.clone(), rates);
            let schedules = self.schedules.get(&glance.queue).cloned().unwrap_or_default();
            queues.push(QueueNow { oldest_ms: *oldest_ms, schedules, ..queue(glance, rates) });
            workers.extend(glance.workers.iter().map(|beat| worker(&glance.queue, beat)));
        }
        for (name, cause) in &snapshot.broken {
            self.rates.remove(name);
            let known = last.queues.iter().find(|queue| queue.queue == *name).cloned();
            let known = known.unwrap_or_else(|| QueueNow { queue: name.clone(), ..QueueNow::default() });
            queues.push(QueueNow { broken: Some(mask::text(&cause.0).into_owned()), ..known });
            workers.extend(last.workers.iter().filter(|worker| worker.queue == *name).cloned());
        }
        queues.sort_by(|a, b| a.queue.cmp(&b.queue));
        workers.sort_by(|a, b| (&a.queue, &a.id).cmp(&(&b.queue, &b.id)));
        let (memory_used, memory_limit) = (snapshot.memory_used, snapshot.memory_limit);
        Overview {
            at: snapshot
                .queues
                .iter()
                .map(|(glance, _)| glance.now)
                .max()
                .unwrap_or_else(|| local_now() + self.ahead),
            version: env!("CARGO_PKG_VERSION"),
            redis: Redis { up: true, memory_used, memory_limit, ..Redis::default() },
            queues,
            workers,
            ..Overview::default()
        }
    }

    fn values(&self, overview: &Overview) -> BTreeMap<String, Values> {
        let counted = overview.queues.iter().filter(|queue| queue.broken.is_none());
        let values = |queue: &QueueNow| Values {
            waiting: queue.waiting,
            processing: queue.processing,
            delayed: queue.delayed,
            dead_letter: queue.dead_letter,
            rates: self.rates.get(&queue.queue).copied().unwrap_or_default(),
        };
        counted.map(|queue| (queue.queue.clone(), values(queue))).collect()
    }
}

/// The last overview, of a Redis that does not answer.
fn away(last: &Overview, at: i64, error: ApiError) -> Overview {
    let since = last.redis.since.or(Some(at));
    let words = error.cause.map_or(error.problem.message, |cause| cause.0);
    let redis = Redis { up: false, since, error: Some(mask::text(&words).into_owned()), ..last.redis };
    Overview { at, version: env!("CARGO_PKG_VERSION"), redis, ..last.clone() }
}

fn local_now() -> i64 {
    clock::unix_ms() as i64
}

fn queue(glance: &Glance, rates: Rates) -> QueueNow {
    let stats = &glance.stats;
    let Gates { paused_until, paused_note, intake, throttled_until, breaker } = &stats.gates;
    let shut = |until: &Option<i64>| until.filter(|until| *until < 0 || *until > glance.now);
    let end = |until: i64| Some(until).filter(|until| *until >= 0);
    QueueNow {
        queue: glance.queue.clone(),
        lanes: Lanes { high: stats.high, pending: stats.pending, low: stats.low, claimed: stats.claimed },
        waiting: stats.waiting(),
        processing: stats.processing,
        delayed: stats.delayed,
        dead_letter: stats.dead_letter,
        sent: stats.counters.get("sent").copied().unwrap_or(0),
        in_per_second: rates.in_per_second,
        out_per_second: rates.out_per_second,
        failure_rate: rates.failure_rate,
        oldest_ms: None,
        paused: shut(paused_until)
            .map(|until| Paused { until: end(until), note: mask::text(paused_note).into_owned() }),
        intake_paused: intake.as_ref().map(|intake| IntakePaused {
            since: Some(intake.since).filter(|since| *since > 0),
            note: mask::text(&intake.note).into_owned(),
        }),
        throttled: shut(throttled_until).map(|until| Throttled { until: end(until) }),
        breaker: breaker.as_ref().map(|breaker| BreakerOpen {
            since: breaker.since.filter(|since| *since > 0),
            until: breaker.until,
            why: mask::text(&breaker.why).into_owned(),
        }),
        workers: glance.alive(),
        broken: None,
        schedules: Vec::new(),
    }
}

fn worker(queue: &str, beat: &Beat) -> WorkerNow {
    WorkerNow {
        queue: queue.to_owned(),
        id: beat.id.clone(),
        start: beat.start.clone(),
        version: beat.version.clone(),
        pid: beat.pid,
        concurrency: beat.concurrency,
        held: beat.in_hand,
        sending: beat.sending,
        oldest_ms: beat.oldest_ms,
        seen_at: beat.at,
        seen_ms: beat.age_ms,
        late: beat.is_late(),
    }
}
