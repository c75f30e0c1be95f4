//! `kill -9` in the middle of a change.

use redispatch_testkit::redis::RedisServer;

use crate::queue::{DEAD, PENDING, at_least, fill, length, numbers};
use crate::run::{command, queuectl};

const COUNT: usize = 30_000;

/// Starts `queuectl ARGS`, and kills it once some letters have moved.
async fn killed(redis: &RedisServer, args: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let mut child = command(&redis.url(), home.path(), args).spawn().unwrap();
    at_least(redis, PENDING, 1).await;
    child.kill().await.unwrap();
}

/// Every letter is among the dead ones or waits, and none is at both places.
async fn all_are_there(redis: &RedisServer, count: usize) {
    let mut there = [numbers(redis, DEAD).await, numbers(redis, PENDING).await].concat();
    there.sort_unstable();
    assert_eq!(there, (0..count).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_requeue_that_is_killed_half_way_goes_on_with_the_next() {
    let redis = RedisServer::start().await;
    fill(&redis, COUNT).await;
    let args = ["dead", "requeue", "--queue", "email", "--code", "535", "--yes"];
    killed(&redis, &args).await;
    assert!(length(&redis, PENDING).await < (COUNT / 3) as i64, "it was killed too late to show anything");
    all_are_there(&redis, COUNT).await;
    // What keeps others out is over after ten seconds.
    let ran = queuectl(&redis, &args).await.with_code(0);
    assert!(ran.stderr.contains("another command is at work"), "{}", ran.stderr);
    assert_eq!(numbers(&redis, PENDING).await, (0..COUNT).step_by(3).collect::<Vec<_>>());
    assert_eq!(numbers(&redis, DEAD).await, (0..COUNT).filter(|n| n % 3 != 0).collect::<Vec<_>>());
    assert_eq!(redis.command(&["EXISTS", "queue:email:control"]).await.int(), 0);
}

#[tokio::test]
async fn a_slow_requeue_that_is_killed_half_way_goes_on_with_the_next() {
    let redis = RedisServer::start().await;
    fill(&redis, 90).await;
    let args = ["dead", "requeue", "--queue", "email", "--code", "535", "--yes", "--per-second"];
    killed(&redis, &[&args[..], &["5"]].concat()).await;
    assert!(length(&redis, PENDING).await < 30);
    all_are_there(&redis, 90).await;
    queuectl(&redis, &[&args[..], &["1000"]].concat()).await.with_code(0);
    assert_eq!(numbers(&redis, PENDING).await, (0..90).step_by(3).collect::<Vec<_>>());
    assert_eq!(numbers(&redis, DEAD).await, (0..90).filter(|n| n % 3 != 0).collect::<Vec<_>>());
}
