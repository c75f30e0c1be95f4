//! `RATE_LIMIT_MAX` over `RATE_LIMIT_DURATION_MS`: what counts, and what does not.

use std::time::Duration;

use redispatch::config::{RateLimit, WorkerSettings};
use redispatch::{Failure, Outcome};
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply};

use super::account::{all_sent, until};
use super::kit::{Desk, Log, PENDING, key, now, push, push_each, push_numbers, settings};
use super::scripts::{self, CLAIM};

const MINUTE: i64 = 60_000_000;

fn one_a_minute(url: &str) -> WorkerSettings {
    let rate_limit = Some(RateLimit { max: 1, duration: Duration::from_secs(60) });
    WorkerSettings { rate_limit, ..settings(url) }
}

/// When the next message may go, µs.
fn micros(reply: &Reply) -> i64 {
    match reply {
        Reply::Nil => 0,
        value => value.text().parse().unwrap(),
    }
}

/// Waits until the next message may go in so many minutes, more or less.
async fn next_in_minutes(redis: &RedisServer, minutes: i64) {
    let from = now(redis).await * 1000;
    let wanted = from + minutes * MINUTE - MINUTE / 2..from + minutes * MINUTE + MINUTE / 2;
    let is_so = |reply: &Reply| wanted.contains(&micros(reply));
    redis.wait_until(&["HGET", &key("control"), "rate_due"], is_so, LIMIT).await;
}

/// At the rate, and all of them: three workers, 50 a second.
#[tokio::test]
async fn several_workers_share_one_limit() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 60).await;
    let log = Log::default();
    let start = now(&redis).await;
    let workers = [1, 2, 3].map(|_| {
        let rate_limit = Some(RateLimit { max: 50, duration: Duration::from_secs(1) });
        log.worker(WorkerSettings { rate_limit, ..settings(&redis.url()) })
    });
    all_sent(&redis, 60, || log.numbers()).await;
    let took = now(&redis).await - start;
    assert!(took >= 59 * 20 - 20, "60 of them at 20 ms each went within {took} ms");
    for worker in workers {
        worker.stop().await;
    }
}

/// One a minute: each of these would hold up the last one past the limit of the test.
#[tokio::test]
async fn what_is_not_sent_gives_its_place_back() {
    let redis = RedisServer::start().await;
    redis.command(&["HSET", &key("status:twice"), "state", "sent"]).await;
    for message in [
        r#"{"n":0,"send_at":9999999999999}"#,
        r#"{"n":1,"id":"twice"}"#,
        r#"{"n":2,"expires_at":1000000000000}"#,
        r#"{"n":3,"id":7}"#,
        r#"{"n":4,"_delivery":{"crashes":9}}"#,
    ] {
        push(&redis, message).await;
    }
    push_each(&redis, PENDING, (5..9).map(|n| format!(r#"{{"n":{n}}}"#))).await;
    let mut desk = Desk::new();
    let worker = desk.worker(one_a_minute(&redis.url()));
    let sending = desk.next().await;
    assert_eq!(sending.number(), 5);
    sending.delivery.charge(3);
    sending.answer(Outcome::Reject(Failure::malformed("nothing was asked of the provider")));
    let sending = desk.next().await;
    sending.delivery.charge(4);
    sending.answer(Outcome::Unconfirmed);
    // Its place may be taken before it is back in its lane itself.
    let accepted = desk.accept(1).await;
    assert!(matches!(accepted[..], [6 | 7]), "{accepted:?}");
    next_in_minutes(&redis, 1).await;
    let end = until(&redis, "sent", |now| now.counter("sent") == 1 && now.processing.is_empty()).await;
    assert!(desk.is_empty());
    assert_eq!((end.waiting.len(), end.delayed.len(), end.dead.len()), (2, 1, 4), "{end:?}");
    end.counters_are(&[("sent", 1), ("duplicates", 1), ("expired", 1), ("dead_lettered", 4)]);
    worker.stop().await;
}

#[tokio::test]
async fn a_message_of_three_parts_costs_three_places() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 2).await;
    let mut desk = Desk::new();
    let worker = desk.worker(one_a_minute(&redis.url()));
    let sending = desk.next().await;
    sending.delivery.charge(9);
    sending.delivery.charge(3);
    sending.accept();
    next_in_minutes(&redis, 3).await;
    // What the provider refused it was asked all the same.
    redis.command(&["HDEL", &key("control"), "rate_due"]).await;
    let sending = desk.next().await;
    sending.delivery.charge(2);
    sending.answer(Outcome::Reject(Failure::new("opted out").by("test")));
    next_in_minutes(&redis, 2).await;
    let end = until(&redis, "settled", super::account::Account::is_dry).await;
    end.adds_up(2, &desk.log.numbers());
    end.counters_are(&[("sent", 1), ("dead_lettered", 1)]);
    worker.stop().await;
}

#[tokio::test]
async fn a_lost_reply_charges_once() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_numbers(&redis, 2).await;
    let mut desk = Desk::new();
    let worker = desk.worker(WorkerSettings { concurrency: 1, ..one_a_minute(&proxy.url()) });
    // While it is sent nothing is claimed; the next claim tells of the charge, and is lost.
    let sending = desk.next().await;
    sending.delivery.charge(3);
    let claims = scripts::hash(&redis, CLAIM).await;
    let (lost, seen) = (proxy.lose_reply(&claims, Then::Close), proxy.watch(&claims));
    sending.accept();
    lost.struck().await;
    seen.wait_seen(4).await;
    next_in_minutes(&redis, 3).await;
    redis.command(&["HDEL", &key("control"), "rate_due"]).await;
    desk.accept(1).await;
    all_sent(&redis, 2, || desk.log.numbers()).await;
    worker.stop().await;
}
