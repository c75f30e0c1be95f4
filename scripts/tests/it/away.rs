//! No verb waits for a Redis that does not answer, and each says what failed.

use std::time::{Duration, Instant};

use redispatch_testkit::redis::RedisServer;

use crate::run::{command, finish};

const VERBS: &[&[&str]] = &[
    &["stats"],
    &["stats", "--watch", "--json"],
    &["enqueue", "-q", "news", "{}"],
    &["show", "-q", "email", "order-1"],
    &["workers"],
    &["queues"],
    &["rollback-check"],
    &["drain", "--queues", "email"],
    &["pause", "-q", "email"],
    &["pause", "--intake", "-q", "email"],
    &["resume", "--intake", "-q", "email"],
    &["cancel", "-q", "email", "order-1", "--mark", "1h"],
    &["reschedule", "-q", "email", "order-1", "--at", "+1h"],
    &["delayed", "-q", "email"],
    &["resume", "-q", "email"],
];

async fn all_fail(url: &str, limit: Duration) {
    let home = tempfile::tempdir().unwrap();
    let runs = VERBS.iter().map(async |args| {
        let start = Instant::now();
        let ran = finish(command(url, home.path(), args), b"").await.with_code(2);
        assert!(start.elapsed() < limit, "{args:?} took {:?}", start.elapsed());
        assert!(
            ran.stderr.contains("error: cannot ") && ran.stderr.contains("  cause:   Redis: "),
            "{ran:?}"
        );
        assert!(ran.stderr.contains("\nhint: "), "{ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
    });
    futures::future::join_all(runs).await;
}

#[tokio::test]
async fn a_redis_that_is_not_there() {
    let mut redis = RedisServer::start().await;
    redis.kill();
    all_fail(&redis.url(), Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_redis_that_stands_still() {
    let redis = RedisServer::start().await;
    redis.freeze();
    all_fail(&redis.url(), Duration::from_secs(15)).await;
}
