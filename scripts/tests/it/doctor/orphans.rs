//! Orphans of both kinds, and `--fix`.

use redispatch_testkit::redis::RedisServer;

use super::{Bench, report, sound};

const TOKEN: &str = "AAAAAAAAAAA.1:p:0:AAAAAAAAAAA.1";
const MEMBER: &str = "AAAAAAAAAAA.2:h:1";
const BYTES: &str = r#"{"to":"a@example.com","body":"x"}"#;

async fn add(redis: &RedisServer, members: &[(&str, &str)], fields: &[&str]) {
    for (zset, member) in members {
        redis.command(&["ZADD", &format!("queue:email:{zset}"), "9999999999999", member]).await;
    }
    for field in fields {
        redis.command(&["HSET", "queue:email:messages", field, BYTES]).await;
    }
}

#[tokio::test]
async fn what_belongs_together_is_no_orphan() {
    let redis = sound().await;
    add(&redis, &[("processing", TOKEN), ("delayed", MEMBER)], &[TOKEN, MEMBER]).await;
    assert_eq!(report(&redis).await.queue("orphans", "email"), ("ok", "none", ""));
}

#[tokio::test]
async fn members_without_a_message_are_a_warning_and_go() {
    let redis = sound().await;
    add(&redis, &[("processing", TOKEN), ("delayed", MEMBER), ("delayed", "by hand")], &[]).await;
    let bench = Bench::new(&redis.url());
    let first = bench.report(&[]).await;
    assert_eq!((first.code, first.only()), (0, ("warning", "orphans", "3 entries without a message")));
    assert_eq!(redis.command(&["ZCARD", "queue:email:delayed"]).await.int(), 2, "nothing is changed unasked");

    let fixed = bench.report(&["--fix"]).await;
    assert_eq!((fixed.code, fixed.queue("orphans", "email").1), (0, "mended: 3 entries removed"));
    assert_eq!(redis.command(&["EXISTS", "queue:email:processing", "queue:email:delayed"]).await.int(), 0);
    assert_eq!(redis.command(&["HGET", "queue:email:counters", "orphans"]).await.text(), "3");
    assert_eq!(bench.report(&["--fix"]).await.queue("orphans", "email").1, "none");
}

#[tokio::test]
async fn messages_without_a_member_are_a_fault_and_come_back() {
    let redis = sound().await;
    // As many of one kind as of the other: the counts agree.
    add(
        &redis,
        &[("processing", "QQQQQQQQQQQ.1:p:0:QQQQQQQQQQQ.1"), ("delayed", "QQQQQQQQQQQ.2:p:0")],
        &[TOKEN, MEMBER],
    )
    .await;
    let bench = Bench::new(&redis.url()).env("PROCESSING_TIMEOUT_MS", "60000");
    let first = bench.report(&[]).await;
    let found = "2 entries without a message, 2 messages that nobody knows to send";
    assert_eq!((first.code, first.only()), (1, ("fault", "orphans", found)));

    let fixed = bench.report(&["--fix"]).await;
    let found = "mended: 2 entries removed, 2 messages brought back";
    assert_eq!((fixed.code, fixed.queue("orphans", "email").1), (0, found));
    let now = redis.command(&["TIME"]).await.array()[0].text().parse::<f64>().unwrap() * 1000.0;
    let score = async |zset: &str, member: &str| {
        redis
            .command(&["ZSCORE", &format!("queue:email:{zset}"), member])
            .await
            .text()
            .parse::<f64>()
            .unwrap()
    };
    let lease = score("processing", TOKEN).await - now;
    assert!((50_000.0..=62_000.0).contains(&lease), "a lease for its owner to renew it: {lease}");
    assert!(score("delayed", MEMBER).await <= now + 2_000.0, "due at once");
    assert_eq!(redis.command(&["HLEN", "queue:email:messages"]).await.int(), 2);
    assert_eq!(bench.report(&[]).await.queue("orphans", "email").1, "none");
}
