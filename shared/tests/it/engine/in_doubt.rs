//! `ON_IN_DOUBT=dead_letter`: what may have been accepted is never sent again, whoever dies.

use std::time::Duration;

use redispatch::config::{OnInDoubt, WorkerSettings};
use redispatch::{Failure, Outcome};
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply, eventually};

use super::account::{Account, all_sent, until};
use super::kit::{Desk, key, push, push_numbers, settings};
use super::scripts::{self, DEAD_LETTER, EXTEND};

fn careful(url: &str) -> WorkerSettings {
    let lease = Duration::from_millis(300);
    WorkerSettings { lease, on_in_doubt: OnInDoubt::DeadLetter, ..settings(url) }
}

fn is_marked(reply: &Reply) -> bool {
    matches!(reply, Reply::Array(pair) if pair.len() == 2 && pair[1].text().ends_with(".5"))
}

async fn marked(redis: &RedisServer) {
    redis.wait_until(&["ZRANGE", &key("processing"), "0", "0", "WITHSCORES"], is_marked, LIMIT).await;
}

/// One message, dead-lettered as in doubt.
async fn given_up(redis: &RedisServer, takeovers: i64) -> Account {
    let end = until(redis, "given up", |now| now.is_dry() && now.dead.len() == 1).await;
    let letter = end.dead_letter();
    assert_eq!(
        (&letter["_delivery"]["reason"], &letter["_delivery"]["class"]),
        (&"in_doubt".into(), &"in_doubt".into())
    );
    assert_eq!(letter["_delivery"]["crashes"], takeovers);
    end.adds_up(1, &[]);
    end.counters_are(&[("dead_lettered", 1), ("taken_over", takeovers)]);
    end
}

#[tokio::test]
async fn a_worker_killed_after_the_confirm() {
    let redis = RedisServer::start().await;
    push(&redis, r#"{"n":0,"id":"once"}"#).await;
    let (mut one, mut two) = (Desk::new(), Desk::new());
    let first = one.worker(careful(&redis.url()));
    let sending = one.next().await;
    sending.delivery.confirm().await.unwrap();
    first.kill();
    let second = two.worker(careful(&redis.url()));
    given_up(&redis, 1).await;
    assert!(two.is_empty(), "nobody was asked to send it again");
    assert_eq!(redis.command(&["HGET", &key("status:once"), "reason"]).await.text(), "in_doubt");
    // Requeued by hand it goes: somebody decided.
    redis.command(&["RPOPLPUSH", &key("dead_letter"), &key("pending")]).await;
    assert_eq!(two.accept(1).await, [0]);
    let end = until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1).await;
    end.adds_up(1, &two.log.numbers());
    second.stop().await;
}

#[tokio::test]
async fn its_taker_is_killed_too() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let held = proxy.hold_request(scripts::hash(&redis, DEAD_LETTER).await, Then::Hang);
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let first = desk.worker(careful(&redis.url()));
    desk.next().await.delivery.confirm().await.unwrap();
    first.kill();
    let second = desk.worker(careful(&proxy.url()));
    held.struck().await;
    second.kill();
    let third = desk.worker(careful(&redis.url()));
    given_up(&redis, 2).await;
    assert!(desk.is_empty());
    third.stop().await;
}

#[tokio::test]
async fn a_worker_killed_before_the_confirm() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let first = desk.worker(careful(&redis.url()));
    let sending = desk.next().await;
    first.kill();
    drop(sending);
    let second = desk.worker(careful(&redis.url()));
    assert_eq!(desk.accept(1).await, [0]);
    let end = until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1).await;
    end.adds_up(1, &desk.log.numbers());
    end.counters_are(&[("sent", 1), ("taken_over", 1)]);
    second.stop().await;
}

/// The default is to send again.
#[tokio::test]
async fn without_the_setting_nothing_is_marked() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let first = desk.worker(WorkerSettings { on_in_doubt: OnInDoubt::Retry, ..careful(&redis.url()) });
    desk.next().await.delivery.confirm().await.unwrap();
    first.kill();
    let second = desk.worker(careful(&redis.url()));
    assert_eq!(desk.accept(1).await, [0]);
    until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1)
        .await
        .adds_up(1, &desk.log.numbers());
    second.stop().await;
}

#[tokio::test]
async fn a_send_of_many_leases_and_a_member_deleted_by_hand() {
    for deleted in [false, true] {
        let redis = RedisServer::start().await;
        let proxy = Proxy::start(redis.addr());
        let renewals = proxy.watch(scripts::hash(&redis, EXTEND).await);
        push_numbers(&redis, 1).await;
        let mut desk = Desk::new();
        let first = desk.worker(careful(&proxy.url()));
        let sending = desk.next().await;
        sending.delivery.confirm().await.unwrap();
        marked(&redis).await;
        if deleted {
            redis.command(&["DEL", &key("processing")]).await;
        }
        renewals.wait_seen(renewals.seen() + 8).await;
        marked(&redis).await;
        first.kill();
        let second = desk.worker(careful(&redis.url()));
        given_up(&redis, 1).await;
        assert!(desk.is_empty());
        second.stop().await;
    }
}

#[tokio::test]
async fn a_mark_that_nobody_confirms_is_no_send() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let worker = desk.worker(WorkerSettings { lease: Duration::from_secs(30), ..careful(&proxy.url()) });
    let sending = desk.next().await;
    // The lease is young, and that is not enough here: the mark has to be there.
    let marking = proxy.lose_reply(scripts::hash(&redis, EXTEND).await, Then::Close);
    assert!(sending.delivery.confirm().await.is_err());
    marking.struck().await;
    marked(&redis).await;
    sending.answer(Outcome::Unconfirmed);
    let again = desk.next().await;
    assert_eq!(again.delivery.attempt(), 1, "at no cost");
    let plain = redis.command(&["ZRANGE", &key("processing"), "0", "0", "WITHSCORES"]).await;
    assert!(!is_marked(&plain), "a new claim, and no mark: {plain:?}");
    let confirmed = async || again.delivery.confirm().await.is_ok();
    eventually("a confirm", LIMIT, confirmed, |ok| *ok).await;
    again.accept();
    all_sent(&redis, 1, || desk.log.numbers()).await;
    worker.stop().await;
}

/// Alive, it says so itself: the mark is only for the dead.
#[tokio::test]
async fn an_answer_that_never_came_and_one_that_came() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 3).await;
    let mut desk = Desk::new();
    let worker = desk.worker(careful(&redis.url()));
    for (sending, outcome) in desk.take(3).await.into_iter().zip([
        Outcome::InDoubt(Failure::new("no answer")),
        Outcome::Retry(Failure::new("later")),
        super::kit::sent(),
    ]) {
        sending.delivery.confirm().await.unwrap();
        sending.answer(outcome);
    }
    let again = desk.next().await;
    assert_eq!((again.number(), again.delivery.attempt()), (1, 2));
    again.accept();
    let end = until(&redis, "settled", |now| now.is_dry() && now.counter("sent") == 2).await;
    assert_eq!(end.dead_letter()["_delivery"]["reason"], "in_doubt");
    end.adds_up(3, &[1, 2]);
    end.counters_are(&[("sent", 2), ("retried", 1), ("dead_lettered", 1)]);
    worker.stop().await;
}
