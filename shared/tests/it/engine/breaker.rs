//! The provider fails for everybody: the breaker of the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redispatch::queue::Queue;
use redispatch::{Failure, Outcome};
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply, eventually};

use super::account::{all_sent, until};
use super::kit::{Desk, QUEUE, Running, key, now, push_numbers, settings};
use super::scripts;

fn config() -> Outcome {
    Outcome::Config(Failure::new("authentication failed").with_code(535))
}

/// The pause is over.
async fn half_open(redis: &RedisServer) {
    redis.command(&["HSET", &key("control"), "breaker_until", "1"]).await;
}

async fn breaker(redis: &RedisServer, field: &str) -> String {
    redis.command(&["HGET", &key("control"), field]).await.text().to_owned()
}

#[tokio::test]
async fn refused_settings_cost_no_message_anything_and_the_pause_doubles_until_a_success() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 20).await;
    let mut desk = Desk::new();
    let settings = settings(&redis.url());
    let stats = Queue::new(QUEUE, &settings).unwrap();
    let worker = desk.worker(settings);
    desk.take(4).await.into_iter().for_each(|sending| sending.answer(config()));
    until(&redis, "back", |now| now.waiting.len() == 20).await;
    let gates = stats.stats().await.unwrap().gates;
    let open = gates.breaker.expect("an open breaker");
    let wait = open.until - now(&redis).await;
    assert!((1..=1_000).contains(&wait), "four refusals of one moment are one pause of 1 s: {wait}");
    assert_eq!(open.why, "authentication failed");
    let mut before = None;
    for pause in [2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
        half_open(&redis).await;
        let probe = desk.next().await;
        assert_ne!(Some(probe.number()), before, "not the one that opened it");
        assert_eq!(probe.delivery.attempt(), 1, "no retry spent");
        before = Some(probe.number());
        probe.answer(config());
        let now = until(&redis, "back", |now| now.waiting.len() == 20).await;
        now.counters_are(&[]);
        assert_eq!(breaker(&redis, "breaker_pause").await, pause.to_string());
        assert!(desk.is_empty(), "one probe, and no more");
    }
    half_open(&redis).await;
    desk.next().await.accept();
    desk.accept(19).await;
    all_sent(&redis, 20, || desk.log.numbers()).await;
    assert_eq!(stats.stats().await.unwrap().gates.breaker, None);
    worker.stop().await;
}

/// In time, with nobody's hand.
#[tokio::test]
async fn an_open_breaker_tries_again_by_itself() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 2).await;
    let mut desk = Desk::new();
    let worker = desk.worker(redispatch::config::WorkerSettings { concurrency: 1, ..settings(&redis.url()) });
    let refused = desk.next().await;
    let (first, start) = (refused.number(), now(&redis).await);
    refused.answer(config());
    let probe = desk.next().await;
    let waited = now(&redis).await - start;
    assert!(waited >= 1_000, "{waited} ms");
    assert_ne!(probe.number(), first);
    probe.accept();
    desk.accept(1).await;
    all_sent(&redis, 2, || desk.log.numbers()).await;
    worker.stop().await;
}

/// An outage of minutes: none of those who wait is dead-lettered, however few retries they have.
#[tokio::test]
async fn a_provider_that_is_down_costs_no_message_its_last_retry() {
    for outcome in [Outcome::Unreachable as fn(Failure) -> Outcome, Outcome::Unavailable] {
        let redis = RedisServer::start().await;
        push_numbers(&redis, 30).await;
        let mut desk = Desk::new();
        let mut settings = settings(&redis.url());
        settings.max_retries = 2;
        let worker = desk.worker(settings);
        let down = || outcome(Failure::new("out of order").with_code(503));
        // Concurrency is 4: more than that have to fail for the provider to be blamed.
        for asked in 0.. {
            assert!(asked < 20, "it opens in the end");
            let control = redis.command(&["HMGET", &key("control"), "breaker"]).await;
            if control.array()[0] == Reply::Bulk(b"open".to_vec()) {
                break;
            }
            desk.next().await.answer(down());
            until(&redis, "settled", |now| now.processing.len() < 4 || asked < 4).await;
        }
        for sending in desk.rest() {
            sending.answer(down());
        }
        for _ in 0..5 {
            until(&redis, "back", |now| now.processing.is_empty()).await;
            half_open(&redis).await;
            desk.next().await.answer(down());
        }
        until(&redis, "back", |now| now.processing.is_empty()).await.adds_up(30, &[]);
        half_open(&redis).await;
        desk.accept(30).await;
        let end = until(&redis, "all sent", |now| now.counters.get("sent") == Some(&30)).await;
        end.adds_up(30, &desk.log.numbers());
        assert!(end.counters.get("retried").copied().unwrap_or(0) < 5, "{:?}", end.counters);
        worker.stop().await;
    }
}

#[tokio::test]
async fn the_worker_that_holds_the_probe_dies_and_another_message_tries() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 5).await;
    let (mut one, mut two) = (Desk::new(), Desk::new());
    let mut short = settings(&redis.url());
    short.lease = Duration::from_secs(1);
    let first = one.worker(short.clone());
    one.take(4).await.into_iter().for_each(|sending| sending.answer(config()));
    until(&redis, "back", |now| now.waiting.len() == 5).await;
    half_open(&redis).await;
    let _probe = one.next().await;
    let second = two.worker(short);
    first.kill();
    two.accept(5).await;
    let end = until(&redis, "all sent", |now| now.counters.get("sent") == Some(&5)).await;
    end.adds_up(5, &two.log.numbers());
    second.stop().await;
}

/// Nothing tells it from a provider that drops this message.
#[tokio::test]
async fn a_lone_message_that_the_provider_fails_spends_its_retries() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    for attempt in 1..=3 {
        let sending = desk.next().await;
        assert_eq!(sending.delivery.attempt(), attempt);
        sending.answer(Outcome::Unavailable(Failure::new("internal error").with_code(500)));
    }
    let end = until(&redis, "given up", |now| now.is_dry()).await;
    assert_eq!(end.dead_letter()["_delivery"]["reason"], "retries_exhausted");
    end.adds_up(1, &[]);
    end.counters_are(&[("retried", 2), ("dead_lettered", 1)]);
    assert_eq!(breaker(&redis, "breaker").await, "failing");
    worker.stop().await;
}

#[tokio::test]
async fn a_lost_reply_opens_it_once() {
    for then in [Then::Close, Then::Hang] {
        let redis = RedisServer::start().await;
        let proxy = Proxy::start(redis.addr());
        let lost = proxy.lose_reply(scripts::hash(&redis, scripts::BREAKER).await, then);
        push_numbers(&redis, 8).await;
        let mut desk = Desk::new();
        let worker = desk.worker(settings(&proxy.url()));
        desk.take(4).await.into_iter().for_each(|sending| sending.answer(config()));
        lost.struck().await;
        // The pause may be over by the time that the worker hears of it.
        let probe = desk.next().await;
        assert_eq!(breaker(&redis, "breaker_pause").await, "1000");
        probe.accept();
        desk.accept(7).await;
        all_sent(&redis, 8, || desk.log.numbers()).await;
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_probe_that_is_not_to_be_sent_makes_room_for_the_next() {
    let redis = RedisServer::start().await;
    redis.command(&["HSET", &key("status:twice"), "state", "sent"]).await;
    let far = now(&redis).await + 25_000;
    let open = ["breaker", "open", "breaker_pause", "30000", "breaker_until", &far.to_string()];
    redis.command(&[&["HSET", &key("control")], &open[..]].concat()).await;
    let unsendable = [
        r#"{"n":0,"id":"twice"}"#,
        r#"{"n":1,"expires_at":1000000000000}"#,
        r#"{"n":2,"id":7}"#,
        r#"{"n":3,"send_at":9999999999999}"#,
        r#"{"n":4,"_delivery":{"crashes":1}}"#,
    ];
    super::kit::push_each(&redis, super::kit::PENDING, unsendable.map(str::to_owned).into_iter()).await;
    super::kit::push_each(&redis, super::kit::PENDING, (5..9).map(|n| format!(r#"{{"n":{n}}}"#))).await;
    let mut desk = Desk::new();
    // It has just started, perhaps with better settings, and does not wait for the pause.
    let worker = desk.worker(settings(&redis.url()));
    let probe = desk.next().await;
    assert!((4..9).contains(&probe.number()), "{}", probe.number());
    assert_eq!(redis.command(&["ZCARD", &key("processing")]).await.int(), 1, "one at a time");
    assert_eq!(breaker(&redis, "breaker").await, "open");
    probe.accept();
    desk.accept(4).await;
    let end = until(&redis, "all settled", |now| now.counter("sent") == 5 && now.processing.is_empty()).await;
    assert_eq!((end.delayed.len(), end.dead.len(), end.waiting.len()), (1, 2, 0), "{end:?}");
    end.counters_are(&[("sent", 5), ("duplicates", 1), ("expired", 1), ("dead_lettered", 2)]);
    worker.stop().await;
}

/// Its host has a wrong password, or no way to the provider. The others keep the breaker closed.
#[tokio::test]
async fn a_worker_that_fails_where_others_get_through_does_not_go_round_and_round() {
    for outcome in [Outcome::Config as fn(Failure) -> Outcome, Outcome::Unreachable] {
        let redis = RedisServer::start().await;
        push_numbers(&redis, 4_000).await;
        let (tries, good) = (Arc::new(AtomicUsize::new(0)), super::kit::Log::default());
        let counted = tries.clone();
        // Longer than this test takes.
        let poll_interval = Duration::from_secs(60);
        let wrong = Running::start(
            redispatch::config::WorkerSettings { concurrency: 1, poll_interval, ..settings(&redis.url()) },
            move |_| {
                counted.fetch_add(1, Relaxed);
                async move { outcome(Failure::new("not from here")) }
            },
        );
        eventually("it tries", LIMIT, async || tries.load(Relaxed), |tries| *tries > 0).await;
        let right = good.worker(settings(&redis.url()));
        all_sent(&redis, 4_000, || good.numbers()).await;
        // What a claim under way brought fails too.
        assert!(tries.load(Relaxed) <= 8, "{} tries", tries.load(Relaxed));
        wrong.stop().await;
        right.stop().await;
    }
}

#[tokio::test]
async fn a_worker_stops_at_once_while_it_is_open_or_being_asked_about() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_numbers(&redis, 8).await;
    let mut desk = Desk::new();
    let slow = redispatch::config::WorkerSettings {
        poll_interval: Duration::from_secs(60),
        ..settings(&proxy.url())
    };
    let worker = desk.worker(slow.clone());
    desk.take(4).await.into_iter().for_each(|sending| sending.answer(config()));
    until(&redis, "back", |now| now.waiting.len() == 8).await;
    let start = Instant::now();
    worker.stop().await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    redis.command(&["DEL", &key("control")]).await;
    let worker = desk.worker(slow);
    let held = desk.take(4).await;
    let asking = proxy.lose_reply(scripts::hash(&redis, scripts::BREAKER).await, Then::Close);
    held.into_iter().for_each(|sending| sending.answer(config()));
    asking.struck().await;
    let start = Instant::now();
    worker.stop().await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let end = until(&redis, "back", |now| now.waiting.len() == 8).await;
    end.adds_up(8, &[]);
    end.counters_are(&[]);
}
