//! Workers die with messages in hand.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch_testkit::redis::RedisServer;
use serde_json::json;

use super::account::{account, until};
use super::kit::{Desk, Log, Running, key, number, push, push_numbers, sent, settings};

const LEASE: Duration = Duration::from_millis(300);

fn short_lease(url: &str) -> WorkerSettings {
    WorkerSettings { lease: LEASE, ..settings(url) }
}

#[tokio::test]
async fn what_a_dead_worker_held_is_taken_over_one_at_a_time_and_sent_alone() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 20).await;
    let mut desk = Desk::new();
    let first = desk.worker(short_lease(&redis.url()));
    let held = desk.take(4).await;
    first.kill();
    drop(held);
    let second = desk.worker(short_lease(&redis.url()));
    // It goes on with what waits, and takes the suspects when their leases have ended.
    let mut alone = 0;
    for _ in 0..20 {
        let sending = desk.next().await;
        if sending.number() < 4 {
            alone += 1;
            let in_hand = redis.command(&["ZCARD", &key("processing")]).await.int();
            let not_lapsed = redis
                .command(&["ZCOUNT", &key("processing"), &super::kit::now(&redis).await.to_string(), "+inf"])
                .await
                .int();
            assert!(not_lapsed <= 1, "{not_lapsed} in hand beside a suspect ({in_hand} in all)");
            assert!(desk.is_empty(), "sent alone");
            assert_eq!(sending.delivery.attempt(), 1, "no retry spent");
        }
        sending.accept();
    }
    assert_eq!(alone, 4);
    let end = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") == 20).await;
    end.adds_up(20, &desk.log.numbers());
    end.counters_are(&[("sent", 20), ("taken_over", 4)]);
    second.stop().await;
}

#[tokio::test]
async fn while_a_suspect_is_sent_its_worker_holds_nothing_else() {
    let redis = RedisServer::start().await;
    push(&redis, r#"{"n":0}"#).await;
    let mut desk = Desk::new();
    let first = desk.worker(short_lease(&redis.url()));
    drop(desk.next().await);
    first.kill();
    let second = desk.worker(short_lease(&redis.url()));
    let suspect = desk.next().await;
    push_numbers_from(&redis, 1, 9).await;
    let mut monitor = redis.monitor().await;
    // Two rounds of its keeper: time enough for a claim that should not be.
    for _ in 0..2 {
        monitor.wait_for(|line| line.contains("ZADD") && line.contains("processing")).await;
    }
    let now = account(&redis).await;
    assert_eq!((now.processing.len(), now.waiting.len()), (1, 8));
    suspect.accept();
    assert_eq!(desk.accept(8).await, (1..9).collect::<Vec<_>>());
    let end = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") == 9).await;
    end.adds_up(9, &desk.log.numbers());
    end.counters_are(&[("sent", 9), ("taken_over", 1)]);
    second.stop().await;
}

async fn push_numbers_from(redis: &RedisServer, from: usize, to: usize) {
    let messages = (from..to).map(|n| format!(r#"{{"n":{n}}}"#));
    super::kit::push_each(redis, super::kit::PENDING, messages).await;
}

#[tokio::test]
async fn poison_is_given_up_and_its_neighbours_do_not_count_down() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 40).await;
    let log = Log::default();
    // Number 17 takes its worker down whenever it is sent.
    let (tell, mut crashed) = tokio::sync::mpsc::unbounded_channel();
    let start = || {
        let (log, tell) = (log.clone(), tell.clone());
        Running::start(WorkerSettings { concurrency: 8, ..short_lease(&redis.url()) }, move |delivery| {
            let n = number(delivery.bytes());
            let (log, tell) = (log.clone(), tell.clone());
            async move {
                if n == 17 {
                    let _ = tell.send(delivery.attempt());
                    std::future::pending::<()>().await;
                }
                log.accepted(n);
                sent()
            }
        })
    };
    for _ in 0..3 {
        let worker = start();
        assert_eq!(tokio::time::timeout(redispatch_testkit::LIMIT, crashed.recv()).await.unwrap(), Some(1));
        worker.kill();
    }
    let last = start();
    let end = until(&redis, "given up", |now| now.is_dry() && now.dead.len() == 1).await;
    let letter = end.dead_letter();
    assert_eq!((&letter["n"], &letter["_delivery"]["reason"]), (&json!(17), &json!("poison")));
    assert_eq!(letter["_delivery"]["crashes"], 3);
    assert!(letter.get("retries").is_none(), "no retry was spent: {letter}");
    // A neighbour whose accept was not settled when its worker died is sent again, never dead-lettered.
    let mut accepted = log.numbers();
    accepted.sort_unstable();
    accepted.dedup();
    end.adds_up(40, &accepted);
    assert_eq!((end.counter("sent"), end.counter("dead_lettered")), (39, 1));
    assert!(crashed.try_recv().is_err(), "not sent a fourth time");
    last.stop().await;
}

#[tokio::test]
async fn crashes_are_written_into_a_message_that_fails_or_goes_back() {
    let redis = RedisServer::start().await;
    push(&redis, r#"{"n":0}"#).await;
    let mut desk = Desk::new();
    let first = desk.worker(short_lease(&redis.url()));
    drop(desk.next().await);
    first.kill();
    let second =
        desk.worker(WorkerSettings { shutdown_timeout: Duration::ZERO, ..short_lease(&redis.url()) });
    let _suspect = desk.next().await;
    second.stop().await;
    let back = account(&redis).await;
    let message: serde_json::Value = serde_json::from_str(&back.waiting[0]).unwrap();
    assert_eq!(message["_delivery"]["crashes"], 1, "release wrote it down: {message}");

    let third = desk.worker(short_lease(&redis.url()));
    desk.next().await.fail();
    let sending = desk.next().await;
    assert_eq!(sending.delivery.attempt(), 2);
    drop(sending);
    third.kill();
    let mut settings = short_lease(&redis.url());
    settings.max_crashes = 2;
    let fourth = desk.worker(settings);
    let end = until(&redis, "given up", |now| now.dead.len() == 1).await;
    assert_eq!(end.dead_letter()["_delivery"]["crashes"], 2);
    assert_eq!(end.dead_letter()["_delivery"]["reason"], "poison");
    end.adds_up(1, &[]);
    end.counters_are(&[("retried", 1), ("taken_over", 2), ("dead_lettered", 1)]);
    redis.shell("redis-cli rpoplpush queue:q:dead_letter queue:q:pending").await;
    assert_eq!(desk.accept(1).await, [0]);
    let end = until(&redis, "sent", |now| now.is_dry()).await;
    end.adds_up(1, &desk.log.numbers());
    fourth.stop().await;
}
