//! `reschedule`: earlier is sent earlier, later is sent later, and bad times are refused.

use std::time::Duration;

use redispatch::{Delivery, Failure, Outcome};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply};
use serde_json::Value;

use crate::cancel::{becomes, enqueue, mail, scheduled, sent};
use crate::run::{Ran, queuectl};
use crate::serving::{self, Serving};

async fn reschedule(redis: &RedisServer, id: &str, at: &str) -> Ran {
    queuectl(redis, &["reschedule", "--queue", "email", id, "--at", at]).await
}

/// When the only delayed message is due, ms since 1970.
async fn due(redis: &RedisServer) -> i64 {
    let delayed = redis.command(&["ZRANGE", "queue:email:delayed", "0", "-1", "WITHSCORES"]).await;
    let delayed = delayed.array();
    assert_eq!(delayed.len(), 2, "one message: {delayed:?}");
    delayed[1].text().parse::<f64>().unwrap() as i64
}

/// The only delayed message.
async fn message(redis: &RedisServer) -> Value {
    let bytes = redis.command(&["HVALS", "queue:email:messages"]).await;
    serde_json::from_slice(bytes.array()[0].bytes()).unwrap()
}

/// The counter of retries in an answer to `HGETALL`.
fn retried(counters: &Reply) -> Option<i64> {
    let pair = counters.array().chunks(2).find(|pair| pair[0].text() == "retried")?;
    pair[1].text().parse().ok()
}

#[tokio::test]
async fn to_earlier_is_sent_earlier_and_to_now_at_once() {
    let redis = RedisServer::start().await;
    enqueue(&redis, &scheduled("order-1")).await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::sent).await;
    becomes(&redis, "order-1", "delayed").await;
    let now = redispatch::clock::unix_ms() as i64;
    let ran = reschedule(&redis, "order-1", "+2h").await.with_code(0);
    assert!(ran.stdout.starts_with("order-1: goes out at 20"), "{ran:?}");
    let ahead = due(&redis).await - now;
    assert!((7_199_000..7_230_000).contains(&ahead), "{ahead}");
    let at = message(&redis).await["send_at"].clone();
    let at = at.as_i64().or_else(|| Some(at.as_str()?.parse::<jiff::Timestamp>().ok()?.as_millisecond()));
    assert_eq!(at, Some(due(&redis).await), "send_at says the same");
    assert_eq!(sent(&redis).await, 0);
    reschedule(&redis, "order-1", "now").await.with_code(0);
    becomes(&redis, "order-1", "sent").await;
    assert_eq!(sent(&redis).await, 1);
    worker.stop().await;
}

#[tokio::test]
async fn what_waits_or_is_a_retry_can_be_put_off() {
    async fn fail(_: Delivery) -> Outcome {
        Outcome::Retry(Failure::new("450 busy"))
    }
    let redis = RedisServer::start().await;
    enqueue(&redis, &mail("order-1")).await;
    let json = queuectl(
        &redis,
        &["reschedule", "-q", "email", "order-1", "--at", "2999-01-01T01:00:00+01:00", "--json"],
    )
    .await
    .with_code(0)
    .json();
    assert_eq!((&json["rescheduled"], json["send_at"].as_i64()), (&true.into(), Some(32_472_144_000_000)));
    let worker = Serving::start(&redis, "email", Duration::from_secs(3600), fail).await;
    becomes(&redis, "order-1", "delayed").await;
    assert_eq!(due(&redis).await, 32_472_144_000_000);
    // tried at once, it fails, and waits for its retry: that can be moved, too
    reschedule(&redis, "order-1", "now").await.with_code(0);
    redis.wait_until(&["HGETALL", "queue:email:counters"], |all| retried(all) == Some(1), LIMIT).await;
    becomes(&redis, "order-1", "delayed").await;
    reschedule(&redis, "order-1", "4102444800000").await.with_code(0);
    assert_eq!(due(&redis).await, 4_102_444_800_000);
    assert_eq!(message(&redis).await["retries"], 1, "its history stays");
    worker.stop().await;
}

#[tokio::test]
async fn what_is_in_hand_cancelled_or_unknown_is_refused() {
    let redis = RedisServer::start().await;
    enqueue(&redis, &mail("held")).await;
    let _worker = Serving::start(&redis, "email", Duration::ZERO, serving::never).await;
    becomes(&redis, "held", "sending").await;
    enqueue(&redis, &scheduled("off")).await;
    queuectl(&redis, &["cancel", "-q", "email", "off"]).await.with_code(0);
    for (id, said) in
        [("held", "is in a worker's hands"), ("off", "was cancelled"), ("nobody", "is not known")]
    {
        let ran = reschedule(&redis, id, "+1h").await.with_code(1);
        assert!(ran.stdout.starts_with(&format!("{id}: not rescheduled: it {said}")), "{ran:?}");
        assert!(ran.stderr.starts_with("hint: "), "{ran:?}");
    }
}

#[tokio::test]
async fn a_time_that_is_none_or_after_its_end_changes_nothing() {
    let redis = RedisServer::start().await;
    let expires = r#"{"to":"jo@example.com","body":"x","id":"order-1","send_at":"2999-01-01T00:00:00Z","expires_at":"2999-02-01T00:00:00Z"}"#;
    enqueue(&redis, expires).await;
    for (at, why) in [
        ("tomorrow", "write 2026-01-31T12:00:00Z"),
        ("2026-01-31T12:00:00", "an offset is needed"),
        ("1769857200", "these are seconds"),
        ("+", "write +90s"),
        ("-1", "--help"),
        ("2999-03-01T00:00:00Z", "expires"),
    ] {
        let ran = reschedule(&redis, "order-1", at).await.with_code(2);
        assert!(ran.stderr.contains(why), "{at}: {ran:?}");
    }
    queuectl(&redis, &["reschedule", "-q", "email", "order-1"]).await.with_code(2);
    reschedule(&redis, "order-1", "2999-01-15T00:00:00Z").await.with_code(0);
}
