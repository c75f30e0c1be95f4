//! Where a worker starts.

use redispatch::Worker;
use redispatch::config::WorkerSettings;
use redispatch::worker::WorkerError;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply};

use super::account::{account, all_sent};
use super::kit::{Desk, Log, QUEUE, Running, key, push_numbers, sent, settings};

#[tokio::test]
async fn with_redis_down_it_waits_and_then_works() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    push_numbers(&redis, 4).await;
    redis.kill();
    // Who listens in its place hangs up, twice.
    let other = tokio::net::TcpListener::bind(redis.addr()).await.unwrap();
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    for _ in 0..2 {
        drop(tokio::time::timeout(LIMIT, other.accept()).await.expect("it knocks").unwrap());
    }
    drop(other);
    redis.restart().await;
    desk.accept(4).await;
    all_sent(&redis, 4, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_redis_that_may_evict_messages_is_refused_unless_that_is_allowed() {
    let redis = RedisServer::with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]).await;
    push_numbers(&redis, 4).await;
    let refused = Running::start(settings(&redis.url()), |_| async { sent() }).ended().await;
    assert!(matches!(&refused, Err(WorkerError::Eviction(policy)) if policy == "allkeys-lru"), "{refused:?}");
    let now = account(&redis).await;
    now.adds_up(4, &[]);
    assert_eq!(now.waiting.len(), 4);

    let log = Log::default();
    let worker = log.worker(WorkerSettings { allow_eviction: true, ..settings(&redis.url()) });
    all_sent(&redis, 4, || log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn eviction_without_a_limit_or_of_volatile_keys_only_is_no_danger() {
    for args in [
        ["--maxmemory", "0", "--maxmemory-policy", "allkeys-lru"],
        ["--maxmemory", "100mb", "--maxmemory-policy", "volatile-lru"],
    ] {
        let redis = RedisServer::with(&args).await;
        push_numbers(&redis, 1).await;
        let log = Log::default();
        let worker = log.worker(settings(&redis.url()));
        all_sent(&redis, 1, || log.numbers()).await;
        worker.stop().await;
    }
}

#[tokio::test]
async fn the_layout_of_the_keys_is_written_down_and_a_newer_one_refused() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    all_sent(&redis, 1, || log.numbers()).await;
    let written = |reply: &Reply| *reply == Reply::Bulk(b"1".to_vec());
    redis.wait_until(&["HGET", &key("control"), "layout"], written, LIMIT).await;
    worker.stop().await;
    for newer in ["2", "1a"] {
        redis.command(&["HSET", &key("control"), "layout", newer]).await;
        let refused = Running::start(settings(&redis.url()), |_| async { sent() }).ended().await;
        assert!(matches!(&refused, Err(WorkerError::Layout(found)) if found == newer), "{refused:?}");
        let checked = Worker::new(QUEUE, settings(&redis.url())).unwrap().check().await;
        assert!(matches!(checked, Err(WorkerError::Layout(_))), "{checked:?}");
    }
}
