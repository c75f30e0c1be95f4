//! Told to stop, in good times and bad.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch::worker::Stopped;
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};

use super::account::{account, all_sent, until};
use super::kit::{Desk, Sending, key, number, push_each, push_numbers, settings};
use super::scripts::{self, BEGIN, CLAIM};

fn numbers(messages: &[String]) -> Vec<i64> {
    messages.iter().map(|message| number(message.as_bytes())).collect()
}

#[tokio::test]
async fn sends_in_flight_may_end_and_nothing_more_is_claimed() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 10).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    worker.drain();
    held.into_iter().for_each(Sending::accept);
    assert_eq!(worker.ended().await.unwrap(), Stopped::default());
    let end = account(&redis).await;
    end.adds_up(10, &desk.log.numbers());
    end.counters_are(&[("sent", 4)]);
    assert_eq!(numbers(&end.waiting), [4, 5, 6, 7, 8, 9]);
    assert_eq!(redis.command(&["EXISTS", &key("workers")]).await.int(), 0, "it is among the living no more");
}

#[tokio::test]
async fn a_stopped_worker_leaves_no_connection_in_a_program_that_lives_on() {
    let redis = RedisServer::start().await;
    let (_trigger, shutdown) = redispatch::Shutdown::manual();
    let worker = redispatch::Worker::new(super::kit::QUEUE, settings(&redis.url())).unwrap();
    let task = tokio::spawn(worker.run(|_| async { super::kit::sent() }, shutdown));
    redis.wait_until(&["INFO", "clients"], |reply| reply.text().contains("blocked_clients:2"), LIMIT).await;
    _trigger.drain();
    task.await.unwrap().unwrap();
    let others = |reply: &redispatch_testkit::Reply| reply.text().lines().count() == 1;
    redis.wait_until(&["CLIENT", "LIST"], others, LIMIT).await;
}

#[tokio::test]
async fn at_the_limit_what_was_not_confirmed_goes_back_in_order_and_what_was_is_in_doubt() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 6).await;
    let mut desk = Desk::new();
    let mut settings = settings(&redis.url());
    settings.shutdown_timeout = Duration::from_millis(200);
    settings.backoff.delay = Duration::from_secs(60);
    let worker = desk.worker(settings);
    let held = desk.take(4).await;
    for sending in held.iter().filter(|sending| sending.number() % 2 == 1) {
        sending.delivery.confirm().await.unwrap();
    }
    worker.stop().await;
    let end = account(&redis).await;
    end.adds_up(6, &[]);
    end.counters_are(&[("retried", 2)]);
    assert_eq!(numbers(&end.waiting), [0, 2, 4, 5]);
    assert!(end.waiting.iter().all(|message| !message.contains("retries")), "at no cost: {end:?}");
    let error = "stopped at shutdown before the provider answered";
    assert!(end.delayed.iter().all(|message| number(message.as_bytes()) % 2 == 1 && message.contains(error)));
}

#[tokio::test]
async fn with_a_limit_of_zero_everything_still_goes_back() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 4).await;
    let mut desk = Desk::new();
    let worker = desk.worker(WorkerSettings { shutdown_timeout: Duration::ZERO, ..settings(&redis.url()) });
    let _held = desk.take(4).await;
    worker.stop().await;
    let end = account(&redis).await;
    end.adds_up(4, &[]);
    end.counters_are(&[]);
    assert_eq!(numbers(&end.waiting), [0, 1, 2, 3]);
}

#[tokio::test]
async fn a_second_signal_stops_at_once_and_more_than_one_batch_goes_back_in_order() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 500).await;
    let mut desk = Desk::new();
    let shutdown_timeout = Duration::from_secs(600);
    let worker = desk.worker(WorkerSettings { shutdown_timeout, concurrency: 450, ..settings(&redis.url()) });
    let _held = desk.take(450).await;
    worker.drain();
    worker.stop_now();
    assert_eq!(worker.ended().await.unwrap(), Stopped::default());
    let end = account(&redis).await;
    end.adds_up(500, &[]);
    end.counters_are(&[]);
    assert_eq!(numbers(&end.waiting), (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn claimed_but_not_begun_goes_back_to_the_very_front_in_order() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let held = proxy.hold_request(scripts::hash(&redis, BEGIN).await, Then::Hang);
    push_each(&redis, &key("pending"), (0..6).map(|n| format!(r#"{{"n":{n},"id":"{n}"}}"#))).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&proxy.url()));
    held.struck().await;
    assert_eq!(account(&redis).await.processing.len(), 4);
    worker.drain();
    proxy.cut();
    assert_eq!(worker.ended().await.unwrap(), Stopped::default());
    let end = account(&redis).await;
    end.adds_up(6, &[]);
    end.counters_are(&[]);
    assert_eq!(numbers(&end.waiting), [0, 1, 2, 3, 4, 5]);
    let next = desk.worker(settings(&redis.url()));
    assert_eq!(desk.accept(6).await.len(), 6);
    all_sent(&redis, 6, || desk.log.numbers()).await;
    next.stop().await;
}

#[tokio::test]
async fn stopped_at_once_in_mid_claim_what_was_claimed_goes_back() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_numbers(&redis, 6).await;
    let lost = proxy.lose_reply(scripts::hash(&redis, CLAIM).await, Then::Hang);
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&proxy.url()));
    lost.struck().await;
    assert_eq!(account(&redis).await.processing.len(), 4);
    worker.stop_now();
    proxy.cut();
    assert_eq!(worker.ended().await.unwrap(), Stopped::default());
    assert!(desk.is_empty());
    let end = account(&redis).await;
    end.adds_up(6, &[]);
    end.counters_are(&[]);
    assert_eq!(numbers(&end.waiting), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn with_redis_away_the_unsettled_are_named_and_taken_over_at_one_crash_each() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_numbers(&redis, 4).await;
    let mut desk = Desk::new();
    let lease = Duration::from_millis(500);
    let shutdown_timeout = Duration::from_millis(500);
    let worker = desk.worker(WorkerSettings { lease, shutdown_timeout, ..settings(&proxy.url()) });
    let mut held = desk.take(4).await;
    proxy.refuse();
    let mut names: Vec<_> = held.iter().map(|sending| sending.delivery.reference().to_owned()).collect();
    held.remove(0).answer(super::kit::sent());
    worker.drain();
    let mut unsettled = worker.ended().await.unwrap().unsettled;
    names.sort();
    unsettled.sort();
    assert_eq!(unsettled, names);
    account(&redis).await.adds_up(4, &[]);

    let next = desk.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    let mut again = desk.accept(4).await;
    again.sort_unstable();
    assert_eq!(again, [0, 1, 2, 3], "the accept that could not be told is repeated: documented");
    let end = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") == 4).await;
    end.adds_up(4, &desk.log.numbers());
    end.counters_are(&[("sent", 4), ("taken_over", 4)]);
    next.stop().await;
}

#[tokio::test]
async fn told_to_stop_while_redis_was_never_there() {
    let mut redis = RedisServer::start().await;
    redis.kill();
    let desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    worker.stop().await;
    redis.restart().await;
    let connected =
        async || redis.command(&["INFO", "stats"]).await.text().contains("total_connections_received:");
    eventually("it answers", LIMIT, connected, |is| *is).await;
    account(&redis).await.adds_up(0, &[]);
}
