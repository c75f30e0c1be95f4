//! Leases of different lengths, and a keeper that nothing can starve.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch_testkit::proxy::Proxy;
use redispatch_testkit::redis::RedisServer;

use super::account::{account, all_sent};
use super::kit::{Desk, Log, Running, Sending, key, now, number, push_numbers, sent, settings};
use super::scripts::{self, EXTEND};

#[tokio::test]
async fn workers_with_different_leases_do_not_rob_each_other() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 8).await;
    let (mut short, mut long) = (Desk::new(), Desk::new());
    let first = short.worker(WorkerSettings { lease: Duration::from_secs(1), ..settings(&redis.url()) });
    let mut held = short.take(4).await;
    let second = long.worker(WorkerSettings { lease: Duration::from_secs(60), ..settings(&redis.url()) });
    held.extend(long.take(4).await);
    let mut monitor = redis.monitor().await;
    // Nine renewals: three leases of the short kind, while both look for more at every poll.
    for _ in 0..9 {
        monitor
            .wait_for(|line| {
                line.contains("EVALSHA") && line.contains(&*format!("\"2\" \"{}\"", key("processing")))
            })
            .await;
    }
    let before = account(&redis).await;
    assert_eq!(before.processing.len(), 8);
    before.counters_are(&[]);
    held.into_iter().for_each(Sending::accept);
    all_sent(&redis, 8, || [short.log.numbers(), long.log.numbers()].concat()).await;
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_send_may_take_many_leases() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let renewals = proxy.watch(scripts::hash(&redis, EXTEND).await);
    push_numbers(&redis, 1).await;
    let lease = Duration::from_millis(300);
    let (mut desk, robber) = (Desk::new(), Log::default());
    let worker = desk.worker(WorkerSettings { lease, ..settings(&proxy.url()) });
    let sending = desk.next().await;
    let other = robber.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    renewals.wait_seen(15).await;
    sending.delivery.confirm().await.unwrap();
    sending.accept();
    all_sent(&redis, 1, || desk.log.numbers()).await;
    assert!(robber.numbers().is_empty());
    worker.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_handler_that_blocks_its_thread_does_not_lose_its_lease() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let renewals = proxy.watch(scripts::hash(&redis, EXTEND).await);
    push_numbers(&redis, 2).await;
    let lease = Duration::from_millis(600);
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let (log, robber) = (Log::default(), Log::default());
    let accepted = log.clone();
    let one_at_a_time = WorkerSettings { concurrency: 1, lease, ..settings(&proxy.url()) };
    let worker = Running::start(one_at_a_time, move |delivery| {
        // This stops everything on the worker's runtime.
        let _ = wait.lock().unwrap().recv();
        log.accepted(number(delivery.bytes()));
        async { sent() }
    });
    renewals.wait_seen(1).await;
    redis.command(&["LTRIM", &key("pending"), "1", "0"]).await;
    let other = robber.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    renewals.wait_seen(10).await;
    drop(go_on);
    all_sent(&redis, 1, || accepted.numbers()).await;
    assert!(robber.numbers().is_empty());
    worker.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_lease_that_a_broken_clock_ends_in_ten_years_is_brought_back() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1).await;
    let mut desk = Desk::new();
    let dying = desk.worker(settings(&redis.url()));
    drop(desk.next().await);
    dying.kill();
    let token = redis.command(&["ZRANGE", &key("processing"), "0", "0"]).await.array()[0].text().to_owned();
    let ten_years = now(&redis).await + 10 * 365 * 86_400_000;
    redis.command(&["ZADD", &key("processing"), &ten_years.to_string(), &token]).await;
    let lease = Duration::from_millis(200);
    let worker = desk.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    let hour = now(&redis).await + 3_600_000;
    let ends =
        |reply: &redispatch_testkit::Reply| reply.text().parse::<f64>().unwrap() < (hour + 60_000) as f64;
    redis.wait_until(&["ZSCORE", &key("processing"), &token], ends, redispatch_testkit::LIMIT).await;
    account(&redis).await.adds_up(1, &[]);
    // The hour has passed.
    redis.command(&["ZADD", &key("processing"), "1", &token]).await;
    assert_eq!(desk.accept(1).await, [0]);
    let end = super::account::until(&redis, "sent", |now| now.is_dry()).await;
    end.adds_up(1, &desk.log.numbers());
    end.counters_are(&[("sent", 1), ("taken_over", 1)]);
    worker.stop().await;
}
