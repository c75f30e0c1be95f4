//! Nothing breaks: what comes in goes out, in order, as many at a time as there may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use redispatch::config::WorkerSettings;
use redispatch_testkit::redis::RedisServer;

use super::account::{account, all_sent};
use super::kit::{Desk, Log, Running, key, number, push_each, push_numbers, sent, settings};

#[tokio::test]
async fn two_thousand_messages_are_each_sent_once() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1_000).await;
    let log = Log::default();
    let settings = WorkerSettings { concurrency: 50, ..settings(&redis.url()) };
    let (one, two) = (log.worker(settings.clone()), log.worker(settings));
    let rest = (1_000..2_000).map(|n| format!(r#"{{"n":{n}}}"#));
    push_each(&redis, &key("pending:high"), rest).await;
    all_sent(&redis, 2_000, || log.numbers()).await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn two_hundred_identical_payloads_are_two_hundred_sends() {
    let redis = RedisServer::start().await;
    push_each(&redis, &key("pending"), (0..200).map(|_| r#"{"n":7}"#.to_owned())).await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    let end = super::account::until(&redis, "all sent", |now| now.counter("sent") == 200).await;
    assert!(end.is_dry(), "{end:?}");
    assert_eq!(log.numbers(), [7; 200]);
    worker.stop().await;
}

#[tokio::test]
async fn high_goes_first_and_low_gets_its_quarter() {
    let redis = RedisServer::start().await;
    for (list, first) in [("pending:low", 200), ("pending", 100), ("pending:high", 0)] {
        push_each(&redis, &key(list), (first..first + 20).map(|n| format!(r#"{{"n":{n}}}"#))).await;
    }
    let mut desk = Desk::new();
    let worker = desk.worker(WorkerSettings { concurrency: 1, ..settings(&redis.url()) });
    let order = desk.accept(60).await;
    let lane = |n: i64| order.iter().filter(|m| **m / 100 == n / 100).copied().collect::<Vec<_>>();
    assert_eq!(lane(200), (200..220).collect::<Vec<_>>(), "each lane in its order");
    let fresh = |order: &[i64]| order.iter().filter(|n| **n < 20).count();
    assert!(fresh(&order[..21]) >= 19, "high first, but for every 20th claim: {order:?}");
    let low = order[22..42].iter().filter(|n| **n >= 200).count();
    assert!((4..=7).contains(&low), "{low} of twenty are bulk messages: {order:?}");
    worker.stop().await;
    let end = account(&redis).await;
    assert!(end.is_dry(), "{end:?}");
    end.counters_are(&[("sent", 60)]);
}

/// What waits: 100,000 bulk messages from 200,000 on, 10,000 more from 100,000 on.
async fn backlog(redis: &RedisServer) {
    for (list, from, count) in [("pending:low", 200_000, 100_000), ("pending", 100_000, 10_000)] {
        let numbers: Vec<_> = (from..from + count).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
        for some in numbers.chunks(1_000) {
            redis.command(&[&["LPUSH".to_owned(), key(list)], some].concat()).await.int();
        }
    }
}

#[tokio::test]
async fn before_a_long_backlog_an_urgent_message_is_the_next_and_bulk_still_moves() {
    let redis = RedisServer::start().await;
    backlog(&redis).await;
    let mut desk = Desk::new();
    let worker = desk.worker(WorkerSettings { concurrency: 1, ..settings(&redis.url()) });
    let mut held = desk.next().await;
    for urgent in 0..8 {
        push_each(&redis, &key("pending:high"), std::iter::once(format!(r#"{{"n":{urgent}}}"#))).await;
        held.accept();
        held = desk.next().await;
        assert_eq!(held.number(), urgent, "claimed next, of 110,000");
    }
    held.accept();
    let order = desk.accept(40).await;
    let bulk = order.iter().filter(|n| **n >= 200_000).count();
    assert!((8..=14).contains(&bulk), "{bulk} of forty: {order:?}");

    // And while there is always something urgent.
    push_each(&redis, &key("pending:high"), (1_000..1_100).map(|n| format!(r#"{{"n":{n}}}"#))).await;
    let order = desk.accept(60).await;
    let (urgent, bulk) =
        (order.iter().filter(|n| **n < 2_000).count(), order.iter().filter(|n| **n >= 200_000).count());
    assert!(urgent >= 55 && bulk >= 2, "{urgent} urgent and {bulk} bulk messages: {order:?}");
    worker.stop().await;
}

#[tokio::test]
async fn a_retried_message_goes_on_in_its_own_lane() {
    for (list, letter) in [("pending:high", "h"), ("pending", "p"), ("pending:low", "l")] {
        let redis = RedisServer::start().await;
        let mut desk = Desk::new();
        push_each(&redis, &key(list), std::iter::once(r#"{"n":7}"#.to_owned())).await;
        let worker = desk.worker(WorkerSettings { concurrency: 1, ..settings(&redis.url()) });
        desk.next().await.fail();
        let again = desk.next().await;
        assert_eq!((again.number(), again.delivery.attempt()), (7, 2));
        let token = redis.command(&["ZRANGE", &key("processing"), "0", "-1"]).await;
        assert_eq!(token.array()[0].text().split(':').nth(1), Some(letter));
        again.accept();
        worker.stop().await;
    }
}

#[tokio::test]
async fn concurrency_is_never_exceeded() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 301).await;
    // Seven at a time get through together: fewer and the test would hang, more and it would be seen.
    let barrier = Arc::new(tokio::sync::Barrier::new(7));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (log, seen) = (Log::default(), most.clone());
    let accepted = log.clone();
    let worker =
        Running::start(WorkerSettings { concurrency: 7, ..settings(&redis.url()) }, move |delivery| {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            let (running, log, barrier) = (running.clone(), log.clone(), barrier.clone());
            async move {
                barrier.wait().await;
                running.fetch_sub(1, SeqCst);
                log.accepted(number(delivery.bytes()));
                sent()
            }
        });
    all_sent(&redis, 301, || accepted.numbers()).await;
    assert_eq!(seen.load(SeqCst), 7);
    worker.stop().await;
}

#[tokio::test]
async fn a_full_worker_holds_no_more_than_it_sends_and_leaves_the_rest_to_others() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 10).await;
    let (mut slow, mut other) = (Desk::new(), Desk::new());
    let first = slow.worker(settings(&redis.url()));
    let mut held = slow.take(4).await;
    let now = account(&redis).await;
    assert_eq!((now.processing.len(), now.waiting.len()), (4, 6));
    let second = other.worker(settings(&redis.url()));
    assert_eq!(other.accept(6).await, [4, 5, 6, 7, 8, 9]);
    held.drain(..).for_each(super::kit::Sending::accept);
    all_sent(&redis, 10, || [slow.log.numbers(), other.log.numbers()].concat()).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn an_idle_worker_is_woken_at_once_in_either_waking_lane() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    // It would look by itself after a minute only.
    let poll_interval = std::time::Duration::from_secs(60);
    let worker = desk.worker(WorkerSettings { poll_interval, ..settings(&redis.url()) });
    for (n, list) in [(0, "pending"), (1, "pending:high"), (2, "pending")] {
        let blocked = async || redis.command(&["INFO", "clients"]).await.text().contains("blocked_clients:2");
        redispatch_testkit::eventually("both pops block", redispatch_testkit::LIMIT, blocked, |is| *is).await;
        push_each(&redis, &key(list), std::iter::once(format!(r#"{{"n":{n}}}"#))).await;
        let sending = desk.next().await;
        assert_eq!(sending.number(), n);
        sending.accept();
    }
    all_sent(&redis, 3, || desk.log.numbers()).await;
    worker.stop().await;
}
