//! `GET /metrics`: the queues as Prometheus sees them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::Api;
use super::exposition::{CONTENT_TYPE, Kind, Page, labels};
use super::snapshot::Snapshot;
use crate::glance::Glance;

/// However many scrape, Redis is asked once in this time.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Counters of a queue, each `redispatch_queue_…_total`.
const COUNTERS: [(&str, &str); 10] = [
    ("enqueued", "Messages enqueued through library, command line or HTTP."),
    ("sent", "Messages that a provider accepted."),
    ("retried", "Failed sends that are tried again."),
    ("dead_lettered", "Messages given up."),
    ("taken_over", "Messages taken over from workers that died."),
    ("cancelled", "Messages taken back before they were sent."),
    ("duplicates", "Messages dropped because their id was sent before or was in hand."),
    ("stale_settles", "Outcomes that came after the lease was lost, and changed nothing."),
    ("expired", "Messages given up because their time was over."),
    ("orphans", "Members without bytes that were removed."),
];

/// The metrics of all queues
///
/// With Redis away `redispatch_redis_up` is 0, and what is not known is absent.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "monitoring",
    security(()),
    responses((status = OK, description = "Prometheus text format", content_type = "text/plain; version=0.0.4", body = String)),
)]
pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    scrape(&api).await
}

/// What a scraper is given, here or at the health endpoint.
pub(super) async fn scrape(api: &Api) -> Response {
    let snapshot = api.snapshots.get(&api.client, MAX_AGE).await;
    let text = page(snapshot.as_deref().ok(), api.started);
    let mut response = ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response();
    let cause = match &snapshot {
        Ok(snapshot) => snapshot.broken.first().map(|(_, cause)| cause.clone()),
        Err(error) => error.cause.clone(),
    };
    if let Some(cause) = cause {
        response.extensions_mut().insert(cause);
    }
    response
}

fn page(snapshot: Option<&Snapshot>, started: u64) -> String {
    let mut page = Page::default();
    let version = labels(&[("version", env!("CARGO_PKG_VERSION"))]);
    page.metric("redispatch_build_info", Kind::Gauge, "The version that runs; always 1.", [(version, 1)]);
    let started = [(String::new(), started as f64 / 1000.0)];
    page.metric(
        "process_start_time_seconds",
        Kind::Gauge,
        "Start of the process, seconds since 1970.",
        started,
    );
    let up = [(String::new(), u8::from(snapshot.is_some()))];
    page.metric("redispatch_redis_up", Kind::Gauge, "Whether Redis answers: 1 or 0.", up);
    if let Some(snapshot) = snapshot {
        redis(&mut page, snapshot);
        queues(&mut page, snapshot);
        gates(&mut page, snapshot);
    }
    page.into_text()
}

fn redis(page: &mut Page, snapshot: &Snapshot) {
    let memory = |bytes: Option<u64>| bytes.map(|bytes| (String::new(), bytes));
    let used = memory(snapshot.memory_used);
    page.metric("redispatch_redis_memory_used_bytes", Kind::Gauge, "Memory that Redis uses.", used);
    let limit = memory(snapshot.memory_limit);
    page.metric(
        "redispatch_redis_memory_limit_bytes",
        Kind::Gauge,
        "Memory that Redis may use; absent without a limit.",
        limit,
    );
}

fn queues(page: &mut Page, snapshot: &Snapshot) {
    let states = snapshot.queues.iter().flat_map(|(glance, _)| {
        let stats = &glance.stats;
        let states = [
            ("high", stats.high),
            ("pending", stats.pending),
            ("low", stats.low),
            ("claimed", stats.claimed),
            ("processing", stats.processing),
            ("delayed", stats.delayed),
            ("dead_letter", stats.dead_letter),
        ];
        states.map(|(state, count)| (labels(&[("queue", &glance.queue), ("state", state)]), count))
    });
    page.metric("redispatch_queue_messages", Kind::Gauge, "Messages in the queue, by state.", states);
    let oldest =
        snapshot.queues.iter().filter_map(|(glance, oldest)| Some((of(glance), (*oldest)? as f64 / 1000.0)));
    let help = "How long the oldest waiting message has waited; absent where nothing waits or nobody knows.";
    page.metric("redispatch_queue_oldest_waiting_seconds", Kind::Gauge, help, oldest);
    for (counter, help) in COUNTERS {
        let totals = each(snapshot, |glance| glance.stats.counters.get(counter).copied().unwrap_or(0));
        page.metric(&format!("redispatch_queue_{counter}_total"), Kind::Counter, help, totals);
    }
    let counted = each(snapshot, |_| 0);
    let broken = snapshot.broken.iter().map(|(queue, _)| (labels(&[("queue", queue)]), 1));
    let help = "Whether the queue cannot be counted, as when a key of it is of a wrong type: 1 or 0.";
    page.metric("redispatch_queue_broken", Kind::Gauge, help, counted.chain(broken));
    let workers = each(snapshot, Glance::alive);
    page.metric("redispatch_queue_workers", Kind::Gauge, "Workers that serve the queue.", workers);
}

fn gates(page: &mut Page, snapshot: &Snapshot) {
    let lasts = |until: Option<i64>, glance: &Glance| {
        u8::from(until.is_some_and(|until| until < 0 || until > glance.now))
    };
    let paused = each(snapshot, |glance| lasts(glance.stats.gates.paused_until, glance));
    page.metric(
        "redispatch_queue_paused",
        Kind::Gauge,
        "Whether an operator paused the queue: 1 or 0.",
        paused,
    );
    let intake = each(snapshot, |glance| u8::from(glance.stats.gates.intake.is_some()));
    let help = "Whether somebody paused the intake, so that nobody may enqueue: 1 or 0.";
    page.metric("redispatch_queue_intake_paused", Kind::Gauge, help, intake);
    let throttled = each(snapshot, |glance| lasts(glance.stats.gates.throttled_until, glance));
    let help = "Whether the provider asked everybody to wait: 1 or 0.";
    page.metric("redispatch_queue_throttled", Kind::Gauge, help, throttled);
    let open = each(snapshot, |glance| u8::from(glance.stats.gates.breaker.is_some()));
    let help = "Whether the circuit breaker is open because the provider fails for everybody: 1 or 0.";
    page.metric("redispatch_queue_breaker_open", Kind::Gauge, help, open);
}

fn each<V>(snapshot: &Snapshot, value: impl Fn(&Glance) -> V) -> impl Iterator<Item = (String, V)> {
    snapshot.queues.iter().map(move |(glance, _)| (of(glance), value(glance)))
}

fn of(glance: &Glance) -> String {
    labels(&[("queue", &glance.queue)])
}
