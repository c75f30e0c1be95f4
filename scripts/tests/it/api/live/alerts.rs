//! What is wrong, and that it is over.

use std::time::{Duration, Instant};

use redispatch_testkit::redis::RedisServer;
use serde_json::{Value, json};

use super::super::server::Server;
use super::stream::Stream;
use crate::queue::PENDING;

const CONTROL: &str = "queue:email:control";

fn kinds(overview: &Value) -> Vec<String> {
    let alerts = overview["alerts"].as_array().unwrap();
    alerts.iter().map(|alert| alert["kind"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_gate_says_why_and_until_when_the_worst_first() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("QUEUES", "email")]).await;
    let mut stream = Stream::open(server.addr).await;
    assert_eq!(kinds(&stream.overview().await), [""; 0]);
    redis.command(&["LPUSH", PENDING, "{}", "{}"]).await;
    let far = "9999999999999";
    let gates = [
        "paused_until",
        "-1",
        "paused_note",
        "new key, says bob@example.com",
        "throttled_until",
        far,
        "intake_paused",
        "5000",
        "intake_note",
        "moving",
        "breaker",
        "open",
        "breaker_since",
        "7000",
        "breaker_until",
        far,
        "breaker_why",
        "535 no login for bob@example.com",
    ];
    redis.command(&[&["HSET", CONTROL][..], &gates].concat()).await;
    let overview = stream.until(|overview| kinds(overview).len() == 5).await;
    assert_eq!(kinds(&overview), ["breaker", "no_worker", "paused", "intake_paused", "throttled"]);
    let alerts = &overview["alerts"];
    assert_eq!((&alerts[0]["level"], &alerts[2]["level"]), (&json!("bad"), &json!("warn")));
    assert_eq!((&alerts[0]["since"], &alerts[0]["waiting"]), (&json!(7000), &json!(2)));
    assert!(alerts[0]["text"].as_str().unwrap().starts_with("535 no login for "), "{alerts:#}");
    assert!(!overview.to_string().contains("bob@"), "recipients are masked: {overview:#}");
    let queue = &overview["queues"][0];
    assert_eq!(queue["paused"]["until"], json!(null));
    assert_eq!(queue["throttled"]["until"], 9_999_999_999_999_i64);
    assert_eq!(queue["intake_paused"], json!({ "since": 5000, "note": "moving" }));
    assert_eq!(queue["breaker"]["until"], 9_999_999_999_999_i64);

    redis
        .command(&["HSET", CONTROL, "paused_until", "1", "throttled_until", "1", "breaker", "failing"])
        .await;
    redis.command(&["HDEL", CONTROL, "intake_paused"]).await;
    redis.command(&["DEL", PENDING]).await;
    let over = stream.until(|overview| kinds(overview).is_empty()).await;
    for gate in ["paused", "throttled", "intake_paused", "breaker"] {
        assert_eq!(over["queues"][0][gate], json!(null), "{gate}");
    }
}

#[tokio::test]
async fn a_worker_that_is_gone() {
    let redis = RedisServer::start().await;
    let beat = r#"{"start":"ab","queue":"email","lease_ms":2000,"at":1000,"in_hand":3}"#;
    redis.command(&["HSET", "queue:email:workers", "w-ab", beat]).await;
    let server = Server::start(&redis, &[("QUEUES", "email")]).await;
    let overview = Stream::open(server.addr).await.overview().await;
    let alert = &overview["alerts"][0];
    assert_eq!((&alert["kind"], &alert["text"]), (&json!("late_worker"), &json!("w-ab")));
    assert_eq!((&alert["since"], &overview["workers"][0]["late"]), (&json!(1000), &json!(true)));
}

#[tokio::test]
async fn redis_away_and_back() {
    let mut redis = RedisServer::start().await;
    redis.command(&["LPUSH", PENDING, "{}"]).await;
    let server = Server::start(&redis, &[("QUEUES", "email")]).await;
    let mut stream = Stream::open(server.addr).await;
    stream.until(|overview| overview["queues"][0]["waiting"] == 1).await;
    redis.kill();
    let away = stream.until(|overview| overview["redis"]["up"] == false).await;
    assert_eq!(away["queues"][0]["waiting"], 1, "the last that was known");
    assert_eq!(
        (&away["alerts"][0]["kind"], &away["alerts"][0]["level"]),
        (&json!("redis_away"), &json!("bad"))
    );
    assert!(away["redis"]["since"].is_number() && away["redis"]["error"].is_string(), "{away:#}");
    redis.restart().await;
    redis.command(&["LPUSH", PENDING, "{}", "{}"]).await;
    let back = stream.until(|overview| overview["redis"]["up"] == true).await;
    assert_eq!((&back["redis"]["since"], &back["redis"]["error"]), (&json!(null), &json!(null)));
    stream.until(|overview| overview["queues"][0]["waiting"].as_u64() >= Some(2)).await;
}

#[tokio::test]
async fn a_redis_that_does_not_answer_is_told_once_in_words_that_stay() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let mut stream = Stream::open(server.addr).await;
    stream.until(|overview| overview["redis"]["up"] == true).await;
    redis.freeze();
    let away = stream.until(|overview| overview["redis"]["up"] == false).await;
    let told = Instant::now();
    let again = stream.overview().await;
    assert!(told.elapsed() > Duration::from_secs(3), "nothing has changed after {:?}", told.elapsed());
    assert_eq!(away["alerts"], again["alerts"]);
    let asked = Instant::now();
    assert_eq!(server.get("/api/v1/overview").await.with_status(200).json()["redis"]["up"], false);
    assert!(asked.elapsed() < Duration::from_secs(4), "{:?}", asked.elapsed());
    redis.thaw();
    stream.until(|overview| overview["redis"]["up"] == true).await;
}

#[tokio::test]
async fn a_queue_whose_key_is_of_another_type_spoils_no_other() {
    let redis = RedisServer::start().await;
    redis.command(&["SET", "queue:sms:pending", "x"]).await;
    redis.command(&["LPUSH", PENDING, "{}"]).await;
    let server = Server::start(&redis, &[("QUEUES", "email,sms")]).await;
    let overview = server.get("/api/v1/overview").await.json();
    assert_eq!(overview["queues"][0]["waiting"], 1);
    assert!(overview["queues"][1]["broken"].as_str().unwrap().contains("WRONGTYPE"), "{overview:#}");
    assert_eq!(kinds(&overview), ["no_worker", "broken_queue"]);
}
