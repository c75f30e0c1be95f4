//! A queue that ran dry costs next to nothing.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;

use super::account::all_sent;
use super::kit::{Log, push_numbers, settings};

#[tokio::test]
async fn at_most_three_commands_a_second_and_four_connections() {
    let redis = RedisServer::start().await;
    let log = Log::default();
    // As it comes: polls once a second.
    let worker =
        log.worker(WorkerSettings { poll_interval: Duration::from_secs(1), ..settings(&redis.url()) });
    push_numbers(&redis, 100).await;
    all_sent(&redis, 100, || log.numbers()).await;
    redis.wait_until(&["INFO", "clients"], |reply| reply.text().contains("blocked_clients:2"), LIMIT).await;
    let mut ours = redis.connect().await;
    let from = calls(&mut ours).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let to = calls(&mut ours).await;
    // One poll may lie on either border, and so may the beat.
    let spent = to - from;
    assert!(spent <= 4 * 3 + 3, "{spent} commands in four seconds");
    let clients = ours.command(&["CLIENT", "LIST"]).await.unwrap().text().lines().count() - 1;
    assert!(clients <= 4, "{clients} connections");
    worker.stop().await;
}

/// What clients have asked for, what scripts did inside not counted.
async fn calls(client: &mut redispatch_testkit::client::Client) -> i64 {
    let stats = client.command(&["INFO", "commandstats"]).await.unwrap();
    let called = |line: &str| -> Option<i64> {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        // What these scripts use is not sent by anybody: only these are.
        let sent = [
            "evalsha",
            "eval",
            "brpoplpush",
            "ping",
            "client|id",
            "client|unblock",
            "client|setname",
            "select",
            "hello",
            "sadd",
            "hgetall",
        ];
        sent.contains(&name).then(|| rest.split(',').next().unwrap().parse().unwrap())
    };
    stats.text().lines().filter_map(called).sum()
}
