//! Recent jobs of a tenant, retrying one, forgetting old ones.

use std::time::Duration;

use redispatch::job::JobError;
use redispatch::queue::{Changed, Cleaned, Queue};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};

use super::kit::{Bench, job, queue, until_state};
use crate::engine::kit::{key, settings};

const DAY: Duration = Duration::from_secs(86_400);

fn ids(jobs: Vec<redispatch::queue::Ended>) -> Vec<(String, String)> {
    jobs.into_iter().map(|job| (job.id, job.state)).collect()
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(id, state)| ((*id).to_owned(), (*state).to_owned())).collect()
}

/// A queue in which `done` was done and `dead` given up, both long ago where `long_ago`.
async fn ended(redis: &RedisServer, long_ago: bool) -> Queue {
    let (queue, mut bench) = (queue(redis), Bench::new());
    let worker = bench.worker(settings(&redis.url()));
    queue.add(job(1).id("done")).await.unwrap();
    bench.next().await.done();
    until_state(&queue, "done", "sent").await;
    queue.add(job(2).id("dead")).await.unwrap();
    bench.next().await.answer(Err(JobError::unrecoverable("no")));
    until_state(&queue, "dead", "dead").await;
    worker.stop().await;
    if long_ago {
        for list in ["recent", "dead_letter"] {
            let entries = redis.command(&["LRANGE", &key(list), "0", "-1"]).await;
            let entries: Vec<_> = entries.array().iter().map(|entry| entry.text().to_owned()).collect();
            for (index, entry) in entries.iter().enumerate() {
                let mut json: serde_json::Value = serde_json::from_str(entry).unwrap();
                match list {
                    "recent" => json["at"] = 1_600_000_000_000u64.into(),
                    _ => json["_delivery"]["dead_at"] = "2020-01-01T00:00:00.000Z".into(),
                }
                redis.command(&["LSET", &key(list), &index.to_string(), &json.to_string()]).await;
            }
        }
        for id in ["done", "dead"] {
            redis.command(&["HSET", &key(&format!("status:{id}")), "at", "1600000000000"]).await;
        }
    }
    queue
}

#[tokio::test]
async fn recent_jobs_are_those_of_the_tenant() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let queue = queue(&redis);
    let worker = bench.worker(settings(&redis.url()));
    for (n, tenant) in [(1, "t1"), (2, "t2"), (3, "t1"), (4, "t1")] {
        queue.add(job(n).id(format!("j{n}")).tenant(tenant)).await.unwrap();
        let started = bench.next().await;
        match n {
            3 => started.answer(Err(JobError::unrecoverable("no"))),
            _ => started.done(),
        }
        until_state(&queue, &format!("j{n}"), if n == 3 { "dead" } else { "sent" }).await;
    }
    queue.add(job(5).id("j5").tenant("t1")).await.unwrap();
    let running = bench.next().await;
    let all = [("j5", "sending"), ("j4", "sent"), ("j3", "dead"), ("j1", "sent")];
    assert_eq!(ids(queue.recent_of("t1", 20).await.unwrap()), pairs(&all));
    assert_eq!(ids(queue.recent_of("t1", 2).await.unwrap()), pairs(&all[..2]));
    assert_eq!(ids(queue.recent_of("t2", 20).await.unwrap()), pairs(&[("j2", "sent")]));
    assert_eq!(ids(queue.recent_of("t", 20).await.unwrap()), []);
    running.done();
    worker.stop().await;
}

#[tokio::test]
async fn a_dead_job_is_tried_again_with_its_full_attempts() {
    let redis = RedisServer::start().await;
    let queue = ended(&redis, false).await;
    assert_eq!(queue.retry("dead").await.unwrap(), Changed::Done);
    let mut bench = Bench::new();
    let worker = bench.worker(settings(&redis.url()));
    let again = bench.next().await;
    assert_eq!((again.job.id(), again.job.attempt()), (Some("dead"), 1));
    again.done();
    until_state(&queue, "dead", "sent").await;
    assert_eq!(queue.retry("dead").await.unwrap(), Changed::Sent);
    assert_eq!(queue.retry("nobody").await.unwrap(), Changed::Unknown);
    worker.stop().await;
}

#[tokio::test]
async fn a_dead_job_whose_status_is_over_is_found_all_the_same() {
    let redis = RedisServer::start().await;
    let queue = ended(&redis, false).await;
    redis.command(&["DEL", &key("status:dead")]).await;
    assert_eq!(queue.retry("dead").await.unwrap(), Changed::Done);
    assert_eq!(redis.command(&["LLEN", &key("pending")]).await.int(), 1);
    assert_eq!(redis.command(&["LLEN", &key("dead_letter")]).await.int(), 0);
}

#[tokio::test]
async fn a_job_that_waits_for_its_retry_or_its_time_goes_now() {
    let (redis, mut bench) = (RedisServer::start().await, Bench::new());
    let queue = queue(&redis);
    let mut slow = settings(&redis.url());
    slow.backoff.delay = Duration::from_secs(3_600);
    slow.backoff.max_delay = Duration::from_secs(3_600);
    let worker = bench.worker(slow);
    queue.add(job(1).id("a")).await.unwrap();
    bench.next().await.answer(Err(JobError::failed("not now")));
    until_state(&queue, "a", "delayed").await;
    assert_eq!(queue.retry("a").await.unwrap(), Changed::Done);
    let again = bench.next().await;
    assert_eq!((again.job.id(), again.job.attempt()), (Some("a"), 2));
    assert_eq!(queue.retry("a").await.unwrap(), Changed::InHand);
    again.done();
    queue.add(job(2).id("b").send_at(4_000_000_000_000)).await.unwrap();
    until_state(&queue, "b", "delayed").await;
    assert_eq!(queue.retry("b").await.unwrap(), Changed::Done);
    bench.next().await.done();
    worker.stop().await;
}

#[tokio::test]
async fn only_what_is_old_enough_and_in_that_state_is_forgotten() {
    let redis = RedisServer::start().await;
    let queue = ended(&redis, false).await;
    for what in [Cleaned::Sent, Cleaned::Dead] {
        assert_eq!(queue.clean(what, DAY, 1_000).await.unwrap(), 0);
    }
    assert_eq!(queue.recent().await.unwrap().len(), 2);

    redis.command(&["FLUSHALL"]).await;
    let queue = ended(&redis, true).await;
    assert_eq!(queue.clean(Cleaned::Sent, DAY, 0).await.unwrap(), 0);
    assert_eq!(queue.clean(Cleaned::Sent, DAY, 1_000).await.unwrap(), 1);
    assert_eq!(ids(queue.recent().await.unwrap()), pairs(&[("dead", "dead")]));
    assert!(queue.find("done").await.unwrap().is_none());
    assert!(queue.find("dead").await.unwrap().is_some());
    assert!(queue.add(job(1).id("done")).await.unwrap().created, "its id may be used again");

    assert_eq!(queue.clean(Cleaned::Dead, DAY, 1_000).await.unwrap(), 1);
    assert_eq!(redis.command(&["LLEN", &key("dead_letter")]).await.int(), 0);
    assert_eq!(ids(queue.recent().await.unwrap()), []);
    assert!(queue.find("dead").await.unwrap().is_none());
}

#[tokio::test]
async fn the_oldest_are_forgotten_first_where_there_is_a_limit() {
    let redis = RedisServer::start().await;
    let queue = queue(&redis);
    for n in 0..60 {
        let line = format!(r#"{{"id":"j{n}","state":"sent","at":{}}}"#, 1_600_000_000_000u64 + n);
        redis.command(&["LPUSH", &key("recent"), &line]).await;
        redis.command(&["HSET", &key(&format!("status:j{n}")), "state", "sent", "at", "1600000000000"]).await;
    }
    assert_eq!(queue.clean(Cleaned::Sent, DAY, 40).await.unwrap(), 40);
    let left = ids(queue.recent().await.unwrap());
    assert_eq!(left.first().unwrap().0, "j59");
    assert_eq!(left.last().unwrap().0, "j40");
    let statuses = async || redis.command(&["KEYS", &key("status:*")]).await.array().len();
    eventually("their statuses went with them", LIMIT, statuses, |count| *count == 20).await;
}
