//! A primary that sentinels watch.

use std::time::Duration;

use redispatch_testkit::LIMIT;
use redispatch_testkit::sentinel::Sentinels;
use tokio::time::{Instant, timeout};

use super::{Fleet, PROGRAM, Producer, account, nothing_is_stuck};
use crate::run::output;

const BASE: &str = "queue:email";
const PENDING: &str = "queue:email:pending";

#[tokio::test]
async fn a_primary_dies_under_load_and_workers_follow() {
    let mut redis = Sentinels::start().await;
    let fleet = Fleet::start(&redis.url()).await;
    let mut producer = Producer::start(PENDING, redis.servers[0].addr(), 1);
    let mut safe = producer.safe(300).await;
    fleet.mails(&safe).await;

    let killed = Instant::now();
    redis.servers[0].kill();
    let new = redis.failed_over(0).await;
    let served = Instant::now();
    safe.extend(producer.safe_so_far());
    producer.goes_to(redis.servers[new].addr(), 0);
    let first = producer.safe(1).await;
    fleet.mails(&first).await;
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(10), "the workers needed {took:?}");
    safe.extend(first);
    nothing_is_stuck(&redis.servers[new], BASE, served).await;

    // It comes back as if it were still the primary, until the sentinels tell it otherwise.
    redis.servers[0].restart().await;
    let role = |reply: &redispatch_testkit::Reply| reply.array()[0].text() == "slave";
    redis.servers[0].wait_until(&["ROLE"], role, 2 * LIMIT).await;
    safe.extend(producer.safe(300).await);
    safe.extend(producer.stop().await);
    account(fleet, &redis.servers[new], BASE, &safe).await;
}

#[tokio::test]
async fn a_sentinel_that_is_silent_or_gone_is_passed_over() {
    let mut redis = Sentinels::start().await;
    redis.freeze_sentinel(0);
    let fleet = Fleet::start(&redis.url()).await;
    let mut producer = Producer::start(PENDING, redis.servers[0].addr(), 1);
    let safe = timeout(LIMIT, producer.safe(50)).await.expect("pushes");
    fleet.mails(&safe).await;
    // Of the two that were named one is silent and one is gone; the third one was heard of.
    redis.kill_sentinel(1);
    let primary = &redis.servers[0];
    primary.command(&["CLIENT", "KILL", "TYPE", "normal"]).await.int();
    producer.goes_to(primary.addr(), 1);
    let mut safe = timeout(LIMIT, producer.safe(50)).await.expect("pushes");
    safe.extend(producer.stop().await);
    account(fleet, primary, BASE, &safe).await;
}

/// The old primary takes claims and settles for another ten seconds, and nobody there says that they are for nothing.
#[tokio::test]
async fn an_operator_makes_another_server_the_primary_under_load() {
    let redis = Sentinels::start().await;
    let fleet = Fleet::start(&redis.url()).await;
    let mut producer = Producer::start(PENDING, redis.servers[0].addr(), 1);
    let mut safe = producer.safe(300).await;
    safe.extend(producer.stop().await);
    let ordered = Instant::now();
    redis.fail_over().await;
    let new = redis.failed_over(0).await;
    let mut producer = Producer::start_at(1_000_000, PENDING, redis.servers[new].addr(), 0);
    let first = producer.safe(1).await;
    fleet.mails(&first).await;
    let took = ordered.elapsed();
    assert!(took < Duration::from_secs(8), "the workers needed {took:?}");
    safe.extend(first);
    safe.extend(producer.safe(300).await);
    safe.extend(producer.stop().await);
    account(fleet, &redis.servers[new], BASE, &safe).await;
}

/// What reaches a frozen primary is executed when it thaws, on data that nobody looks at any more.
#[tokio::test]
async fn a_frozen_primary_is_left_and_forgotten_when_it_thaws() {
    let redis = Sentinels::start().await;
    // Two late answers and a connection that is never made, before a worker asks again who is the primary.
    let fleet = Fleet::with_lease(Duration::from_secs(15), &redis.url()).await;
    let mut producer = Producer::start(PENDING, redis.servers[0].addr(), 1);
    let mut safe = producer.safe(300).await;
    let frozen = Instant::now();
    redis.servers[0].freeze();
    let new = redis.failed_over(0).await;
    safe.extend(producer.stop().await);
    let mut producer = Producer::start_at(1_000_000, PENDING, redis.servers[new].addr(), 0);
    let first = producer.safe(1).await;
    fleet.mails(&first).await;
    let took = frozen.elapsed();
    assert!(took < Duration::from_secs(10), "the workers needed {took:?}");
    safe.extend(first);
    redis.servers[0].thaw();
    safe.extend(producer.safe(300).await);
    safe.extend(producer.stop().await);
    account(fleet, &redis.servers[new], BASE, &safe).await;
}

#[tokio::test]
async fn servers_and_sentinels_have_passwords_of_their_own() {
    let redis = Sentinels::locked(Some("word-of-sentinels")).await;
    redis.servers[0].command(&["CONFIG", "SET", "requirepass", "word-of-servers"]).await;
    let url = redis.url().replacen("://", "://:word-of-servers@", 1);
    for (url, code, said) in [
        (format!("{url}&sentinelPassword=word-of-sentinels"), 0, "redis     ok"),
        (format!("{url}&sentinelPassword=wrong"), 1, "WRONGPASS"),
        (url.clone(), 1, "NOAUTH"),
        (format!("{}&sentinelPassword=word-of-sentinels", redis.url()), 1, "NOAUTH"),
    ] {
        let env = [("REDIS_URL", url.as_str()), ("EMAIL_TRANSPORT", "null"), ("SMTP_FROM", "a@example.com")];
        let check = output(PROGRAM, &["--check"], &env).await;
        let stdout = String::from_utf8_lossy(&check.stdout).into_owned();
        assert_eq!(check.status.code(), Some(code), "{url}: {stdout}");
        assert!(stdout.contains(said) && !stdout.contains("word-of"), "{url}: {stdout}");
    }
}
