//! What one worker counts. Where nobody can ask for it, nothing is registered and counting does nothing.

use std::sync::{Arc, Mutex};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

/// Where all metrics that are answered at one address are made.
pub(crate) use metrics_exporter_prometheus::PrometheusRecorder as Recorder;

use super::metric::{self, Metric, MetricKind};
use crate::clock;
use crate::link::Traffic;

/// Seconds: a null transport answers in less than the first, `SEND_TIMEOUT_MS` ends most sends before the last.
const SEND_BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];

/// Seconds: from a message that goes out at once to one that waited for a day.
const LATENCY_BUCKETS: [f64; 14] =
    [0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0];

/// Everything that `_delivery.class` may say.
const CLASSES: [&str; 6] = ["malformed", "reject", "retry", "in_doubt", "expired", "poison"];

const METADATA: Metadata<'static> = Metadata::new("redispatch", Level::INFO, None);

/// The counters of one worker. The default counts nothing.
pub(crate) struct Metrics {
    register: Register,
    pub(crate) claimed: Counter,
    pub(crate) retried: Counter,
    pub(crate) taken_over: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) stale_settles: Counter,
    pub(crate) orphans: Counter,
    pub(crate) send_duration: Histogram,
    pub(crate) queue_latency: Histogram,
    pub(crate) traffic: Traffic,
    dead_lettered: [Counter; CLASSES.len()],
    /// By transport, as each is met.
    sent: Mutex<Vec<(&'static str, Counter)>>,
    in_flight: Gauge,
    breaker_open: Gauge,
    throttled: Gauge,
    paused: Gauge,
    redis_connected: Gauge,
}

/// What is looked up when somebody asks, rather than kept up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) in_flight: usize,
    pub(crate) breaker_open: bool,
    pub(crate) throttled: bool,
    pub(crate) paused: bool,
    pub(crate) redis_connected: bool,
}

impl Metrics {
    /// Metrics of a worker of `queue`, in `recorder` where somebody can ask for them.
    pub(crate) fn new(queue: &str, recorder: Option<&Arc<Recorder>>) -> Self {
        let register = Register { recorder: recorder.cloned(), queue: queue.to_owned() };
        register.gauge(&metric::BUILD_INFO, Some(("version", env!("CARGO_PKG_VERSION")))).set(1.0);
        register.gauge(&metric::PROCESS_START, None).set(clock::unix_ms() as f64 / 1000.0);
        Self {
            claimed: register.counter(&metric::CLAIMED, None),
            retried: register.counter(&metric::RETRIED, None),
            taken_over: register.counter(&metric::TAKEN_OVER, None),
            duplicates: register.counter(&metric::DUPLICATES, None),
            stale_settles: register.counter(&metric::STALE_SETTLES, None),
            orphans: register.counter(&metric::ORPHANS, None),
            send_duration: register.histogram(&metric::SEND_DURATION),
            queue_latency: register.histogram(&metric::QUEUE_LATENCY),
            traffic: Traffic {
                round_trips: register.counter(&metric::REDIS_ROUND_TRIPS, None),
                reconnects: register.counter(&metric::REDIS_RECONNECTS, None),
            },
            dead_lettered: CLASSES
                .map(|class| register.counter(&metric::DEAD_LETTERED, Some(("class", class)))),
            sent: Mutex::default(),
            in_flight: register.gauge(&metric::IN_FLIGHT, None),
            breaker_open: register.gauge(&metric::BREAKER_OPEN, None),
            throttled: register.gauge(&metric::THROTTLED, None),
            paused: register.gauge(&metric::PAUSED, None),
            redis_connected: register.gauge(&metric::REDIS_CONNECTED, None),
            register,
        }
    }

    /// Whether anybody can ask: what costs more than adding a number is not worth it otherwise.
    pub(crate) fn is_on(&self) -> bool {
        self.register.recorder.is_some()
    }

    /// A provider accepted a message.
    pub(crate) fn sent(&self, transport: Option<&'static str>) {
        let transport = transport.unwrap_or("unknown");
        let mut sent = self.sent.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match sent.iter().find(|(name, _)| *name == transport) {
            Some((_, counter)) => counter.increment(1),
            None => {
                let counter = self.register.counter(&metric::SENT, Some(("transport", transport)));
                counter.increment(1);
                sent.push((transport, counter));
            }
        }
    }

    /// A message was given up.
    pub(crate) fn dead_lettered(&self, class: &str) {
        if let Some(index) = CLASSES.iter().position(|known| *known == class) {
            self.dead_lettered[index].increment(1);
        }
    }

    /// Says what holds now, before everything is rendered as text.
    pub(crate) fn set(&self, now: Now) {
        self.in_flight.set(now.in_flight as f64);
        for (gauge, holds) in [
            (&self.breaker_open, now.breaker_open),
            (&self.throttled, now.throttled),
            (&self.paused, now.paused),
            (&self.redis_connected, now.redis_connected),
        ] {
            gauge.set(f64::from(u8::from(holds)));
        }
    }
}

/// Where metrics are made.
struct Register {
    recorder: Option<Arc<Recorder>>,
    queue: String,
}

impl Register {
    fn counter(&self, metric: &Metric, more: Option<(&'static str, &'static str)>) -> Counter {
        let register =
            |recorder: &Arc<Recorder>| recorder.register_counter(&self.key(metric, more), &METADATA);
        self.recorder.as_ref().map_or_else(Counter::noop, register)
    }

    fn gauge(&self, metric: &Metric, more: Option<(&'static str, &'static str)>) -> Gauge {
        let register = |recorder: &Arc<Recorder>| recorder.register_gauge(&self.key(metric, more), &METADATA);
        self.recorder.as_ref().map_or_else(Gauge::noop, register)
    }

    fn histogram(&self, metric: &Metric) -> Histogram {
        let register =
            |recorder: &Arc<Recorder>| recorder.register_histogram(&self.key(metric, None), &METADATA);
        self.recorder.as_ref().map_or_else(Histogram::noop, register)
    }

    fn key(&self, metric: &Metric, more: Option<(&'static str, &'static str)>) -> Key {
        let queue = metric.labels.contains(&"queue").then(|| Label::new("queue", self.queue.clone()));
        let more = more.map(|(name, value)| Label::from_static_parts(name, value));
        Key::from_parts(metric.name, queue.into_iter().chain(more).collect::<Vec<_>>())
    }
}

/// A recorder that knows every metric's buckets and help.
pub(crate) fn recorder() -> Arc<Recorder> {
    let mut builder = PrometheusBuilder::new();
    for (metric, buckets) in
        [(metric::SEND_DURATION, &SEND_BUCKETS), (metric::QUEUE_LATENCY, &LATENCY_BUCKETS)]
    {
        let name = Matcher::Full(metric.name.to_owned());
        builder = builder.set_buckets_for_metric(name, buckets).expect("there are buckets");
    }
    let recorder = builder.build_recorder();
    for metric in metric::ALL {
        let (name, help) = (metric.name.into(), metric.help.into());
        match metric.kind {
            MetricKind::Counter => recorder.describe_counter(name, None, help),
            MetricKind::Gauge => recorder.describe_gauge(name, None, help),
            MetricKind::Histogram => recorder.describe_histogram(name, None, help),
        }
    }
    Arc::new(recorder)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const NOW: Now =
        Now { in_flight: 3, breaker_open: true, throttled: false, paused: false, redis_connected: true };

    fn kind(kind: MetricKind) -> &'static str {
        match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        }
    }

    #[test]
    fn what_is_rendered_is_what_is_listed() {
        let recorder = recorder();
        let metrics = Metrics::new("q", Some(&recorder));
        metrics.sent(Some("smtp"));
        metrics.set(NOW);
        let text = recorder.handle().render();
        let lines: BTreeSet<_> =
            text.lines().filter(|line| line.starts_with('#')).map(str::to_owned).collect();
        let listed: BTreeSet<_> = metric::ALL
            .iter()
            .flat_map(|metric| {
                [
                    format!("# HELP {} {}", metric.name, metric.help),
                    format!("# TYPE {} {}", metric.name, kind(metric.kind)),
                ]
            })
            .collect();
        assert_eq!(lines, listed);
        for metric in metric::ALL {
            let sample = |line: &&str| {
                line.strip_prefix(metric.name).is_some_and(|rest| rest.starts_with(['{', ' ', '_']))
            };
            let sample = text.lines().find(sample).unwrap_or_else(|| panic!("no {} in {text}", metric.name));
            for label in metric.labels {
                assert!(sample.contains(&format!("{label}=\"")), "{sample}");
            }
        }
    }

    #[test]
    fn every_sample_counts_where_it_belongs() {
        let recorder = recorder();
        let metrics = Metrics::new("q", Some(&recorder));
        for _ in 0..2 {
            metrics.sent(None);
        }
        metrics.sent(Some("smtp"));
        CLASSES.iter().for_each(|class| metrics.dead_lettered(class));
        metrics.send_duration.record(0.3);
        recorder.handle().run_upkeep();
        metrics.set(NOW);
        let text = recorder.handle().render();
        for line in [
            r#"redispatch_sent_messages_total{queue="q",transport="unknown"} 2"#,
            r#"redispatch_sent_messages_total{queue="q",transport="smtp"} 1"#,
            r#"redispatch_dead_lettered_messages_total{queue="q",class="poison"} 1"#,
            r#"redispatch_send_duration_seconds_bucket{queue="q",le="0.25"} 0"#,
            r#"redispatch_send_duration_seconds_bucket{queue="q",le="0.5"} 1"#,
            r#"redispatch_in_flight_messages{queue="q"} 3"#,
            r#"redispatch_breaker_open{queue="q"} 1"#,
            r#"redispatch_throttled{queue="q"} 0"#,
        ] {
            assert!(text.lines().any(|is| is == line), "{line} in {text}");
        }
    }

    #[test]
    fn queues_of_one_process_are_told_apart_by_their_label() {
        let recorder = recorder();
        let [a, b] = ["a", "b"].map(|queue| Metrics::new(queue, Some(&recorder)));
        a.claimed.increment(1);
        b.claimed.increment(2);
        let text = recorder.handle().render();
        for line in [
            r#"redispatch_claimed_messages_total{queue="a"} 1"#,
            r#"redispatch_claimed_messages_total{queue="b"} 2"#,
        ] {
            assert!(text.lines().any(|is| is == line), "{line} in {text}");
        }
        assert_eq!(text.matches("# TYPE redispatch_claimed_messages_total ").count(), 1, "{text}");
    }

    #[test]
    fn without_an_address_nothing_is_counted() {
        let metrics = Metrics::new("q", None);
        metrics.sent(Some("smtp"));
        metrics.claimed.increment(1);
        assert!(!metrics.is_on());
    }
}
