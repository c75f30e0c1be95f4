//! A cluster.

use std::time::Duration;

use redispatch_testkit::cluster::Cluster;
use redispatch_testkit::{LIMIT, Reply};
use tokio::time::Instant;

use super::{Fleet, Producer, account, nothing_is_stuck};

const BASE: &str = "{queue:email}";
const PENDING: &str = "{queue:email}:pending";

#[tokio::test]
async fn a_primary_of_three_dies_under_load_and_its_replica_goes_on() {
    let mut redis = Cluster::start(3).await;
    let fleet = Fleet::start(&redis.url()).await;
    let old = redis.primary_of(PENDING, 0).await.expect("somebody serves it");
    let mut producer = Producer::start(PENDING, redis.nodes[old].addr(), 1);
    let mut safe = producer.safe(300).await;
    fleet.mails(&safe).await;

    let killed = Instant::now();
    redis.nodes[old].kill();
    let new = redis.failed_over(PENDING, old).await;
    let served = Instant::now();
    safe.extend(producer.safe_so_far());
    producer.goes_to(redis.nodes[new].addr(), 0);
    let first = producer.safe(1).await;
    fleet.mails(&first).await;
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(10), "the workers needed {took:?}");
    safe.extend(first);
    nothing_is_stuck(&redis.nodes[new], BASE, served).await;

    redis.nodes[old].restart().await;
    let role = |reply: &Reply| reply.array()[0].text() == "slave";
    redis.nodes[old].wait_until(&["ROLE"], role, LIMIT).await;
    safe.extend(producer.safe(300).await);
    safe.extend(producer.stop().await);
    account(fleet, &redis.nodes[new], BASE, &safe).await;
}

#[tokio::test]
async fn an_operator_gives_the_queue_to_the_replica_under_load() {
    let redis = Cluster::start(3).await;
    let fleet = Fleet::start(&redis.url()).await;
    let old = redis.primary_of(PENDING, 0).await.expect("somebody serves it");
    let mut producer = Producer::start(PENDING, redis.nodes[old].addr(), 1);
    let mut safe = producer.safe(300).await;
    assert_eq!(redis.nodes[old + 3].command(&["CLUSTER", "FAILOVER"]).await, Reply::Simple("OK".into()));
    let new = redis.failed_over(PENDING, old).await;
    safe.extend(producer.safe_so_far());
    producer.goes_to(redis.nodes[new].addr(), 0);
    safe.extend(producer.safe(300).await);
    safe.extend(producer.stop().await);
    account(fleet, &redis.nodes[new], BASE, &safe).await;
}

/// While its keys move the queue stands still: no script sees half of them.
#[tokio::test]
async fn the_slot_of_a_queue_is_moved_to_another_server_under_load() {
    let redis = Cluster::start(3).await;
    let fleet = Fleet::start(&redis.url()).await;
    let old = redis.primary_of(PENDING, 0).await.expect("somebody serves it");
    let new = (old + 1) % 3;
    let mut producer = Producer::start(PENDING, redis.nodes[old].addr(), 0);
    let mut safe = producer.safe(300).await;
    redis.move_slot(PENDING, old, new).await;
    safe.extend(producer.safe_so_far());
    producer.goes_to(redis.nodes[new].addr(), 0);
    safe.extend(producer.safe(300).await);
    safe.extend(producer.stop().await);
    account(fleet, &redis.nodes[new], BASE, &safe).await;
}
