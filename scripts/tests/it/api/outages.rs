//! Redis killed, frozen, unreachable, and back.

use std::time::Duration;

use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually, promtool};
use serde_json::json;
use tokio::time::Instant;

use super::http::{Answer, request};
use super::server::Server;

const MAIL: &str = r#"{"id":"1","to":"a@example.com","body":"x"}"#;

/// The answer, which has to be there within 2 s.
async fn in_time(answer: impl Future<Output = Answer>) -> Answer {
    let began = Instant::now();
    let answer = answer.await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}: {answer:?}", began.elapsed());
    answer
}

/// Every endpoint says within 2 s that Redis is away.
async fn all_say_so(server: &Server) {
    let health = in_time(server.get("/api/v1/health/redis")).await.with_status(503);
    let body = health.json();
    assert_eq!((&body["status"], &body["redis"]), (&json!("unhealthy"), &json!("disconnected")));
    assert_eq!(health.error(), "redis_unavailable");
    for path in [
        "/api/queue/stats",
        "/api/queue/stats?queue=email",
        "/api/admin/jobs/email",
        "/api/v1/messages/email/1",
        "/api/v1/messages/email?state=delayed",
    ] {
        assert_eq!(in_time(server.get(path)).await.with_status(503).error(), "redis_unavailable", "{path}");
    }
    for path in ["/api/admin/jobs/email", "/api/v1/messages/email"] {
        assert_eq!(
            in_time(server.post(path, MAIL)).await.with_status(503).error(),
            "redis_unavailable",
            "{path}"
        );
    }
    for line in ["PATCH /api/v1/messages/email/1", "DELETE /api/v1/messages/email/1"] {
        let json = [("content-type", "application/json")];
        let asked = request(server.addr, line, &json, r#"{"send_at":"2998-01-01T00:00:00Z"}"#);
        assert_eq!(in_time(asked).await.with_status(503).error(), "redis_unavailable", "{line}");
    }
    let text = [("accept", "text/plain")];
    for scraped in
        [in_time(server.get("/metrics")).await, in_time(server.get_with("/api/v1/health/redis", &text)).await]
    {
        let page = scraped.with_status(200).body;
        assert!(page.contains("\nredispatch_redis_up 0\n"), "{page}");
        assert!(!page.contains("redispatch_queue_messages"), "{page}");
        assert_eq!(promtool(&["check", "metrics"], &page).await, "");
    }
}

async fn all_is_well_again(server: &Server) {
    let health = async || server.get("/api/v1/health/redis").await.status;
    eventually("healthy again", LIMIT, health, |status| *status == 200).await;
    let scraped = async || server.get("/metrics").await.body;
    eventually("scraped again", LIMIT, scraped, |page| page.contains("\nredispatch_redis_up 1\n")).await;
    server.get("/api/queue/stats").await.with_status(200);
    assert!(server.post("/api/admin/jobs/email", MAIL).await.status < 300);
}

/// The page of metrics may be a second old.
async fn forgotten(server: &Server) {
    let scraped = async || server.get("/metrics").await.body;
    eventually("the metrics notice", LIMIT, scraped, |page| page.contains("\nredispatch_redis_up 0\n")).await;
}

#[tokio::test]
async fn redis_is_killed_and_comes_back() {
    let mut redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.get("/api/v1/health/redis").await.with_status(200);
    redis.kill();
    let first = in_time(server.get("/api/v1/health/redis")).await.with_status(503).json();
    assert_eq!(first["redis"], "disconnected");
    forgotten(&server).await;
    all_say_so(&server).await;
    redis.restart().await;
    all_is_well_again(&server).await;
}

#[tokio::test]
async fn redis_freezes_and_thaws() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.get("/api/v1/health/redis").await.with_status(200);
    redis.freeze();
    let first = in_time(server.get("/api/v1/health/redis")).await.with_status(503).json();
    assert_eq!(first["redis"], "disconnected");
    forgotten(&server).await;
    all_say_so(&server).await;
    let together = (0..50).map(|_| in_time(server.get("/api/v1/health/redis")));
    let together = futures::future::join_all(together).await;
    assert!(together.iter().all(|answer| answer.status == 503));
    redis.thaw();
    all_is_well_again(&server).await;
}

#[tokio::test]
async fn redis_is_not_there_yet() {
    let mut redis = RedisServer::start().await;
    redis.kill();
    let server = Server::start(&redis, &[]).await;
    all_say_so(&server).await;
    redis.restart().await;
    all_is_well_again(&server).await;
}

#[tokio::test]
async fn frozen_connections_do_not_pile_up() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.get("/api/v1/health/redis").await.with_status(200);
    for _ in 0..3 {
        redis.freeze();
        server.get("/api/v1/health/redis").await.with_status(503);
        redis.thaw();
        all_is_well_again(&server).await;
    }
    let ours = async || {
        let clients = redis.command(&["CLIENT", "LIST"]).await.text().to_owned();
        // One of them is the one that asks.
        clients.lines().count() - 1
    };
    eventually("one connection is left", LIMIT, ours, |count| *count == 1).await;
}

#[tokio::test]
async fn a_broken_queue_does_not_hide_the_others() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    redis.command(&["SET", "queue:sms:pending", "no list"]).await;
    redis.command(&["LPUSH", "queue:email:pending", "{}"]).await;
    let health = server.get("/api/v1/health/redis").await.with_status(503);
    assert_eq!(health.error(), "broken_queue");
    let body = health.json();
    assert_eq!((&body["status"], &body["redis"]), (&json!("unhealthy"), &json!("connected")));
    assert_eq!((&body["queues"]["email"]["pending"], &body["queues"]["sms"]), (&json!(1), &json!(null)));
    let page = server.get("/metrics").await.with_status(200).body;
    assert!(page.contains(r#"redispatch_queue_messages{queue="email",state="pending"} 1"#), "{page}");
    let of_sms: Vec<_> = page.lines().filter(|line| line.contains(r#"queue="sms""#)).collect();
    assert_eq!(of_sms, [r#"redispatch_queue_broken{queue="sms"} 1"#]);
    assert!(page.contains(r#"redispatch_queue_broken{queue="email"} 0"#), "{page}");
    assert_eq!(server.get("/api/queue/stats?queue=sms").await.with_status(500).error(), "broken_queue");
    server.get("/api/queue/stats?queue=email").await.with_status(200);
    let told = server.process.wait_for_event("request_failed").await;
    assert!(told.raw.contains("WRONGTYPE"), "{}", told.raw);
}

/// What was asked at that very moment may fail; nobody waits for a time limit.
#[tokio::test]
async fn a_connection_that_redis_closed_is_noticed_at_once() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for _ in 0..3 {
        server.post("/api/v1/messages/email", MAIL).await;
        redis.command(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        let began = Instant::now();
        let answer = async || server.get("/api/v1/health/redis").await.status;
        eventually("it is connected again", LIMIT, answer, |status| *status == 200).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}
