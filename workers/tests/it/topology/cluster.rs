//! A cluster.

use std::time::Duration;

use redispatch_testkit::cluster::Cluster;
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
    let role = |reply: &redispatch_testkit::Reply| reply.array()[0].text() == "slave";
    redis.nodes[old].wait_until(&["ROLE"], role, redispatch_testkit::LIMIT).await;
    safe.extend(producer.safe(300).await);
    safe.extend(producer.stop().await);
    account(fleet, &redis.nodes[new], BASE, &safe).await;
}
