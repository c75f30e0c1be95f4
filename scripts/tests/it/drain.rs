//! `drain`: done only when the queues are empty.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use redispatch::{Failure, Outcome, Receipt};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply};

use crate::live::Live;
use crate::run::{command, queuectl};
use crate::serving::{self, Serving};

const SCHEDULED: &str = r#"{"send_at":"2999-01-01T00:00:00Z"}"#;

fn drain(redis: &RedisServer, args: &[&str]) -> Live {
    Live::start(command(&redis.url(), &std::env::temp_dir(), &[&["drain"][..], args].concat()))
}

#[tokio::test]
async fn what_is_empty_is_drained_at_once() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["drain", "--queues", "email,sms"]).await.with_code(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("email: empty\nsms: empty\n", ""));
    for misspelt in
        [&["drain", "--queues", "emial"][..], &["rollback-check", "-q", "emial"], &["export", "emial"]]
    {
        let slip = queuectl(&redis, misspelt).await.with_code(2);
        assert!(slip.stderr.starts_with("error: there is no queue `emial`\n"), "{}", slip.stderr);
    }
    redis.command(&["LPUSH", "queue:fax:pending", "{}"]).await;
    queuectl(&redis, &["drain", "--queues", "fax", "--timeout", "0"]).await.with_code(1);
    queuectl(&redis, &["drain"]).await.with_code(2);
    queuectl(&redis, &["drain", "--queues", "E mail"]).await.with_code(2);
}

#[tokio::test]
async fn at_the_timeout_it_says_what_is_left_and_why() {
    let redis = RedisServer::start().await;
    redis.command(&["LPUSH", "queue:email:pending:low", "{}", "{}"]).await;
    redis.command(&["LPUSH", "queue:email:claimed", "{}"]).await;
    queuectl(&redis, &["pause", "-q", "email", "--note", "new password"]).await.with_code(0);
    let ran = queuectl(&redis, &["drain", "--queues", "email,sms", "--timeout", "1"]).await.with_code(1);
    let paused = "paused until `queuectl resume`: new password";
    assert_eq!(
        ran.stdout,
        format!("email: 3 waiting\n  {paused}\n  no worker lives, 3 waiting\nsms: empty\n")
    );
    assert!(ran.stderr.contains(&format!("email: {paused}\n")), "{}", ran.stderr);
    assert!(ran.stderr.contains("email: 3 waiting; sms: empty"), "{}", ran.stderr);
    let json =
        queuectl(&redis, &["drain", "-q", "email", "--timeout", "0", "--json"]).await.with_code(1).json();
    assert_eq!((&json["drained"], &json["queues"]["email"]["waiting"]), (&false.into(), &3.into()));
}

#[tokio::test]
async fn it_waits_for_what_is_in_hand() {
    let redis = RedisServer::start().await;
    let go = Arc::new(tokio::sync::Notify::new());
    let gate = go.clone();
    let worker = Serving::start(&redis, "email", Duration::ZERO, move |_| {
        let gate = gate.clone();
        async move {
            gate.notified().await;
            Outcome::Sent(Receipt::default())
        }
    })
    .await;
    redis.command(&["LPUSH", "queue:email:pending", "{}"]).await;
    redis.wait_until(&["ZCARD", "queue:email:processing"], |held| held.int() == 1, LIMIT).await;
    let mut live = drain(&redis, &["--queues", "email"]);
    live.said("email: 1 being sent").await;
    go.notify_one();
    let (status, stdout) = live.end().await;
    assert_eq!(status.code(), Some(0));
    assert_eq!(stdout, ["email: empty; 0 arrived and 1 left meanwhile"]);
    worker.stop().await;
}

#[tokio::test]
async fn it_goes_on_while_producers_do_and_says_so() {
    let redis = RedisServer::start().await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, async |delivery| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        serving::sent(delivery).await
    })
    .await;
    redis.command(&[vec!["LPUSH", "queue:email:pending"], vec!["{}"; 50]].concat()).await;
    let produce = Arc::new(AtomicBool::new(true));
    let (on, mut client) = (produce.clone(), redis.connect().await);
    let producer = tokio::spawn(async move {
        let mut pushed = 50;
        while on.load(SeqCst) {
            // never empty, and not much more: pushes as long as fewer than 20 wait
            let waiting = client.command(&["LLEN", "queue:email:pending"]).await.unwrap().int();
            if waiting < 20 {
                client.command(&["LPUSH", "queue:email:pending", "{}"]).await.unwrap();
                pushed += 1;
            }
        }
        pushed
    });
    let mut live = drain(&redis, &["--queues", "email"]);
    live.said("email: messages still arrive").await;
    produce.store(false, SeqCst);
    let pushed: usize = producer.await.unwrap();
    let (status, stdout) = live.end().await;
    assert_eq!(status.code(), Some(0), "{stdout:?}");
    assert!(stdout[0].starts_with("email: empty; ") && !stdout[0].contains("; 0 arrived"), "{stdout:?}");
    let sent = redis.command(&["HGET", "queue:email:counters", "sent"]).await;
    assert_eq!(sent.text(), pushed.to_string());
    worker.stop().await;
}

#[tokio::test]
async fn a_retry_is_waited_for_and_what_is_scheduled_is_not() {
    let redis = RedisServer::start().await;
    let attempts = Arc::new(AtomicUsize::new(0));
    let count = attempts.clone();
    let worker = Serving::start(&redis, "email", Duration::from_secs(1), move |delivery| {
        let first = count.fetch_add(1, SeqCst) == 0;
        async move {
            if first { Outcome::Retry(Failure::new("busy")) } else { serving::sent(delivery).await }
        }
    })
    .await;
    redis.command(&["LPUSH", "queue:email:pending", "{}", SCHEDULED]).await;
    redis.wait_until(&["ZCARD", "queue:email:delayed"], |delayed| delayed.int() == 2, LIMIT).await;
    let ran = queuectl(&redis, &["drain", "--queues", "email"]).await.with_code(0);
    assert_eq!(attempts.load(SeqCst), 2, "it did not wait for the retry: {ran:?}");
    assert!(ran.stderr.contains("2 delayed, among them a retry that is due in"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("email: empty but for 1 scheduled"), "{}", ran.stdout);
    let args = ["drain", "--queues", "email", "--timeout", "1", "--scheduled"];
    let ran = queuectl(&redis, &args).await.with_code(1);
    assert_eq!(ran.stdout, "email: 1 delayed\n");
    worker.stop().await;
}

#[tokio::test]
async fn a_scheduled_message_that_became_a_retry_at_no_cost_is_noticed() {
    let redis = RedisServer::start().await;
    let delay = async |queue: &str, member: &str, due: &str, bytes: &str| {
        redis.command(&["HSET", &format!("queue:{queue}:messages"), member, bytes]).await;
        redis.command(&["ZADD", &format!("queue:{queue}:delayed"), due, member]).await;
    };
    delay("email", "a.1:p:0", "32472144000000", SCHEDULED).await;
    delay("email", "a.2:p:0", "32472144000001", SCHEDULED).await;
    delay("sms", "b.1:p:0", "32472144000000", "{}").await;
    let live = drain(&redis, &["--queues", "email,sms", "--timeout", "4"]);
    // email was looked through by then; only the retry of sms is asked for
    let known = |stats: &Reply| calls(stats, "zscore").0 >= 2;
    redis.wait_until(&["INFO", "commandstats"], known, LIMIT).await;
    // the first comes due, its provider cannot be reached, and it waits: no count tells
    delay("email", "a.1:p:0", "32472144000002", "{}").await;
    redis.command(&["ZREM", "queue:sms:delayed", "b.1:p:0"]).await;
    let (status, stdout) = live.end().await;
    assert_eq!(status.code(), Some(1), "{stdout:?}");
    assert!(stdout[0].starts_with("email: 2 delayed, among them a retry"), "{stdout:?}");
}

/// How often Redis was asked for `name`, and how long a call took on average, µs.
fn calls(stats: &Reply, name: &str) -> (u64, f64) {
    let line = stats.text().lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{name}:")));
    let field = |field: &str| {
        let value = line?.split(',').find_map(|pair| pair.strip_prefix(&format!("{field}=")));
        value?.parse::<f64>().ok()
    };
    (field("calls").unwrap_or(0.0) as u64, field("usec_per_call").unwrap_or(0.0))
}

#[tokio::test]
async fn many_that_are_scheduled_are_looked_through_once() {
    const COUNT: usize = 200_000;
    let redis = RedisServer::start().await;
    let mut client = redis.connect().await;
    for from in (0..COUNT).step_by(2_000) {
        let (mut due, mut bytes) = (vec!["ZADD".to_owned(), "queue:email:delayed".to_owned()], Vec::new());
        bytes.extend(["HSET".to_owned(), "queue:email:messages".to_owned()]);
        for n in from..from + 2_000 {
            due.extend([(32_472_144_000_000_u64 + n as u64).to_string(), format!("a.{n}:p:0")]);
            bytes.extend([format!("a.{n}:p:0"), SCHEDULED.to_owned()]);
        }
        client.pipeline(&[due, bytes]).await.unwrap();
    }
    // the very last one is a retry, and nobody is there to send it
    client.command(&["ZADD", "queue:email:delayed", "92472144000000", "b.1:p:0"]).await.unwrap();
    client.command(&["HSET", "queue:email:messages", "b.1:p:0", "{}"]).await.unwrap();
    client.command(&["CONFIG", "RESETSTAT"]).await.unwrap();
    looked_through_once(&redis, "email", COUNT).await;
    redis.command(&["ZREM", "queue:email:delayed", "b.1:p:0"]).await;
    let ran = queuectl(&redis, &["drain", "--queues", "email", "--timeout", "0"]).await.with_code(0);
    assert_eq!(ran.stdout, format!("email: empty but for {COUNT} scheduled\n"));
    // and where another queue has the retry
    redis.command(&["ZADD", "queue:sms:delayed", "92472144000000", "b.1:p:0"]).await;
    redis.command(&["HSET", "queue:sms:messages", "b.1:p:0", "{}"]).await;
    redis.command(&["CONFIG", "RESETSTAT"]).await;
    looked_through_once(&redis, "email,sms", COUNT).await;
}

/// Drains `queues` of `count` scheduled messages and one retry that nobody sends.
async fn looked_through_once(redis: &RedisServer, queues: &str, count: usize) {
    let mut live = drain(redis, &["--queues", queues]);
    // by then it has looked five times more at the one it found
    let known = |stats: &Reply| calls(stats, "zscore").0 >= 5;
    let stats = redis.wait_until(&["INFO", "commandstats"], known, 4 * LIMIT).await;
    let ((once, _), (_, micros)) = (calls(&stats, "zrange"), calls(&stats, "hmget"));
    let steps = count as u64 / 64;
    assert!((steps..steps + 30).contains(&once), "{once} calls of ZRANGE");
    assert!(micros < 10_000.0, "{micros} µs a call");
    live.said("among them a retry that is due in").await;
    live.signal(rustix::process::Signal::KILL);
    live.end().await;
}

#[tokio::test]
async fn a_redis_that_comes_back_is_waited_for_and_one_that_does_not_is_told() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    redis.command(&["LPUSH", "queue:email:pending", "{}"]).await;
    let mut live = drain(&redis, &["--queues", "email"]);
    live.said("email: 1 waiting").await;
    redis.kill();
    live.said("Redis is away").await;
    redis.restart().await;
    redis.command(&["DEL", "queue:email:pending"]).await;
    assert_eq!(live.end().await.0.code(), Some(0));
    redis.command(&["LPUSH", "queue:email:pending", "{}"]).await;
    let mut live = drain(&redis, &["--queues", "email"]);
    live.said("email: 1 waiting").await;
    redis.kill();
    live.said("error: cannot look at the queues any more").await;
    live.said("changed: nothing; last seen: email: 1 waiting").await;
    assert_eq!(live.end().await.0.code(), Some(2));
}
