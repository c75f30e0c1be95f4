//! What somebody should know, of an overview.

use redispatch::telemetry::mask;

use super::overview::{Alert, Level, Overview, QueueNow, WorkerNow};

/// What is wrong, the worst first.
pub(super) fn of(overview: &Overview) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let waiting = overview.queues.iter().map(|queue| queue.waiting).sum();
    if !overview.redis.up {
        let text = overview.redis.error.clone().unwrap_or_default();
        alerts.push(Alert { since: overview.redis.since, waiting, ..bad("redis_away", None, text) });
    }
    overview.queues.iter().for_each(|queue| of_queue(queue, &mut alerts));
    alerts.extend(overview.workers.iter().filter(|worker| worker.late).map(late));
    alerts.sort_by_key(|alert| alert.level);
    alerts
}

fn of_queue(queue: &QueueNow, alerts: &mut Vec<Alert>) {
    let name = Some(queue.queue.as_str());
    let mut add = |alert: Alert| alerts.push(Alert { waiting: queue.waiting, ..alert });
    if let Some(words) = &queue.broken {
        add(bad("broken_queue", name, words.clone()));
    }
    if let Some(breaker) = &queue.breaker {
        let why = mask::text(&breaker.why).into_owned();
        add(Alert { since: breaker.since, until: Some(breaker.until), ..bad("breaker", name, why) });
    }
    if queue.workers == 0 && queue.waiting + queue.processing > 0 && queue.broken.is_none() {
        add(bad("no_worker", name, String::new()));
    }
    if let Some(paused) = &queue.paused {
        add(Alert { until: paused.until, ..warn("paused", name, paused.note.clone()) });
    }
    if let Some(intake) = &queue.intake_paused {
        add(Alert { since: intake.since, ..warn("intake_paused", name, intake.note.clone()) });
    }
    if let Some(throttled) = &queue.throttled {
        add(Alert { until: throttled.until, ..warn("throttled", name, String::new()) });
    }
}

fn late(worker: &WorkerNow) -> Alert {
    Alert { since: Some(worker.seen_at), ..warn("late_worker", Some(&worker.queue), worker.id.clone()) }
}

fn bad(kind: &'static str, queue: Option<&str>, text: String) -> Alert {
    let queue = queue.map(str::to_owned);
    Alert { level: Level::Bad, kind, queue, since: None, until: None, waiting: 0, text }
}

fn warn(kind: &'static str, queue: Option<&str>, text: String) -> Alert {
    Alert { level: Level::Warn, ..bad(kind, queue, mask::text(&text).into_owned()) }
}
