//! Changes while workers and redis-cli are at work on the same letters.

use std::sync::{Arc, Mutex};

use redispatch::config::{Backoff, BackoffKind, WorkerSettings};
use redispatch::{Delivery, Failure, Outcome, Receipt, Shutdown, Worker};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use serde_json::Value;

use crate::queue::{DEAD, PENDING, fill, length, numbers, push};
use crate::run::queuectl;

fn number(delivery: &Delivery) -> usize {
    let message: Value = serde_json::from_slice(delivery.bytes()).unwrap();
    message["n"].as_u64().unwrap() as usize
}

#[tokio::test]
async fn workers_send_what_is_requeued_and_dead_letter_other_messages_meanwhile() {
    let redis = RedisServer::start().await;
    let (dead, fresh) = (6_000, 2_000);
    fill(&redis, dead).await;
    push(&redis, PENDING, (dead..dead + fresh).map(|n| format!(r#"{{"n":{n}}}"#))).await;
    let sent = Arc::new(Mutex::new(Vec::new()));
    let (trigger, shutdown) = Shutdown::manual();
    let backoff = Backoff { delay: LIMIT, kind: BackoffKind::Fixed, max_delay: LIMIT, jitter: 0.0 };
    let settings = WorkerSettings { backoff, ..WorkerSettings::new(redis.url().parse().unwrap()) };
    let log = sent.clone();
    // What was dead is sent, what is fresh is given up: with the very code that is looked for.
    let handler = move |delivery: Delivery| {
        let (n, log) = (number(&delivery), log.clone());
        async move {
            if n < dead {
                log.lock().unwrap().push(n);
                return Outcome::Sent(Receipt::default());
            }
            Outcome::Reject(Failure { code: Some("535".into()), ..Failure::new("refused") })
        }
    };
    let worker = tokio::spawn(Worker::new("email", settings).unwrap().run(handler, shutdown));
    let args =
        ["dead", "requeue", "--queue", "email", "--code", "535", "--before", "2026-06-01T00:00:00Z", "--yes"];
    let ran = queuectl(&redis, &args).await.with_code(0);
    assert_eq!(ran.stdout, "email: requeued 2,000 dead letters\n");
    let all = async || (length(&redis, DEAD).await, sent.lock().unwrap().len());
    eventually("all are sent or given up", 2 * LIMIT, all, |all| *all == (6_000, 2_000)).await;
    trigger.drain();
    assert!(worker.await.unwrap().unwrap().is_clean());

    let mut sent = sent.lock().unwrap().clone();
    sent.sort_unstable();
    assert_eq!(sent, (0..dead).step_by(3).collect::<Vec<_>>(), "each once");
    let left = numbers(&redis, DEAD).await;
    let old: Vec<_> = left.iter().copied().filter(|n| *n < dead).collect();
    assert_eq!(
        old,
        (0..dead).filter(|n| n % 3 != 0).collect::<Vec<_>>(),
        "those that were not chosen, in order"
    );
    let mut new: Vec<_> = left.into_iter().filter(|n| *n >= dead).collect();
    new.sort_unstable();
    assert_eq!(new, (dead..dead + fresh).collect::<Vec<_>>());
}

#[tokio::test]
async fn hands_that_requeue_meanwhile_take_nothing_away() {
    let redis = RedisServer::start().await;
    fill(&redis, 9_000).await;
    let by_hand = async {
        let mut client = redis.connect().await;
        for _ in 0..300 {
            client.command(&["RPOPLPUSH", DEAD, "queue:email:pending:low"]).await.unwrap();
        }
    };
    let args = ["dead", "requeue", "--queue", "email", "--code", "535", "--yes"];
    let (ran, ()) = tokio::join!(queuectl(&redis, &args), by_hand);
    ran.with_code(0);
    let (dead, low) = (numbers(&redis, DEAD).await, numbers(&redis, "queue:email:pending:low").await);
    let moved = numbers(&redis, PENDING).await;
    assert_eq!(low.len(), 300);
    assert!(moved.iter().all(|n| n % 3 == 0) && dead.iter().all(|n| n % 3 != 0), "exactly those");
    let mut all = [dead, low, moved].concat();
    all.sort_unstable();
    assert_eq!(all, (0..9_000).collect::<Vec<_>>());
    assert_eq!(redis.command(&["EXISTS", "queue:email:control"]).await.int(), 0);
}

#[tokio::test]
async fn one_that_is_edited_waits_for_a_change_of_all_that_was_broken_off() {
    let redis = RedisServer::start().await;
    fill(&redis, 400).await;
    for _ in 0..100 {
        redis.command(&["RPOPLPUSH", DEAD, DEAD]).await;
    }
    let time = redis.command(&["TIME"]).await;
    let soon = time.array()[0].text().parse::<i64>().unwrap() * 1_000 + 2_500;
    let turn = format!("somebody:{soon}:1:300:400");
    redis.command(&["HSET", "queue:email:control", "dead_turn", &turn]).await;
    let args = ["dead", "edit", "--queue", "email", "m7", "--set", "subject=new", "--force"];
    let ran = queuectl(&redis, &args).await.with_code(0);
    assert!(ran.stderr.contains("another command is at work on these dead letters"), "{}", ran.stderr);
    assert_eq!(numbers(&redis, DEAD).await, (0..400).collect::<Vec<_>>(), "in their old order");
    assert_eq!(redis.command(&["HEXISTS", "queue:email:control", "dead_taken"]).await.int(), 0);
}
