//! What is wrong with a queue.

use redispatch_testkit::redis::RedisServer;

use super::{report, sound};

const BYTES: &str = r#"{"to":"a@example.com"}"#;

fn key(name: &str) -> String {
    format!("queue:email:{name}")
}

async fn now(redis: &RedisServer) -> i64 {
    let reply = redis.command(&["TIME"]).await;
    reply.array()[0].text().parse::<i64>().unwrap() * 1000
}

/// A heartbeat that is `age` ms old.
async fn beat(redis: &RedisServer, id: &str, version: &str, age: i64) {
    let at = now(redis).await - age;
    let beat = format!(r#"{{"version":"{version}","lease_ms":30000,"at":{at}}}"#);
    redis.command(&["HSET", &key("workers"), id, &beat]).await;
}

/// A message whose lease ended `age` ms ago.
async fn lapsed(redis: &RedisServer, token: &str, age: i64) {
    let ends = (now(redis).await - age).to_string();
    redis.command(&["ZADD", &key("processing"), &ends, token]).await;
    redis.command(&["HSET", &key("messages"), token, BYTES]).await;
}

#[tokio::test]
async fn keys_of_a_wrong_type() {
    let redis = sound().await;
    let names = ["pending", "pending:high", "pending:low", "claimed", "dead_letter", "recent"];
    let others = ["processing", "delayed", "messages", "counters", "control", "claims", "workers"];
    for name in names.into_iter().chain(others) {
        redis.command(&["SET", &key(name), "x"]).await;
        let report = report(&redis).await;
        let [("fault", "key types", found)] = report.bad()[..] else { panic!("{name}: {report:?}") };
        assert!(found.starts_with(&format!("queue:email:{name} is a string, and must be a ")), "{found}");
        assert_eq!((report.code, report.queue("orphans", "sms").0), (1, "ok"));
        redis.command(&["DEL", &key(name)]).await;
    }
    redis.command(&["SET", "queue:queues", "x"]).await;
    let report = report(&redis).await;
    assert!(
        report.code == 1 && report.text.contains("queue:queues is a string, and must be a set"),
        "{report:?}"
    );
}

#[tokio::test]
async fn queues_of_ones_own_are_looked_at_too() {
    let redis = sound().await;
    redis.command(&["SADD", "queue:queues", "news"]).await;
    redis.command(&["SET", "queue:news:delayed", "x"]).await;
    assert_eq!(report(&redis).await.queue("key types", "news").0, "fault");
}

#[tokio::test]
async fn leases_nobody_takes() {
    let redis = sound().await;
    lapsed(&redis, "AAAAAAAAAAA.1:p:0:AAAAAAAAAAA.1", 600_000).await;
    lapsed(&redis, "AAAAAAAAAAA.2:p:0:AAAAAAAAAAA.2", 7_200_000).await;
    lapsed(&redis, "AAAAAAAAAAA.3:p:0:AAAAAAAAAAA.3", 1_000).await;
    let first = report(&redis).await;
    let found = "2 messages in the hands of workers that are gone, for 2 h; nobody takes them over";
    assert_eq!((first.code, first.only()), (1, ("fault", "leases", found)));
    assert_eq!(first.queue("leases", "email").2, "start email-worker");

    beat(&redis, "host-AAAAAAAAAAA", "0.1.0", 0).await;
    let second = report(&redis).await;
    assert_eq!((second.code, second.only().0, second.only().1), (0, "warning", "leases"));

    redis.command(&["DEL", &key("processing"), &key("messages")]).await;
    lapsed(&redis, "AAAAAAAAAAA.1:p:0:AAAAAAAAAAA.1", 60_000).await;
    assert_eq!(report(&redis).await.queue("leases", "email").0, "ok", "a worker takes it in a moment");
}

#[tokio::test]
async fn messages_without_a_worker() {
    let redis = sound().await;
    for list in ["pending", "pending:low", "claimed"] {
        redis.command(&["LPUSH", &key(list), BYTES]).await;
    }
    let first = report(&redis).await;
    let found = "3 messages waiting, and no worker to send them";
    assert_eq!((first.code, first.only()), (0, ("warning", "workers", found)));
    beat(&redis, "host-AAAAAAAAAAA", "0.1.0", 0).await;
    assert_eq!(report(&redis).await.queue("workers", "email").1, "1 worker; 3 messages waiting");
}

#[tokio::test]
async fn heartbeats_that_are_late() {
    let redis = sound().await;
    beat(&redis, "host-AAAAAAAAAAA", "0.1.0", 0).await;
    beat(&redis, "host-BBBBBBBBBBB", "0.1.0", 180_000).await;
    let report = report(&redis).await;
    let (level, found, todo) = report.queue("workers", "email");
    assert_eq!((report.code, level), (0, "warning"));
    assert!(
        found.starts_with("host-BBBBBBBBBBB was last heard of 3 min ago") && todo.contains("log"),
        "{found}"
    );
}

#[tokio::test]
async fn workers_of_several_versions() {
    let redis = sound().await;
    beat(&redis, "a-AAAAAAAAAAA", "0.1.0", 0).await;
    beat(&redis, "b-BBBBBBBBBBB", "0.1.0", 0).await;
    assert_eq!(report(&redis).await.of("worker versions"), [("ok", "0.1.0 (2)", "")]);
    beat(&redis, "c-CCCCCCCCCCC", "0.2.0", 0).await;
    let found = "several at once: 0.1.0 (2), 0.2.0 (1)";
    assert_eq!(report(&redis).await.only(), ("warning", "worker versions", found));
}

#[tokio::test]
async fn what_holds_a_queue_up() {
    let redis = sound().await;
    let later = (now(&redis).await + 3_600_000).to_string();
    for (fields, code, expected) in [
        (
            &["paused_until", "-1", "paused_note", "new key"][..],
            0,
            "warning: paused without an end (new key)",
        ),
        (&["paused_until", "1"], 0, "ok: open"),
        (&["throttled_until", "1"], 0, "ok: open"),
        (&["paused_until", &later], 0, "ok: paused for 59 min more"),
        (&["throttled_until", &later], 0, "ok: the provider asked everybody to wait for 59 min more"),
        (
            &["breaker", "open", "breaker_why", "535 no such user joe@example.com"],
            1,
            "fault: the breaker is open: 535 no such user jo…@e….com",
        ),
        (&["breaker", "failing"], 0, "ok: open"),
        (&["import", "12:x"], 0, "warning: an import has not ended; it has put in 12 messages"),
    ] {
        redis.command(&[&["HSET", &key("control")], fields].concat()).await;
        let report = report(&redis).await;
        let (level, found, _) = report.queue("gates", "email");
        assert_eq!((report.code, &*format!("{level}: {found}")), (code, expected));
        redis.command(&["DEL", &key("control")]).await;
    }
}

#[tokio::test]
async fn a_newer_layout_is_a_fault() {
    let redis = sound().await;
    redis.command(&["HSET", &key("control"), "layout", "1"]).await;
    assert_eq!(report(&redis).await.queue("layout", "email").0, "ok");
    redis.command(&["HSET", &key("control"), "layout", "2"]).await;
    let report = report(&redis).await;
    assert_eq!((report.code, report.only().0, report.only().1), (1, "fault", "layout"));
}
