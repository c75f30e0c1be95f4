//! What Prometheus gets.

use std::time::Duration;

use futures::future::join_all;
use redispatch_testkit::prometheus::Prometheus;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually, promtool};
use serde_json::Value;

use super::server::Server;

/// As users have it in their `prometheus.yml`.
const SCRAPE: &str = "\
# prometheus.yml
scrape_configs:
  - job_name: 'coupon-api'
    static_configs:
      - targets: ['localhost:8000']
    metrics_path: '/api/v1/health/redis'
";

/// The `Accept` of Prometheus 2.42.
const ACCEPT: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
    text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

async fn with_messages() -> RedisServer {
    let redis = RedisServer::with(&["--maxmemory", "100mb"]).await;
    let queued = r#"{"to":"a@example.com","body":"x","created_at":"2026-01-01T00:00:00Z"}"#;
    for (key, count) in
        [("pending", 3), ("pending:high", 2), ("pending:low", 1), ("claimed", 4), ("dead_letter", 5)]
    {
        for _ in 0..count {
            redis.command(&["LPUSH", &format!("queue:email:{key}"), queued]).await;
        }
    }
    redis
        .command(&["ZADD", "queue:email:delayed", "32472144000000", "a.1:p:0", "32472144000000", "a.2:p:0"])
        .await;
    redis.command(&["HSET", "queue:email:messages", "a.1:p:0", queued, "a.2:p:0", queued]).await;
    for (n, counter) in (1..).zip(COUNTERS) {
        redis.command(&["HSET", "queue:email:counters", counter, &n.to_string()]).await;
    }
    redis
        .command(&[
            "HSET",
            "queue:email:control",
            "paused_until",
            "-1",
            "throttled_until",
            "1",
            "breaker",
            "open",
        ])
        .await;
    redis
        .command(&["HSET", "queue:sms:control", "paused_until", "1", "throttled_until", "32472144000000"])
        .await;
    redis
}

const COUNTERS: [&str; 9] = [
    "enqueued",
    "sent",
    "retried",
    "dead_lettered",
    "taken_over",
    "duplicates",
    "stale_settles",
    "expired",
    "orphans",
];

/// The value of a sample, by its name and labels as written.
fn value(page: &str, sample: &str) -> Option<f64> {
    let line = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.map(|text| text.parse().unwrap())
}

#[tokio::test]
async fn both_pages_are_good_metrics_with_every_number() {
    let redis = with_messages().await;
    let server = Server::start(&redis, &[]).await;
    let negotiated = server.get_with("/api/v1/health/redis", &[("accept", ACCEPT)]).await.with_status(200);
    let metrics = server.get_with("/metrics", &[("accept", "application/json")]).await.with_status(200);
    assert_eq!(negotiated.headers["vary"], "accept");
    for answer in [negotiated, metrics] {
        assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
        let page = answer.body;
        assert_eq!(promtool(&["check", "metrics"], &page).await, "");
        for (state, count) in [
            ("high", 2.0),
            ("pending", 3.0),
            ("low", 1.0),
            ("claimed", 4.0),
            ("processing", 0.0),
            ("delayed", 2.0),
            ("dead_letter", 5.0),
        ] {
            let sample = format!(r#"redispatch_queue_messages{{queue="email",state="{state}"}}"#);
            assert_eq!(value(&page, &sample), Some(count), "{sample} {page}");
        }
        for (n, counter) in (1..).zip(COUNTERS) {
            let sample = format!(r#"redispatch_queue_{counter}_total{{queue="email"}}"#);
            assert_eq!(value(&page, &sample), Some(f64::from(n)), "{sample} {page}");
            let none = format!(r#"redispatch_queue_{counter}_total{{queue="whatsapp"}}"#);
            assert_eq!(value(&page, &none), Some(0.0), "{none} {page}");
        }
        for (gate, email, sms) in [("paused", 1.0, 0.0), ("throttled", 0.0, 1.0), ("breaker_open", 1.0, 0.0)]
        {
            let of = |queue| value(&page, &format!(r#"redispatch_queue_{gate}{{queue="{queue}"}}"#));
            assert_eq!(
                (of("email"), of("sms"), of("whatsapp")),
                (Some(email), Some(sms), Some(0.0)),
                "{gate}"
            );
        }
        let oldest = value(&page, r#"redispatch_queue_oldest_waiting_seconds{queue="email"}"#).unwrap();
        let age = redispatch::clock::unix_ms() as f64 / 1000.0 - 1_767_225_600.0;
        assert!((oldest - age).abs() < 60.0, "{oldest} {age}");
        assert_eq!(value(&page, r#"redispatch_queue_oldest_waiting_seconds{queue="sms"}"#), None);
        assert_eq!(value(&page, "redispatch_redis_memory_limit_bytes"), Some(104_857_600.0));
        assert!(value(&page, "redispatch_redis_memory_used_bytes").unwrap() > 100_000.0);
        assert_eq!(value(&page, "redispatch_redis_up"), Some(1.0));
        assert_eq!(value(&page, r#"redispatch_queue_workers{queue="email"}"#), Some(0.0));
        let started = value(&page, "process_start_time_seconds").unwrap();
        assert!((started - redispatch::clock::unix_ms() as f64 / 1000.0).abs() < 60.0, "{started}");
        let build = format!(r#"redispatch_build_info{{version="{}"}}"#, env!("CARGO_PKG_VERSION"));
        assert_eq!(value(&page, &build), Some(1.0));
    }
}

#[tokio::test]
async fn workers_that_beat_are_counted() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let now = redispatch::clock::unix_ms();
    for (id, at) in [("a", now), ("b", now), ("gone", now - 600_000)] {
        let beat = format!(r#"{{"id":"{id}","lease_ms":30000,"at":{at}}}"#);
        redis.command(&["HSET", "queue:sms:workers", id, &beat]).await;
    }
    let page = server.get("/metrics").await.body;
    assert_eq!(value(&page, r#"redispatch_queue_workers{queue="sms"}"#), Some(2.0), "{page}");
}

#[tokio::test]
async fn a_hundred_scrapers_cost_redis_one() {
    let redis = with_messages().await;
    let server = Server::start(&redis, &[]).await;
    // Connected, with its scripts known.
    server.get("/api/v1/health/redis").await.with_status(200);
    let calls = async || {
        let stats = redis.command(&["INFO", "commandstats"]).await.text().to_owned();
        let calls = |name: &str| -> u64 {
            let line =
                stats.lines().find(|line| line.starts_with(&format!("cmdstat_{name}:"))).unwrap_or("=0,");
            line.split(['=', ',']).nth(1).unwrap().parse().unwrap()
        };
        (calls("smembers"), calls("evalsha"))
    };
    // The first page may be that of just now.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let before = calls().await;
    let scraped = join_all((0..100).map(|_| server.get("/metrics"))).await;
    assert!(scraped.iter().all(|answer| answer.status == 200));
    let after = calls().await;
    let scrapes = after.0 - before.0;
    // Two where the hundred take longer than a second.
    assert!((1..=2).contains(&scrapes), "asked {scrapes} times");
    assert_eq!(after.1 - before.1, 3 * scrapes, "one script a queue");
}

#[tokio::test]
async fn a_real_prometheus_gets_its_samples_with_the_scrape_configuration_of_old() {
    let redis = with_messages().await;
    let server = Server::start(&redis, &[]).await;
    let config = SCRAPE.replace("localhost:8000", &format!("localhost:{}", server.addr.port()));
    // Its first scrape would else come some time within the first minute; a time-out is never longer than the interval.
    let prometheus = Prometheus::start(&format!("global:\n  scrape_interval: 2s\n{config}")).await;
    let query = r#"redispatch_queue_messages{job="coupon-api",queue="email",state="dead_letter"}"#;
    let samples = eventually(
        "samples",
        LIMIT,
        async || prometheus.query(query).await,
        |all: &Vec<Value>| !all.is_empty(),
    )
    .await;
    assert_eq!(samples[0]["value"][1], "5", "{samples:?}");
    let all = prometheus.query("redispatch_queue_messages").await;
    assert_eq!(all.len(), 3 * 7, "{all:?}");
    let up = prometheus.query(r#"up{job="coupon-api"}"#).await;
    assert_eq!(up[0]["value"][1], "1", "{up:?}");

    redis.freeze();
    let query = r#"redispatch_redis_up{job="coupon-api"} == 0"#;
    let away = async || prometheus.query(query).await;
    eventually("Prometheus sees that Redis is away", LIMIT, away, |all: &Vec<Value>| !all.is_empty()).await;
    let up = prometheus.query(r#"up{job="coupon-api"}"#).await;
    assert_eq!(up[0]["value"][1], "1", "the API itself is there: {up:?}");
}
