//! `sla_notifications`: somebody is told once, however often a job runs, and nobody once the ticket is resolved.

use redispatch::clock::{rfc3339, unix_ms};
use redispatch::config::QueueSettings;
use redispatch::keys::Lane;
use redispatch::queue::Queue;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply};
use serde_json::{Value, json};

use super::start;

const WARNING: u64 = 30 * 60_000;

async fn worker(redis: &RedisServer) -> Worker {
    let fast = [("POLL_INTERVAL_MS", "50"), ("MAX_RETRIES", "2"), ("RETRY_DELAY_MS", "10")];
    let worker = start(
        "sla_notifications",
        &["worker"],
        redis,
        &[&[("WORKER_ROLE", "notification")], &fast[..]].concat(),
    );
    let ready = worker.wait_for_event("worker:ready").await;
    assert_eq!(ready.json["queues"], "sla");
    worker
}

/// Runs one of the other commands, which has to succeed.
async fn run(redis: &RedisServer, args: &[&str]) {
    let process = start("sla_notifications", args, redis, &[]);
    assert_eq!(process.wait_exit(LIMIT).await.code(), Some(0), "{args:?}");
}

/// The same, and it has to fail with `text`.
async fn fails(redis: &RedisServer, args: &[&str], text: &str) {
    let process = start("sla_notifications", args, redis, &[]);
    process.wait_for(|line| line.raw.starts_with("error: ") && line.raw.contains(text)).await;
    assert_eq!(process.wait_exit(LIMIT).await.code(), Some(1), "{args:?}");
}

async fn watch(redis: &RedisServer, ticket: &str, deadline: u64) {
    run(redis, &["watch", ticket, &rfc3339(deadline), "ops@example.com"]).await;
}

fn queue(redis: &RedisServer, name: &str) -> Queue {
    Queue::new(name, QueueSettings::new(redis.url().parse().unwrap())).unwrap()
}

/// The ids of the mails that wait to be sent.
async fn mails(redis: &RedisServer) -> Vec<String> {
    let mails = redis.command(&["LRANGE", "queue:email:pending:high", "0", "-1"]).await;
    let id = |mail: &Reply| {
        serde_json::from_slice::<Value>(mail.bytes()).unwrap()["id"].as_str().unwrap().to_owned()
    };
    mails.array().iter().map(id).collect()
}

async fn length(redis: &RedisServer, list: &str, count: i64) {
    redis.wait_until(&["LLEN", list], |length| length.int() == count, LIMIT).await;
}

#[tokio::test]
async fn a_warning_comes_in_time_and_no_alert_once_the_ticket_is_resolved() {
    let redis = RedisServer::start().await;
    let worker = worker(&redis).await;
    let deadline = unix_ms() + WARNING + 300;
    watch(&redis, "T-17", deadline).await;
    let done = worker.wait_for_event("worker:processed-sla-job").await;
    assert!(unix_ms() >= deadline - WARNING, "too early");
    assert_eq!((&done.json["id"], &done.json["told"]), (&json!("sla:T-17:warning"), &json!(true)));
    assert_eq!(mails(&redis).await, ["sla:T-17:warning"]);
    let mail = redis.command(&["LINDEX", "queue:email:pending:high", "0"]).await;
    let mail: Value = serde_json::from_slice(mail.bytes()).unwrap();
    assert_eq!((&mail["to"], &mail["subject"]), (&json!("ops@example.com"), &json!("SLA warning: T-17")));

    assert_eq!(redis.command(&["ZCARD", "queue:sla:delayed"]).await.int(), 1);
    run(&redis, &["resolve", "T-17"]).await;
    assert_eq!(redis.command(&["ZCARD", "queue:sla:delayed"]).await.int(), 0);
    let found = queue(&redis, "sla").find("sla:T-17:breach").await.unwrap().unwrap();
    assert_eq!(found.state, "cancelled");
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}

#[tokio::test]
async fn a_job_that_runs_again_tells_nobody_twice() {
    let redis = RedisServer::start().await;
    let worker = worker(&redis).await;
    watch(&redis, "T-17", unix_ms() + 1).await;
    worker.wait_for_events("worker:processed-sla-job", 2).await;
    // One in hand would be left to its worker.
    redis.wait_until(&["ZCARD", "queue:sla:processing"], |active| active.int() == 0, LIMIT).await;
    // as after a rollback that reprocesses what was done
    let again = json!({ "id": "sla:T-17:breach", "ticket": "T-17", "kind": "breach",
        "deadline": rfc3339(unix_ms()), "to": "ops@example.com" });
    queue(&redis, "sla").enqueue_again(Lane::Pending, vec![again.to_string().into()]).await.unwrap();
    let runs = worker.wait_for_events("worker:processed-sla-job", 3).await;
    assert_eq!((&runs[2].json["id"], &runs[2].json["told"]), (&json!("sla:T-17:breach"), &json!(false)));
    let mut told = mails(&redis).await;
    told.sort();
    assert_eq!(told, ["sla:T-17:breach", "sla:T-17:warning"]);
}

#[tokio::test]
async fn drained_with_the_intake_paused_nothing_comes_and_nothing_is_left() {
    let redis = RedisServer::start().await;
    watch(&redis, "T-17", unix_ms() + 1).await;
    let sla = queue(&redis, "sla");
    sla.pause_intake("deploy at 9").await.unwrap();
    let now = rfc3339(unix_ms());
    let args = ["watch", "T-18", now.as_str(), "ops@example.com"];
    fails(&redis, &args, "intake is paused: deploy at 9").await;
    let worker = worker(&redis).await;
    worker.wait_for_events("worker:processed-sla-job", 2).await;
    redis.wait_until(&["ZCARD", "queue:sla:processing"], |active| active.int() == 0, LIMIT).await;
    let stats = sla.stats().await.unwrap();
    assert_eq!((stats.waiting(), stats.delayed, stats.counters["sent"]), (0, 0, 2));
    assert!(sla.resume_intake().await.unwrap());
    run(&redis, &args).await;
    worker.wait_for_events("worker:processed-sla-job", 4).await;
}

#[tokio::test]
async fn what_failed_while_mails_were_refused_is_reprocessed_and_told_once() {
    let redis = RedisServer::start().await;
    let mail = queue(&redis, "email");
    mail.pause_intake("new mail server").await.unwrap();
    let worker = worker(&redis).await;
    watch(&redis, "T-17", unix_ms() + 1).await;
    length(&redis, "queue:sla:dead_letter", 2).await;
    let found = queue(&redis, "sla").find("sla:T-17:breach").await.unwrap().unwrap();
    assert_eq!((found.state.as_str(), found.attempts, found.log.len()), ("dead", 2, 2));
    assert!(found.error.unwrap().contains("new mail server"));
    mail.resume_intake().await.unwrap();
    for _ in 0..2 {
        redis.command(&["RPOPLPUSH", "queue:sla:dead_letter", "queue:sla:pending"]).await;
    }
    worker.wait_for_events("worker:processed-sla-job", 2).await;
    assert_eq!(mails(&redis).await.len(), 2);
    length(&redis, "queue:sla:dead_letter", 0).await;
}

#[tokio::test]
async fn a_job_that_can_tell_nobody_is_given_up_at_once() {
    let redis = RedisServer::start().await;
    let _worker = worker(&redis).await;
    run(&redis, &["watch", "T-17", &rfc3339(unix_ms()), "nobody"]).await;
    length(&redis, "queue:sla:dead_letter", 2).await;
    let found = queue(&redis, "sla").find("sla:T-17:breach").await.unwrap().unwrap();
    assert_eq!((found.state.as_str(), found.reason.as_deref()), ("dead", Some("reject")));
    redis.command(&["LPUSH", "queue:sla:pending", r#"{"id":"1","ticket":1}"#]).await;
    length(&redis, "queue:sla:dead_letter", 3).await;
}

#[tokio::test]
async fn wrong_usage_and_a_role_without_queues_are_refused() {
    let redis = RedisServer::start().await;
    for args in [&[][..], &["work"], &["watch", "T-17"], &["resolve"]] {
        fails(&redis, args, "watch TICKET DEADLINE TO").await;
    }
    fails(&redis, &["watch", "T-17", "tomorrow", "ops@example.com"], "DEADLINE").await;
    let process = start("sla_notifications", &["worker"], &redis, &[("WORKER_ROLE", "reports")]);
    assert_eq!(process.wait_exit(LIMIT).await.code(), Some(78));
    assert_eq!(redis.command(&["DBSIZE"]).await.int(), 0);
}
