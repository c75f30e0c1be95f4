//! What an overview says.

use std::time::Duration;

use redispatch::{Failure, Outcome};
use redispatch_testkit::redis::RedisServer;
use serde_json::{Value, json};

use super::super::server::Server;
use super::stream::Stream;
use crate::queue::{PENDING, fill};
use crate::run::queuectl;
use crate::serving::{Serving, never, sent};

fn email(overview: &Value) -> &Value {
    let queues = overview["queues"].as_array().unwrap();
    queues.iter().find(|queue| queue["queue"] == "email").unwrap_or(&Value::Null)
}

#[tokio::test]
async fn a_queue_with_all_its_numbers() {
    let redis = RedisServer::start().await;
    fill(&redis, 3).await;
    redis.command(&["LPUSH", "queue:email:pending:high", r#"{"to":"a@example.com"}"#]).await;
    redis.command(&["LPUSH", PENDING, r#"{"created_at":1700000000000}"#, "{}"]).await;
    let add = [
        "schedule",
        "add",
        "nightly",
        "--queue",
        "email",
        "--pattern",
        "0 1 * * *",
        r#"{"to":"a@example.com","body":"x"}"#,
    ];
    queuectl(&redis, &add).await.with_code(0);
    let server = Server::start(&redis, &[("QUEUES", "email")]).await;
    let overview = server.get("/api/v1/overview").await.with_status(200).json();
    let queue = email(&overview);
    assert_eq!(queue["lanes"], json!({ "high": 1, "pending": 2, "low": 0, "claimed": 0 }));
    for (field, count) in
        [("waiting", 3), ("processing", 0), ("delayed", 0), ("dead_letter", 3), ("workers", 0)]
    {
        assert_eq!(queue[field], count, "{field}: {queue:#}");
    }
    assert!(queue["oldest_ms"].as_u64().is_some(), "{queue:#}");
    let schedule = &queue["schedules"][0];
    assert_eq!((&schedule["name"], &schedule["pattern"]), (&json!("nightly"), &json!("0 1 * * *")));
    assert!(
        schedule["next"].as_i64() > overview["at"].as_i64() && schedule["error"].is_null(),
        "{schedule:#}"
    );
    assert_eq!((&overview["redis"]["up"], &overview["redis"]["error"]), (&json!(true), &json!(null)));
    assert!(overview["redis"]["memory_used"].as_u64().is_some_and(|bytes| bytes > 0));
}

#[tokio::test]
async fn what_comes_and_goes_and_fails() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("QUEUES", "email")]).await;
    let mut stream = Stream::open(server.addr).await;
    stream.until(|overview| email(overview)["in_per_second"] == 0.0).await;
    let worker =
        Serving::start(&redis, "email", Duration::from_secs(3600), async |delivery| {
            match delivery.payload::<Value>().unwrap()["n"].as_u64() {
                Some(..5) => Outcome::Reject(Failure::new("no")),
                _ => sent(delivery).await,
            }
        });
    let worker = worker.await;
    let mut client = redis.connect().await;
    for n in 0..20 {
        let message = json!({ "n": n }).to_string();
        client.command(&["LPUSH", PENDING, &message]).await.unwrap();
    }
    let overview = stream.until(|overview| email(overview)["sent"] == 15).await;
    let queue = email(&overview);
    assert!(queue["in_per_second"].as_f64() > Some(0.0), "{queue:#}");
    assert!(queue["out_per_second"].as_f64() > Some(0.0), "{queue:#}");
    let overview = stream.until(|overview| email(overview)["failure_rate"] == 0.25).await;
    assert_eq!(email(&overview)["dead_letter"], 5);
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_and_what_it_holds_since_when() {
    let redis = RedisServer::start().await;
    let _worker = Serving::start(&redis, "email", Duration::from_secs(1), never).await;
    let server = Server::start(&redis, &[]).await;
    let mut stream = Stream::open(server.addr).await;
    for message in [r#"{"id":"order-1"}"#, "{}"] {
        redis.command(&["LPUSH", PENDING, message]).await;
    }
    let overview = stream.until(|overview| email(overview)["processing"] == 2).await;
    let worker = &overview["workers"][0];
    assert_eq!((&worker["queue"], &worker["late"]), (&json!("email"), &json!(false)), "{worker:#}");
    let start = worker["start"].as_str().unwrap();
    assert!(worker["id"].as_str().unwrap().ends_with(start), "{worker:#}");

    let held = server.get(&format!("/api/v1/queues/email/held?worker={start}")).await.with_status(200).json();
    let held = held["messages"].as_array().unwrap();
    assert_eq!(held.len(), 2, "{held:#?}");
    let known = held.iter().find(|message| message["id"] == "order-1").unwrap();
    let now = redispatch::clock::unix_ms();
    assert!(known["since"].as_u64().is_some_and(|since| since <= now && since + 60_000 > now), "{known:#}");
    assert_eq!(known["worker"], start);
    let nameless = held.iter().find(|message| message["id"] != "order-1").unwrap();
    assert_eq!(nameless["id"], nameless["reference"]);
    assert_eq!(nameless["since"], json!(null));
    let others = server.get("/api/v1/queues/email/held?worker=0123456789abcdef").await.with_status(200);
    assert_eq!(others.json()["messages"], json!([]));
    server.get("/api/v1/queues/nowhere/held").await.with_status(404);
}

#[tokio::test]
async fn what_a_worker_holds_is_found_behind_what_others_hold() {
    let redis = RedisServer::start().await;
    let (other, own) = ("aaaaaaaaaaa", "bbbbbbbbbbb");
    let mut client = redis.connect().await;
    for (n, worker) in (0..150).map(|n| (n, other)).chain([(150, own)]) {
        let (member, ends) = (format!("{worker}.{n}:p:0:{worker}.{n}"), (1_000 + n).to_string());
        client.command(&["ZADD", "queue:email:processing", &ends, &member]).await.unwrap();
        client.command(&["HSET", "queue:email:messages", &member, "{}"]).await.unwrap();
    }
    let server = Server::start(&redis, &[]).await;
    let held = async |of: &str| server.get(&format!("/api/v1/queues/email/held{of}")).await.with_status(200);
    let all = held("").await.json();
    assert_eq!(all["messages"].as_array().unwrap().len(), 100);
    assert_eq!(all["messages"][0]["lease_ends"], 1_000, "those whose lease ends first");
    let of_one = held(&format!("?worker={own}")).await.json();
    assert_eq!(of_one["messages"].as_array().unwrap().len(), 1, "{of_one:#}");
    assert_eq!(of_one["messages"][0]["reference"], format!("{own}.150"));
}

#[tokio::test]
async fn the_hour_begins_with_the_server() {
    let redis = RedisServer::start().await;
    redis.command(&["LPUSH", PENDING, "{}"]).await;
    let server = Server::start(&redis, &[("QUEUES", "email,sms")]).await;
    server.get("/api/v1/overview").await.with_status(200);
    for path in ["/api/v1/history?queue=email", "/api/v1/history"] {
        let history = server.get(path).await.with_status(200).json();
        assert_eq!((&history["waiting"], &history["step_ms"]), (&json!([1]), &json!(10_000)), "{path}");
        assert_eq!(history["at"].as_array().unwrap().len(), 1);
    }
    assert_eq!(server.get("/api/v1/history?queue=sms").await.json()["waiting"], json!([0]));
    server.get("/api/v1/history?que=sms").await.with_status(400);
}
