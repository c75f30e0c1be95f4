//! The last look at the lease before the provider is told to accept.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch::{Failure, Outcome};
use redispatch_testkit::proxy::Proxy;
use redispatch_testkit::redis::RedisServer;

use super::account::{all_sent, until};
use super::kit::{Desk, Log, key, push_numbers, settings};
use super::scripts::{self, EXTEND};

#[tokio::test]
async fn it_costs_nothing_while_the_lease_is_young() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let renewals = proxy.watch(scripts::hash(&redis, EXTEND).await);
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&proxy.url()));
    let sending = desk.next().await;
    sending.delivery.confirm().await.unwrap();
    assert_eq!(renewals.seen(), 0);
    sending.accept();
    all_sent(&redis, 1, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn without_redis_it_fails_once_the_lease_is_half_gone_and_the_message_goes_back_at_no_cost() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let worker = desk.worker(WorkerSettings { lease: Duration::from_millis(400), ..settings(&proxy.url()) });
    let sending = desk.next().await;
    proxy.refuse();
    let confirm = async || sending.delivery.confirm().await.is_err();
    redispatch_testkit::eventually("it cannot be confirmed", redispatch_testkit::LIMIT, confirm, |fails| {
        *fails
    })
    .await;
    proxy.restore();
    sending.answer(Outcome::Unconfirmed);
    let again = desk.next().await;
    assert_eq!(again.delivery.attempt(), 1);
    again.accept();
    all_sent(&redis, 1, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn it_fails_when_somebody_took_the_message_over_and_the_late_outcome_changes_nothing() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let (mut one, two) = (Desk::new(), Log::default());
    let lease = Duration::from_millis(300);
    let first = one.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    let sending = one.next().await;
    // Its bytes go under another name for a while, as if its keeper stood still past the lease.
    let token = redis.command(&["ZRANGE", &key("processing"), "0", "0"]).await.array()[0].text().to_owned();
    let other = "dead.1:p:0:dead.1";
    let rename = "redis.call('HSET', KEYS[2], ARGV[2], redis.call('HGET', KEYS[2], ARGV[1]))
        redis.call('HDEL', KEYS[2], ARGV[1]) redis.call('ZREM', KEYS[1], ARGV[1]) return redis.call('ZADD', KEYS[1], 1, ARGV[2])";
    redis.command(&["EVAL", rename, "2", &key("processing"), &key("messages"), &token, other]).await.int();
    let second = two.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    until(&redis, "sent by the second", |now| now.counter("sent") == 1).await;
    let confirm = async || sending.delivery.confirm().await.is_err();
    redispatch_testkit::eventually("it cannot be confirmed", redispatch_testkit::LIMIT, confirm, |fails| {
        *fails
    })
    .await;
    sending.answer(Outcome::Retry(Failure::new("too late")));
    let end = until(&redis, "counted", |now| now.counter("stale_settles") == 1).await;
    assert!(end.is_dry(), "{end:?}");
    end.adds_up(1, &two.numbers());
    end.counters_are(&[("sent", 1), ("taken_over", 1), ("stale_settles", 1)]);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_lease_past_its_half_is_renewed_by_the_look_itself() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let hash = scripts::hash(&redis, EXTEND).await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    // Its keeper comes after two seconds.
    let worker = desk.worker(WorkerSettings { lease: Duration::from_secs(6), ..settings(&proxy.url()) });
    let sending = desk.next().await;
    let renewals = proxy.watch(&hash);
    let lost = proxy.hold_request(&hash, redispatch_testkit::proxy::Then::Hang);
    // The keeper's first renewal hangs, and its connection with it, for three seconds.
    lost.struck().await;
    let before = renewals.seen();
    let confirmed = async || {
        sending.delivery.confirm().await.unwrap();
        renewals.seen()
    };
    redispatch_testkit::eventually("a renewal", redispatch_testkit::LIMIT, confirmed, |seen| *seen > before)
        .await;
    sending.accept();
    all_sent(&redis, 1, || desk.log.numbers()).await;
    worker.stop().await;
}

/// The handler may go on elsewhere, on a thread or in a task of its own: what was answered for it holds.
#[tokio::test]
async fn it_fails_once_the_attempt_was_ended() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let send_timeout = Duration::from_millis(50);
    let worker = desk.worker(WorkerSettings { send_timeout, ..settings(&redis.url()) });
    let late = desk.next().await.delivery.clone();
    let second = desk.next().await.delivery.clone();
    assert_eq!((late.attempt(), second.attempt()), (1, 2));
    assert!(late.confirm().await.is_err(), "its time was up");
    worker.stop().await;
    assert!(second.confirm().await.is_err());
}

#[tokio::test]
async fn it_fails_once_the_worker_was_stopped() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let sending = desk.next().await;
    worker.stop_now();
    assert_eq!(worker.ended().await.unwrap(), Default::default());
    assert!(sending.delivery.confirm().await.is_err());
    let end = super::account::account(&redis).await;
    end.adds_up(1, &[]);
    assert_eq!(end.waiting, [r#"{"n":0}"#], "back at no cost");
}
