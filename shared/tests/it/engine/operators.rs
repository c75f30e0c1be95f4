//! What operators, their tools and a full memory do to a queue under way.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply, eventually};

use super::account::{account, all_sent, until};
use super::kit::{Desk, Log, PENDING, Sending, key, push, push_numbers, settings};

#[tokio::test]
async fn script_flush_under_load() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 1_000).await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    for round in 1..=10 {
        let accepted = async || log.numbers().len();
        eventually("messages are accepted", LIMIT, accepted, |now| *now >= round * 50).await;
        redis.command(&["SCRIPT", "FLUSH"]).await;
    }
    all_sent(&redis, 1_000, || log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn memory_full_with_sends_in_flight() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 12).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = redis.command(&["LPUSH", PENDING, r#"{"n":99}"#]).await;
    assert!(matches!(&refused, Reply::Error(text) if text.starts_with("OOM")), "{refused:?}");
    for sending in held {
        match sending.number() {
            0 => sending.fail(),
            1 => sending.answer(redispatch::Outcome::Unconfirmed),
            _ => sending.accept(),
        }
    }
    desk.accept(10).await;
    let end = until(&redis, "all settled", |now| now.is_dry() && now.counter("sent") == 12).await;
    end.adds_up(12, &desk.log.numbers());
    end.counters_are(&[("sent", 12), ("retried", 1)]);
    worker.stop().await;
}

#[tokio::test]
async fn an_idle_worker_stays_idle_while_memory_is_full() {
    let redis = RedisServer::start().await;
    let log = Log::default();
    let worker =
        log.worker(WorkerSettings { poll_interval: Duration::from_secs(1), ..settings(&redis.url()) });
    redis.wait_until(&["INFO", "clients"], |reply| reply.text().contains("blocked_clients:2"), LIMIT).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    // Ends the pops, which are refused from now on.
    redis.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    let calls = async || {
        let stats = redis.command(&["INFO", "commandstats"]).await;
        let line = stats
            .text()
            .lines()
            .find(|line| line.starts_with("cmdstat_brpoplpush"))
            .unwrap_or_default()
            .to_owned();
        let count = |name: &str| -> i64 {
            let from = line.split(name).nth(1).unwrap_or("0");
            from.split(',').next().unwrap_or("0").parse().unwrap_or(0)
        };
        count("calls=") + count("rejected_calls=")
    };
    let refused = eventually("pops are refused", LIMIT, calls, |now| *now >= 4).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let later = calls().await - refused;
    assert!(later <= 20, "{later} pops in two seconds");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    push(&redis, r#"{"n":0}"#).await;
    all_sent(&redis, 1, || log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn processing_deleted_with_sends_in_flight() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 8).await;
    let mut desk = Desk::new();
    let lease = Duration::from_secs(30);
    let worker = desk.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    let held = desk.take(4).await;
    redis.command(&["DEL", &key("processing")]).await;
    let back = until(&redis, "the members come back", |now| now.processing.len() == 4).await;
    back.adds_up(8, &[]);
    held.into_iter().for_each(Sending::accept);
    desk.accept(4).await;
    all_sent(&redis, 8, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn processing_deleted_right_before_the_settle() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 4).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    redis.command(&["DEL", &key("processing")]).await;
    held.into_iter().for_each(Sending::accept);
    all_sent(&redis, 4, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn delayed_deleted() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 4).await;
    let mut desk = Desk::new();
    let mut settings = settings(&redis.url());
    settings.backoff.delay = Duration::from_secs(60);
    let worker = desk.worker(settings);
    desk.take(4).await.into_iter().for_each(Sending::fail);
    until(&redis, "all delayed", |now| now.delayed.len() == 4).await;
    redis.command(&["DEL", &key("delayed")]).await;
    // What comes back is due at once: when it was is forgotten.
    for sending in desk.take(4).await {
        assert_eq!(sending.delivery.attempt(), 2);
        sending.accept();
    }
    let end = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") == 4).await;
    end.adds_up(4, &desk.log.numbers());
    end.counters_are(&[("sent", 4), ("retried", 4)]);
    worker.stop().await;
}

#[tokio::test]
async fn members_without_bytes_stop_no_claim() {
    let redis = RedisServer::start().await;
    redis.command(&["ZADD", &key("delayed"), "1", "x.1:p:0", "2", "junk", "3", "x.2:h:1"]).await;
    redis.command(&["ZADD", &key("processing"), "1", "x.3:p:0:x.3", "2", "junk"]).await;
    push_numbers(&redis, 10).await;
    let log = Log::default();
    let worker = log.worker(WorkerSettings { lease: Duration::from_millis(300), ..settings(&redis.url()) });
    let end = until(&redis, "all sent and the rest removed", |now| {
        now.is_dry() && now.counter("sent") == 10 && now.counter("orphans") == 5
    });
    let end = end.await;
    end.adds_up(10, &log.numbers());
    end.counters_are(&[("sent", 10), ("orphans", 5)]);
    worker.stop().await;
}

async fn wrong_type(name: &str) {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 8).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    let (wrong, aside) = (key(name), "aside");
    if redis.command(&["EXISTS", &wrong]).await.int() == 1 {
        redis.command(&["RENAME", &wrong, aside]).await;
    }
    redis.command(&["SET", &wrong, "junk"]).await;
    held.into_iter().for_each(Sending::accept);
    let refused = |reply: &Reply| reply.text().contains("errorstat_WRONGTYPE");
    redis.wait_until(&["INFO", "errorstats"], refused, LIMIT).await;
    let mend = "redis.call('DEL', KEYS[1]) return redis.call('EXISTS', KEYS[2]) == 1 and redis.call('RENAME', KEYS[2], KEYS[1])";
    redis.command(&["EVAL", mend, "2", &wrong, aside]).await;
    desk.accept(4).await;
    all_sent(&redis, 8, || desk.log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_key_of_a_wrong_type_stops_the_queue_until_it_is_mended_and_loses_nothing() {
    let names = [
        "delayed",
        "processing",
        "messages",
        "pending",
        "pending:low",
        "claimed",
        "recent",
        "control",
        "claims",
    ];
    futures::future::join_all(names.map(wrong_type)).await;
}

#[tokio::test]
async fn processing_of_a_wrong_type_from_the_start() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 4).await;
    redis.command(&["SET", &key("processing"), "junk"]).await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    let refused = |reply: &Reply| reply.text().contains("errorstat_WRONGTYPE");
    redis.wait_until(&["INFO", "errorstats"], refused, LIMIT).await;
    assert_eq!(redis.command(&["LLEN", PENDING]).await.int(), 4, "nothing was moved");
    redis.command(&["DEL", &key("processing")]).await;
    all_sent(&redis, 4, || log.numbers()).await;
    worker.stop().await;
}

#[tokio::test]
async fn everything_deleted() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 8).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    let held = desk.take(4).await;
    redis.command(&["FLUSHALL"]).await;
    held.into_iter().for_each(Sending::accept);
    until(&redis, "the settles found nothing", |now| now.counter("stale_settles") == 4).await;
    push(&redis, r#"{"n":0}"#).await;
    desk.accept(1).await;
    let end = until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1).await;
    end.counters_are(&[("sent", 1), ("stale_settles", 4)]);
    worker.stop().await;
    assert!(account(&redis).await.is_dry());
}

#[tokio::test]
async fn an_orphan_member_hides_an_orphan_message_for_a_while_only() {
    let redis = RedisServer::start().await;
    redis.command(&["HSET", &key("messages"), "x.1:p:0", r#"{"n":0}"#]).await;
    redis.command(&["ZADD", &key("delayed"), "9999999999999", "x.2:p:0"]).await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    let end = until(&redis, "found", |now| now.counter("sent") == 1).await;
    assert_eq!((end.without_member.len(), end.without_bytes.len()), (0, 1), "{end:?}");
    assert_eq!(log.numbers(), [0]);
    worker.stop().await;
}

#[tokio::test]
async fn crashes_beyond_all_counting_are_poison_once() {
    let redis = RedisServer::start().await;
    let names = ["4294967296", "99999999999999999999", "1e15"].map(|crashes| format!("x.1:p:{crashes}"));
    for (n, name) in names.iter().enumerate() {
        redis.command(&["HSET", &key("messages"), name, &format!(r#"{{"n":{n}}}"#)]).await;
        redis.command(&["ZADD", &key("delayed"), "1", name]).await;
        let token = format!("{}:y.1", name.replace("x.1", "x.2"));
        let message = format!(r#"{{"n":{},"_delivery":{{"crashes":4294967295}}}}"#, n + 3);
        redis.command(&["HSET", &key("messages"), &token, &message]).await;
        redis.command(&["ZADD", &key("processing"), "1", &token]).await;
    }
    // Bytes that no worker can read as a name.
    let spoiled = [b"x\xff.3:p:0:y.1".as_slice(), b"x\xff.3:p:0".as_slice()];
    let mut client = redis.connect().await;
    for (n, (place, name)) in ["processing", "delayed"].into_iter().zip(spoiled).enumerate() {
        let message = format!(r#"{{"n":{}}}"#, n + 6);
        client.command(&[b"HSET", key("messages").as_bytes(), name, message.as_bytes()]).await.unwrap();
        client.command(&[b"ZADD", key(place).as_bytes(), b"1", name]).await.unwrap();
    }
    let log = Log::default();
    let lease = Duration::from_millis(200);
    let worker = log.worker(WorkerSettings { lease, ..settings(&redis.url()) });
    let settled = |now: &super::account::Account| {
        now.is_dry() && now.counter("sent") + now.counter("dead_lettered") >= 8
    };
    let end = until(&redis, "all settled", settled).await;
    end.adds_up(8, &log.numbers());
    assert_eq!(end.counter("taken_over"), 4, "{end:?}");
    assert!(end.dead.iter().all(|letter| letter.contains(r#""reason":"poison""#)), "{end:?}");
    worker.stop().await;
}
