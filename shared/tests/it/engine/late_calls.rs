//! A call is given up, made again and answered, and then the first one executes after all.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch_testkit::proxy::{Proxy, Rule, Then};
use redispatch_testkit::redis::RedisServer;

use super::account::{Account, account, until};
use super::kit::{Desk, Running, Sending, key, push_each, settings};
use super::scripts;

struct Line {
    redis: RedisServer,
    desk: Desk,
    worker: Running,
    held: Rule,
    _proxy: Proxy,
}

/// Six messages, four slots, and the first call of `script` kept back.
async fn line(script: &str, lease: Duration) -> Line {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_each(&redis, &key("pending"), (0..6).map(|n| format!(r#"{{"n":{n},"id":"{n}"}}"#))).await;
    let held = proxy.hold_request(scripts::hash(&redis, script).await, Then::Close);
    let desk = Desk::new();
    let worker = desk.worker(WorkerSettings { lease, ..settings(&proxy.url()) });
    Line { redis, desk, worker, held, _proxy: proxy }
}

const LEASE: Duration = Duration::from_secs(30);

/// What a late call leaves exactly as it was: everything but the count of stale settles.
fn same(before: &Account, after: &Account) {
    let mut after = after.clone();
    after.counters.remove("stale_settles");
    assert_eq!(before, &after);
}

async fn end(mut line: Line, left: usize, wanted: &[(&str, i64)]) {
    line.desk.accept(left).await;
    let end = until(&line.redis, "all sent", |now| now.is_dry() && now.counter("sent") == 6).await;
    end.adds_up(6, &line.desk.log.numbers());
    end.counters_are(wanted);
    line.worker.stop().await;
}

#[tokio::test]
async fn a_late_claim_takes_nothing() {
    let mut line = line(scripts::CLAIM, LEASE).await;
    let in_hand = line.desk.take(4).await;
    line.held.struck().await;
    let before = account(&line.redis).await;
    assert_eq!((before.processing.len(), before.waiting.len()), (4, 2));
    line.held.release().await;
    same(&before, &account(&line.redis).await);
    in_hand.into_iter().for_each(Sending::accept);
    end(line, 2, &[("sent", 6)]).await;
}

#[tokio::test]
async fn a_claim_later_than_all_its_messages_takes_nothing() {
    let mut line = line(scripts::CLAIM, LEASE).await;
    line.desk.accept(6).await;
    until(&line.redis, "all sent", |now| now.is_dry() && now.counter("sent") == 6).await;
    redis_paused(&line.redis).await;
    push_each(&line.redis, &key("pending"), std::iter::once(r#"{"n":6}"#.to_owned())).await;
    redis_resumed(&line.redis).await;
    let seventh = line.desk.next().await;
    let before = account(&line.redis).await;
    line.held.release().await;
    same(&before, &account(&line.redis).await);
    seventh.accept();
    let end = until(&line.redis, "all sent", |now| now.is_dry() && now.counter("sent") == 7).await;
    end.adds_up(7, &line.desk.log.numbers());
    line.worker.stop().await;
}

async fn redis_paused(redis: &RedisServer) {
    redis.command(&["HSET", &key("control"), "paused_until", "-1"]).await;
}

async fn redis_resumed(redis: &RedisServer) {
    redis.command(&["HDEL", &key("control"), "paused_until"]).await;
}

#[tokio::test]
async fn a_late_begin_leaves_what_was_sent_sent() {
    let mut line = line(scripts::BEGIN, LEASE).await;
    line.desk.accept(6).await;
    line.held.struck().await;
    let before = until(&line.redis, "all sent", |now| now.is_dry() && now.counter("sent") == 6).await;
    line.held.release().await;
    same(&before, &account(&line.redis).await);
    for n in 0..6 {
        let status = key(&format!("status:{n}"));
        assert_eq!(line.redis.command(&["HGET", &status, "state"]).await.text(), "sent");
        assert!(line.redis.command(&["PTTL", &status]).await.int() > 0, "it still goes away");
    }
    end(line, 0, &[("sent", 6)]).await;
}

#[tokio::test]
async fn a_late_complete_counts_nobody_twice() {
    let mut line = line(scripts::COMPLETE, LEASE).await;
    line.desk.accept(6).await;
    line.held.struck().await;
    let before = until(&line.redis, "all sent", |now| now.is_dry() && now.counter("sent") == 6).await;
    line.held.release().await;
    let after = account(&line.redis).await;
    same(&before, &after);
    let stale = after.counter("stale_settles");
    assert!((1..=4).contains(&stale), "it finds its tokens gone and says so: {stale}");
    end(line, 0, &[("sent", 6), ("stale_settles", stale)]).await;
}

#[tokio::test]
async fn a_late_retry_does_not_touch_the_next_attempt() {
    let mut line = line(scripts::RETRY, LEASE).await;
    line.desk.take(4).await.into_iter().for_each(Sending::fail);
    line.held.struck().await;
    let again = line.desk.take(4).await;
    let before = until(&line.redis, "all retried", |now| now.counter("retried") == 4).await;
    line.held.release().await;
    let after = account(&line.redis).await;
    same(&before, &after);
    again.into_iter().for_each(Sending::accept);
    end(line, 2, &[("sent", 6), ("retried", 4), ("stale_settles", after.counter("stale_settles"))]).await;
}

#[tokio::test]
async fn a_late_renewal_brings_nothing_back() {
    let mut line = line(scripts::EXTEND, Duration::from_millis(900)).await;
    let in_hand = line.desk.take(4).await;
    line.held.struck().await;
    in_hand.into_iter().for_each(Sending::accept);
    line.desk.accept(2).await;
    let before = until(&line.redis, "all sent", |now| now.is_dry() && now.counter("sent") == 6).await;
    line.held.release().await;
    same(&before, &account(&line.redis).await);
    end(line, 0, &[("sent", 6)]).await;
}
