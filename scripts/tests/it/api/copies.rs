//! Answers that may be a moment old.

use std::time::{Duration, Instant};

use futures::future::join_all;
use redispatch_testkit::redis::RedisServer;
use serde_json::Value;

use super::server::Server;
use crate::queue::PENDING;

const RECENT: [(&str, &str); 1] = [("cache-control", "max-age=10")];
const STATS: &str = "/api/queue/stats?queue=email";

async fn waiting(server: &Server, headers: &[(&str, &str)]) -> u64 {
    server.get_with(STATS, headers).await.with_status(200).json()["waiting"].as_u64().unwrap()
}

async fn served() -> (RedisServer, Server) {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("QUEUES", "email")]).await;
    (redis, server)
}

#[tokio::test]
async fn only_who_asks_for_it_gets_an_older_answer() {
    let (redis, server) = served().await;
    assert_eq!(waiting(&server, &RECENT).await, 0);
    redis.command(&["LPUSH", PENDING, "{}"]).await;
    assert_eq!(waiting(&server, &RECENT).await, 0);
    assert_eq!(waiting(&server, &[]).await, 1);
    for now in ["max-age=0", "no-cache", "max-age=x"] {
        assert_eq!(waiting(&server, &[("cache-control", now)]).await, 1, "{now}");
    }
}

#[tokio::test]
async fn a_change_ends_them() {
    let (_redis, server) = served().await;
    assert_eq!(waiting(&server, &RECENT).await, 0);
    server.post("/api/admin/jobs/email", r#"{"to":"a@example.com","body":"x"}"#).await.with_status(201);
    assert_eq!(waiting(&server, &RECENT).await, 1);
}

#[tokio::test]
async fn what_is_of_one_is_for_nobody_else() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("API_TOKEN", "a-secret-token")]).await;
    let login = server.post("/api/v1/session", r#"{"token":"a-secret-token"}"#).await.with_status(200);
    let cookie = login.headers["set-cookie"].split(';').next().unwrap();
    let session = "/api/v1/session";
    let own = server.get_with(session, &[("cookie", cookie), RECENT[0]]).await.with_status(200);
    assert!(own.json()["csrf"].is_string());
    let other = server.get_with(session, &RECENT).await.with_status(200).json();
    assert_eq!((&other["csrf"], &other["signed_in"]), (&Value::Null, &Value::Bool(false)));

    let bearer = ("authorization", "Bearer a-secret-token");
    server.get_with(STATS, &[bearer, RECENT[0]]).await.with_status(200);
    server.get_with(STATS, &RECENT).await.with_status(401);
    let health = "/api/v1/health/redis";
    server.get_with(health, &RECENT).await.with_status(200).json();
    let text = server.get_with(health, &[("accept", "text/plain"), RECENT[0]]).await.with_status(200);
    assert!(text.headers["content-type"].starts_with("text/plain"), "{text:?}");
}

#[tokio::test]
async fn failures_are_not_kept() {
    let (mut redis, server) = served().await;
    redis.kill();
    server.get_with(STATS, &RECENT).await.with_status(503);
    redis.restart().await;
    assert_eq!(waiting(&server, &RECENT).await, 0);
}

#[tokio::test]
async fn many_who_wait_for_a_redis_that_is_silent_wait_once() {
    let (redis, server) = served().await;
    waiting(&server, &[]).await;
    redis.freeze();
    let asked = Instant::now();
    let refused = join_all((0..20).map(|_| server.get_with(STATS, &RECENT))).await;
    assert!(refused.iter().all(|answer| answer.status == 503), "{refused:?}");
    assert!(asked.elapsed() < Duration::from_secs(10), "one after the other: {:?}", asked.elapsed());
    redis.thaw();
}

#[tokio::test]
async fn a_hundred_who_ask_cost_redis_what_one_does() {
    let (redis, server) = served().await;
    let calls = async || redis.command(&["INFO", "commandstats"]).await.text().to_owned();
    let of = |stats: &str| -> u64 {
        let line = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:"));
        line.map_or(0, |line| line.split(['=', ',']).nth(1).unwrap().parse().unwrap())
    };
    waiting(&server, &[]).await;
    let before = of(&calls().await);
    waiting(&server, &[]).await;
    let one = of(&calls().await) - before;
    let asked = join_all((0..100).map(|_| waiting(&server, &RECENT))).await;
    assert_eq!(asked, vec![0; 100]);
    assert_eq!((one, of(&calls().await) - before), (1, 2));
}
