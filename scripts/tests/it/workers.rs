//! `workers` and `rollback-check`: who serves the queues, and what they hold.

use std::time::Duration;

use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;

use crate::run::queuectl;
use crate::serving::{self, Serving};
use crate::snapshot;

async fn has_in_hand(redis: &RedisServer) {
    redis.command(&["LPUSH", "queue:email:pending", "{}"]).await;
    redis.wait_until(&["ZCARD", "queue:email:processing"], |held| held.int() == 1, LIMIT).await;
}

#[tokio::test]
async fn nobody_is_a_no() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["workers"]).await.with_code(1);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "no worker lives\n"));
    let ran = queuectl(&redis, &["workers", "--json"]).await.with_code(1);
    assert_eq!(ran.stdout, "[]\n");
}

#[tokio::test]
async fn those_that_live_and_one_that_is_late() {
    let redis = RedisServer::start().await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::never).await;
    let ran = queuectl(&redis, &["workers", "-q", "email", "--json"]).await.with_code(0);
    let beats = ran.json();
    assert_eq!((beats[0]["late"].as_bool(), beats[0]["queue"].as_str()), (Some(false), Some("email")));
    assert_eq!(beats[0]["pid"], std::process::id());
    let late =
        r#"{"version":"0.0.9","pid":17,"concurrency":10,"lease_ms":30000,"in_hand":2,"sending":1,"at":1}"#;
    redis
        .command(&["HSET", "queue:sms:workers", "host-of-a-long-name-in-some-cluster-ABCDEFGHIJK", late])
        .await;
    let ran = queuectl(&redis, &["workers"]).await.with_code(0);
    snapshot::fits(&ran.stdout);
    assert!(ran.stdout.starts_with("QUEUE "), "{}", ran.stdout);
    assert!(ran.stdout.contains("late: ") && ran.stdout.contains("1/10"), "{}", ran.stdout);
    let ran = queuectl(&redis, &["workers", "-q", "email,sms"]).await.with_code(1);
    assert_eq!(ran.stderr, "no worker lives of: sms\n");
    worker.stop().await;
}

#[tokio::test]
async fn a_rollback_waits_for_workers_and_what_they_hold() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["rollback-check"]).await.with_code(0);
    assert_eq!(ran.stdout, "nothing is in hand and no worker lives: start the other version\n");
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::never).await;
    has_in_hand(&redis).await;
    let ran = queuectl(&redis, &["rollback-check"]).await.with_code(1);
    let version = env!("CARGO_PKG_VERSION");
    let runs = format!("email: version {version} still runs, stop it (SIGTERM) and let it end: ");
    assert!(ran.stdout.starts_with(&runs), "{}", ran.stdout);
    assert!(ran.stdout.contains("email: 1 in hand; workers that stop settle them"), "{}", ran.stdout);
    let json = queuectl(&redis, &["rollback-check", "--json"]).await.with_code(1).json();
    assert_eq!((&json["ready"], &json["queues"]["email"]["processing"]), (&false.into(), &1.into()));
    // it dies as by SIGKILL
    drop(worker);
    redis.command(&["DEL", "queue:email:workers"]).await;
    let ran = queuectl(&redis, &["rollback-check", "-q", "email"]).await.with_code(1);
    assert!(ran.stdout.contains("1 in hand and no worker lives"), "{}", ran.stdout);
    let token =
        redis.command(&["ZRANGE", "queue:email:processing", "0", "0"]).await.array()[0].text().to_owned();
    redis.command(&["ZADD", "queue:email:processing", "1", &token]).await;
    let ran = queuectl(&redis, &["rollback-check", "-q", "email"]).await.with_code(1);
    assert!(ran.stdout.contains("1 in the hands of workers that died"), "{}", ran.stdout);
    // keys of a version that is yet to be written
    redis.command(&["DEL", "queue:email:processing"]).await;
    redis.command(&["HSET", "queue:email:control", "layout", "2"]).await;
    let ran = queuectl(&redis, &["rollback-check", "-q", "email"]).await.with_code(1);
    assert!(ran.stdout.starts_with("email: layout 2 of the keys is newer than the 1"), "{}", ran.stdout);
}
