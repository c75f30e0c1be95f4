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
