use std::ffi::OsString;

use super::*;
use crate::config::{HTTP, REDIS, Sources, TABLES};

fn read(env: &[(&str, &str)]) -> (WorkerSettings, String) {
    let env = env.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
    let sources = Sources::new(TABLES, env, (vec![], vec![]));
    let mut reader = Reader::new(&sources);
    let settings = WorkerSettings::read(&mut reader, 10);
    worker_queue(&mut reader, "email");
    (settings, reader.finish().err().map(|f| f.to_string()).unwrap_or_default())
}

#[test]
fn the_defaults_of_the_tables_are_those_of_the_library() {
    let (settings, faults) = read(&[]);
    assert_eq!(faults, "");
    assert_eq!(format!("{settings:?}"), format!("{:?}", WorkerSettings::new(RedisUrl::default())));
}

#[test]
fn every_setting_arrives() {
    let (s, faults) = read(&[
        ("QUEUE_PREFIX", "app:q"),
        ("QUEUES", "email, push-1,"),
        ("WORKER_ID", "1"),
        ("QUEUE_CONCURRENCY", "5  # Number of concurrent jobs per worker"),
        ("MAX_RETRIES", "7"),
        ("RETRY_DELAY_MS", "1"),
        ("RETRY_BACKOFF", "fixed"),
        ("RETRY_MAX_DELAY_MS", "2"),
        ("RETRY_JITTER", "0"),
        ("PROCESSING_TIMEOUT_MS", "1000"),
        ("SEND_TIMEOUT_MS", "100"),
        ("MAX_CRASHES", "9"),
        ("ON_IN_DOUBT", "dead_letter"),
        ("MAX_MESSAGE_BYTES", "1024"),
        ("POLL_INTERVAL_MS", "10"),
        ("SHUTDOWN_TIMEOUT_MS", "0"),
        ("COMPLETED_RETENTION_MS", "11"),
        ("FAILED_RETENTION_MS", "12"),
        ("WORKER_ACCEPT_JOBS", "no"),
        ("ALLOW_EVICTION", "yes"),
        ("RATE_LIMIT_MAX", "10  # over all workers"),
        ("RATE_LIMIT_DURATION_MS", "60000"),
        ("HTTP_ADDR", " [::]:9401 "),
    ]);
    assert_eq!(faults, "");
    let read = format!("{s:?}");
    assert_eq!(
        read.split_once(", prefix").unwrap().1,
        ": \"app:q\", queues: [\"email\", \"push-1\"], worker_id: \"1\", concurrency: 5, max_retries: 7, \
        backoff: Backoff { delay: 1ms, kind: Fixed, max_delay: 2ms, jitter: 0.0 }, lease: 1s, \
        send_timeout: 100ms, max_crashes: 9, on_in_doubt: DeadLetter, max_message_bytes: 1024, \
        poll_interval: 10ms, shutdown_timeout: 0ns, completed_retention: 11ms, failed_retention: 12ms, \
        accept_jobs: false, allow_eviction: true, rate_limit: Some(RateLimit { max: 10, duration: 60s }), \
        http_addr: Some([::]:9401) }"
    );
}

#[test]
fn every_setting_is_refused_by_its_name_and_all_are_told() {
    let tables = [QUEUE, RETRIES, RATE, HTTP];
    let all = || tables.iter().flat_map(|t| t.settings);
    let env: Vec<_> = all().map(|s| (s.name, "-1 é")).collect();
    let (_, faults) = read(&env);
    for setting in all() {
        assert!(
            faults.contains(&format!("\n  {}: `-1 é` cannot be used; ", setting.name)),
            "{}",
            setting.name
        );
    }
    assert_eq!(faults.lines().count(), 1 + all().count(), "{faults}");
    assert!(REDIS.settings.iter().all(|s| !faults.contains(s.name)));
}

#[test]
fn ranges_end_where_they_are_said_to() {
    for (name, low, high) in [
        ("CONCURRENCY", 1, 10_000),
        ("MAX_RETRIES", 1, 1_000),
        ("PROCESSING_TIMEOUT_MS", 1_000, 3_600_000),
        ("SEND_TIMEOUT_MS", 100, 86_400_000),
        ("MAX_CRASHES", 1, 1_000),
        ("MAX_MESSAGE_BYTES", 1_024, 536_870_912),
        ("POLL_INTERVAL_MS", 10, 60_000),
        ("SHUTDOWN_TIMEOUT_MS", 0, 3_600_000_u64),
        ("RATE_LIMIT_MAX", 1, 1_000_000),
        ("RATE_LIMIT_DURATION_MS", 1, 86_400_000),
    ] {
        for good in [low, high] {
            assert_eq!(read(&[(name, &good.to_string())]).1, "", "{name}={good}");
        }
        let too_low = low.checked_sub(1).map_or("-1".to_owned(), |n| n.to_string());
        for bad in [too_low, (high + 1).to_string(), "1e3".to_owned(), "99999999999999999999".to_owned()] {
            assert!(read(&[(name, &bad)]).1.contains(name), "{name}={bad}");
        }
    }
}

#[test]
fn a_delay_above_its_own_limit_is_refused() {
    let (_, faults) = read(&[("RETRY_DELAY_MS", "7200000")]);
    assert!(faults.contains("RETRY_DELAY_MS: is above RETRY_MAX_DELAY_MS"), "{faults}");
    let (_, faults) = read(&[("RETRY_DELAY_MS", "10"), ("RETRY_MAX_DELAY_MS", "x")]);
    assert_eq!(faults.lines().count(), 2, "{faults}");
}
