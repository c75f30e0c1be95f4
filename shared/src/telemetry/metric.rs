//! The metrics of a worker, each listed once: name, kind, labels, and what it counts.

/// One metric, as Prometheus knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name; units are part of it.
    pub name: &'static str,
    /// How its value moves.
    pub kind: MetricKind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// Its HELP text.
    pub help: &'static str,
}

/// How the value of a [`Metric`] moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only up, from 0 at the start of the worker.
    Counter,
    /// Up and down.
    Gauge,
    /// Observations in buckets.
    Histogram,
}

macro_rules! metrics {
    ($($name:ident = $kind:ident $text:literal [$($label:literal),*] $help:literal;)+) => {
        $(
            #[doc = $help]
            pub const $name: Metric =
                Metric { name: $text, kind: MetricKind::$kind, labels: &[$($label),*], help: $help };
        )+

        /// Every metric of a worker, in the order of this file.
        pub const ALL: &[Metric] = &[$($name),+];
    };
}

metrics! {
    CLAIMED = Counter "redispatch_claimed_messages_total" ["queue"]
        "Messages claimed by this worker.";
    SENT = Counter "redispatch_sent_messages_total" ["queue", "transport"]
        "Messages that a provider accepted, by transport.";
    RETRIED = Counter "redispatch_retried_messages_total" ["queue"]
        "Sends that failed and cost their message a retry.";
    DEAD_LETTERED = Counter "redispatch_dead_lettered_messages_total" ["queue", "class"]
        "Messages given up, by class as in _delivery.class.";
    TAKEN_OVER = Counter "redispatch_taken_over_messages_total" ["queue"]
        "Messages taken over from a worker that died or lost its lease.";
    DUPLICATES = Counter "redispatch_duplicate_messages_total" ["queue"]
        "Messages dropped because their id was sent before or is in hand elsewhere.";
    STALE_SETTLES = Counter "redispatch_stale_settles_total" ["queue"]
        "Outcomes that changed nothing because somebody else had taken the message over.";
    ORPHANS = Counter "redispatch_orphans_total" ["queue"]
        "Claim tokens and delayed members without bytes that this worker removed.";
    SEND_DURATION = Histogram "redispatch_send_duration_seconds" ["queue"]
        "Time from handing a message to its sender until the outcome.";
    QUEUE_LATENCY = Histogram "redispatch_queue_latency_seconds" ["queue"]
        "Time from send_at or created_at, where a message has one, until a provider accepted it.";
    IN_FLIGHT = Gauge "redispatch_in_flight_messages" ["queue"]
        "Messages in hand: claimed and not settled yet.";
    BREAKER_OPEN = Gauge "redispatch_breaker_open" ["queue"]
        "1 while the provider fails for everybody and nothing is claimed, else 0.";
    THROTTLED = Gauge "redispatch_throttled" ["queue"]
        "1 while the provider has asked everybody to wait, else 0.";
    PAUSED = Gauge "redispatch_paused" ["queue"]
        "1 while an operator has paused the queue, else 0.";
    REDIS_CONNECTED = Gauge "redispatch_redis_connected" ["queue"]
        "1 while this worker is connected to Redis, else 0.";
    REDIS_ROUND_TRIPS = Counter "redispatch_redis_round_trips_total" ["queue"]
        "Calls that this worker made to Redis.";
    REDIS_RECONNECTS = Counter "redispatch_redis_reconnects_total" ["queue"]
        "Connections to Redis made anew after one was lost.";
    BUILD_INFO = Gauge "redispatch_build_info" ["version"]
        "Always 1; the label says which version runs.";
    PROCESS_START = Gauge "process_start_time_seconds" []
        "When this worker started, in seconds since 1970.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_say_what_they_count() {
        let mut names: Vec<_> = ALL.iter().map(|metric| metric.name).collect();
        for metric in ALL {
            let total = metric.name.ends_with("_total");
            assert_eq!(total, metric.kind == MetricKind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.') && !metric.help.contains(['\n', '|']), "{}", metric.help);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
