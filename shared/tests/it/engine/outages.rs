//! Redis dies, freezes, refuses or cannot be reached.

use std::time::Duration;

use redispatch::Outcome;
use redispatch::config::WorkerSettings;
use redispatch_testkit::proxy::Proxy;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};

use super::account::{all_sent, until};
use super::kit::{Desk, Log, Sending, key, push, push_numbers, settings};
use super::scripts::{self, EXTEND};

/// Loses nothing that it has answered.
async fn durable() -> RedisServer {
    RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]).await
}

/// Lets time pass that nothing announces: leases and limits that run out while Redis is away.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

async fn accepted(log: &Log, count: usize) {
    let numbers = async || log.numbers().len();
    eventually("messages are accepted", LIMIT, numbers, |now| *now >= count).await;
}

#[tokio::test]
async fn killed_and_restarted_three_times_under_load() {
    let mut redis = durable().await;
    push_numbers(&redis, 3_000).await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    for round in 1..=3 {
        accepted(&log, round * 300).await;
        redis.restart().await;
    }
    all_sent(&redis, 3_000, || log.numbers()).await;
    worker.stop().await;
}

/// A time limit of Redis's, or a load balancer's, for lines on which nothing is said.
#[tokio::test]
async fn connections_that_are_closed_are_made_anew_at_once() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    for n in 0..3 {
        push(&redis, &format!(r#"{{"n":{n}}}"#)).await;
        desk.accept(1).await;
        until(&redis, "it is settled", |now| now.counter("sent") > n).await;
        redis.command(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        push(&redis, r#"{"n":9}"#).await;
        let next = tokio::time::timeout(Duration::from_secs(2), desk.next()).await;
        next.expect("before a command on the closed line is given up").accept();
        redis.command(&["HINCRBY", &key("counters"), "sent", "-1"]).await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn killed_and_restarted_while_sending() {
    let mut redis = durable().await;
    push_numbers(&redis, 10).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    redis.kill();
    held.into_iter().for_each(Sending::accept);
    redis.restart().await;
    desk.accept(6).await;
    all_sent(&redis, 10, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn killed_and_restarted_while_a_pop_blocks() {
    let mut redis = durable().await;
    let mut desk = Desk::new();
    // It would look by itself after a minute only.
    let poll_interval = Duration::from_secs(60);
    let worker = desk.worker(WorkerSettings { poll_interval, ..settings(&redis.url()) });
    let blocked = |reply: &redispatch_testkit::Reply| reply.text().contains("blocked_clients:2");
    redis.wait_until(&["INFO", "clients"], blocked, LIMIT).await;
    redis.restart().await;
    push(&redis, r#"{"n":0}"#).await;
    desk.accept(1).await;
    redis.wait_until(&["INFO", "clients"], blocked, LIMIT).await;
    push(&redis, r#"{"n":1}"#).await;
    desk.accept(1).await;
    all_sent(&redis, 2, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn away_for_longer_than_a_lease_nobody_is_robbed() {
    let mut redis = durable().await;
    push_numbers(&redis, 8).await;
    let lease = Duration::from_secs(1);
    let short = WorkerSettings { lease, ..settings(&redis.url()) };
    let (mut desk, mut idle) = (Desk::new(), Desk::new());
    let (one, two) = (desk.worker(short.clone()), desk.worker(short.clone()));
    let held = desk.take(8).await;
    let robber = idle.worker(short);
    redis.wait_until(&["INFO", "clients"], |reply| reply.text().contains("blocked_clients:2"), LIMIT).await;
    redis.kill();
    pass(2 * lease).await;
    redis.restart().await;
    let mut monitor = redis.monitor().await;
    for _ in 0..16 {
        monitor
            .wait_for(|line| line.contains("lua") && line.contains("ZADD") && line.contains("processing"))
            .await;
    }
    held.into_iter().for_each(Sending::accept);
    all_sent(&redis, 8, || desk.log.numbers()).await;
    assert!(idle.is_empty());
    for worker in [one, two, robber] {
        worker.stop().await;
    }
}

async fn frozen_for(time: Duration) {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let renewals = proxy.watch(scripts::hash(&redis, EXTEND).await);
    push_numbers(&redis, 4).await;
    let lease = Duration::from_secs(1);
    let (mut desk, mut idle) = (Desk::new(), Desk::new());
    let worker = desk.worker(WorkerSettings { lease, ..settings(&proxy.url()) });
    let held = desk.take(4).await;
    let poll_interval = Duration::from_millis(10);
    let robber = idle.worker(WorkerSettings { lease, poll_interval, ..settings(&redis.url()) });
    // Two leases: long enough for it to be trusted with takeovers.
    renewals.wait_seen(6).await;
    redis.freeze();
    pass(time).await;
    redis.thaw();
    let seen = renewals.seen();
    renewals.wait_seen(seen + 3).await;
    held.into_iter().for_each(Sending::accept);
    all_sent(&redis, 4, || desk.log.numbers()).await;
    assert!(idle.is_empty());
    worker.stop().await;
    robber.stop().await;
}

#[tokio::test]
async fn frozen_past_every_limit_nobody_is_robbed() {
    frozen_for(Duration::from_secs(7)).await;
}

#[tokio::test]
async fn frozen_past_a_lease_but_not_past_the_command_limit_nobody_is_robbed() {
    frozen_for(Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_read_only_replica_for_a_while() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 8).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    redis.command(&["REPLICAOF", "127.0.0.1", "1"]).await;
    held.into_iter().for_each(Sending::accept);
    let refused = |reply: &redispatch_testkit::Reply| reply.text().contains("errorstat_READONLY");
    redis.wait_until(&["INFO", "errorstats"], refused, LIMIT).await;
    redis.command(&["REPLICAOF", "NO", "ONE"]).await;
    desk.accept(4).await;
    all_sent(&redis, 8, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn connections_cut_again_and_again() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_numbers(&redis, 2_000).await;
    let log = Log::default();
    let worker = log.worker(settings(&proxy.url()));
    for round in 1..=10 {
        accepted(&log, round * 100).await;
        proxy.cut();
    }
    all_sent(&redis, 2_000, || log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn in_a_black_hole_past_every_limit() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_numbers(&redis, 8).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&proxy.url()));
    let held = desk.take(4).await;
    proxy.black_hole();
    held.into_iter().for_each(Sending::accept);
    pass(Duration::from_secs(5)).await;
    proxy.restore();
    desk.accept(4).await;
    let end = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") == 8).await;
    end.adds_up(8, &desk.log.numbers());
    assert_eq!(end.counter("taken_over"), 0);
    worker.stop().await;
}

#[tokio::test]
async fn every_kind_of_outcome_survives_an_outage() {
    let mut redis = durable().await;
    push_numbers(&redis, 4).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    redis.kill();
    for sending in held {
        let failure = redispatch::Failure::new("no");
        match sending.number() {
            0 => sending.fail(),
            1 => sending.answer(Outcome::Reject(failure)),
            2 => sending.answer(Outcome::Unconfirmed),
            _ => sending.accept(),
        }
    }
    redis.restart().await;
    desk.accept(2).await;
    let end = until(&redis, "all settled", |now| now.is_dry() && now.counter("sent") == 3).await;
    end.adds_up(4, &desk.log.numbers());
    end.counters_are(&[("sent", 3), ("retried", 1), ("dead_lettered", 1)]);
    assert_eq!(redis.command(&["LLEN", &key("dead_letter")]).await.int(), 1);
    worker.stop().await;
}

#[tokio::test]
async fn redis_loads_its_data_for_two_seconds() {
    let mut redis =
        RedisServer::with(&["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"])
            .await;
    push_numbers(&redis, 8).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    redis.command(&["DEBUG", "POPULATE", "4000"]).await;
    redis.command(&["SAVE"]).await;
    redis.kill();
    held.into_iter().for_each(Sending::accept);
    redis.restart().await;
    let refused = redis.command(&["INFO", "errorstats"]).await;
    assert!(refused.text().contains("errorstat_LOADING"), "nobody asked meanwhile: {refused:?}");
    desk.accept(4).await;
    all_sent(&redis, 8, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_producer_whose_connection_was_cut_enqueues_again() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let queue = redispatch::queue::Queue::new(super::kit::QUEUE, &settings(&proxy.url())).unwrap();
    let message = |n: usize| vec![format!(r#"{{"n":{n},"id":"{n}"}}"#).into()];
    for n in 0..3 {
        proxy.cut();
        let enqueue = async || queue.enqueue(redispatch::keys::Lane::Pending, message(n)).await.is_ok();
        eventually("it is enqueued", Duration::from_secs(5), enqueue, |done| *done).await;
    }
    let end = super::account::account(&redis).await;
    end.adds_up(3, &[]);
    end.counters_are(&[("enqueued", 3)]);
}

#[tokio::test]
async fn numbers_of_a_queue_can_be_had_again_after_a_cut() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let queue = redispatch::queue::Queue::new(super::kit::QUEUE, &settings(&proxy.url())).unwrap();
    push_numbers(&redis, 3).await;
    assert_eq!(queue.stats().await.unwrap().waiting(), 3);
    proxy.cut();
    let stats = async || queue.stats().await.map(|stats| stats.waiting()).ok();
    eventually("it answers again", Duration::from_secs(5), stats, |waiting| *waiting == Some(3)).await;
}
