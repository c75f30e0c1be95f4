//! Streams as connections.

use std::time::{Duration, Instant};

use futures::future::join_all;
use redispatch_testkit::redis::RedisServer;

use super::super::server::Server;
use super::stream::Stream;
use crate::queue::PENDING;

#[tokio::test]
async fn a_stream_says_what_it_is_and_how_it_is_found_again() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let mut stream = Stream::open(server.addr).await;
    let head = stream.head.join("\n").to_lowercase();
    assert!(head.contains(" 200 ok") && head.contains("content-type: text/event-stream"), "{head}");
    assert!(head.contains("cache-control: no-store") && head.contains("x-accel-buffering: no"), "{head}");
    assert_eq!(stream.line().await.unwrap(), "retry: 1000");
}

#[tokio::test]
async fn the_server_stops_while_pages_are_open() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let mut streams = join_all((0..5).map(|_| Stream::open(server.addr))).await;
    for stream in &mut streams {
        stream.overview().await;
    }
    let asked = Instant::now();
    server.process.sigterm();
    for stream in &mut streams {
        while stream.line().await.is_some() {}
    }
    server.process.wait_for_event("api_stopped").await;
    assert!(asked.elapsed() < Duration::from_secs(5), "requests under way have ten: {:?}", asked.elapsed());
}

#[tokio::test]
async fn there_is_always_room_for_who_asks() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let mut streams = join_all((0..128).map(|_| Stream::open(server.addr))).await;
    let refused = server.get("/api/v1/events").await.with_status(503);
    assert_eq!(refused.error(), "too_many_streams");
    assert!(refused.headers["retry-after"].parse::<u64>().is_ok());
    server.get("/api/v1/health/redis").await.with_status(200);
    server.get("/api/v1/overview").await.with_status(200);
    streams.pop();
    let again = async {
        loop {
            let stream = Stream::open(server.addr).await;
            if stream.head[0].contains("200") {
                return stream;
            }
        }
    };
    again.await.overview().await;
}

#[tokio::test]
async fn who_does_not_read_holds_up_nobody() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("QUEUES", "email")]).await;
    let _silent = Stream::open(server.addr).await;
    let mut other = Stream::open(server.addr).await;
    for n in 1..4 {
        redis.command(&["LPUSH", PENDING, "{}"]).await;
        other.until(|overview| overview["queues"][0]["waiting"] == n).await;
    }
}
