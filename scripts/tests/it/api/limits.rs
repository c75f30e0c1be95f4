//! Requests that are too large, too slow, or too many.

use std::time::Duration;

use futures::future::join_all;
use redispatch_testkit::redis::RedisServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::http::answer;
use super::server::Server;

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_however_it_is_sent() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let large = vec![b' '; (10 << 20) + 1];
    let refused = server.post("/api/admin/jobs/email", &large).await.with_status(413);
    assert_eq!(refused.error(), "too_large");
    let larger = vec![b' '; (32 << 20) + 1];
    let refused = server.post("/api/v1/messages/email", &larger).await.with_status(413);
    assert_eq!(refused.error(), "too_large");

    // Without a length the limit is found on the way.
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let head = "POST /api/admin/jobs/email HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        connection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [format!("{:x}\r\n", 1 << 20).as_bytes(), &vec![b' '; 1 << 20], b"\r\n"].concat();
    for _ in 0..11 {
        stream.write_all(&chunk).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(answer(&mut stream).await.with_status(413).error(), "too_large");

    let many = format!("[{}]", vec!["{}"; 1001].join(","));
    assert_eq!(server.post("/api/v1/messages/email", many).await.with_status(413).error(), "too_large");
}

#[tokio::test]
async fn the_largest_message_is_taken() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("MAX_MESSAGE_BYTES", "5000000")]).await;
    let frame = r#"{"id":"large","to":"a@example.com","body":""}"#;
    let body = frame.replace("\"\"}", &format!("\"{}\"}}", "x".repeat(5_000_000 - frame.len())));
    assert_eq!(body.len(), 5_000_000);
    server.post("/api/admin/jobs/email", &body).await.with_status(201);
    let pushed = redis.command(&["LINDEX", "queue:email:pending", "0"]).await;
    assert!(crate::queue::unstamped(pushed.text()) == body, "not to the byte");
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let began = Instant::now();
    let mut slow = TcpStream::connect(server.addr).await.unwrap();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nx-").await.unwrap();
    let mut rest = Vec::new();
    // Others are answered meanwhile.
    server.get("/metrics").await.with_status(200);
    let ended = timeout(Duration::from_secs(20), slow.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "still open after {:?}", began.elapsed());
    assert!(began.elapsed() > Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let mut slow = TcpStream::connect(server.addr).await.unwrap();
    let head = "POST /api/admin/jobs/email HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        content-length: 100\r\nconnection: close\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut slow).await.with_status(408).error(), "request_timeout");
    assert_eq!(redis.command(&["EXISTS", "queue:email:pending"]).await.int(), 0);
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_wait_and_are_answered() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    // More than there is room for: on a busy machine the server may give one up before the last is there.
    let idle = join_all((0..400).map(|_| TcpStream::connect(server.addr))).await;
    assert!(idle.iter().all(Result::is_ok));
    let waiting = server.get("/metrics");
    tokio::pin!(waiting);
    assert!(timeout(Duration::from_millis(300), waiting.as_mut()).await.is_err(), "there is no room");
    drop(idle);
    waiting.await.with_status(200);
}

#[tokio::test]
async fn a_thousand_requests_at_once_are_all_answered() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let answers = join_all((0..1000).map(|_| server.get("/api/v1/health/redis"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
}

#[tokio::test]
async fn nonsense_is_no_request() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for nonsense in ["\0\x01\x02\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02", "GET  \r\n\r\n"] {
        let mut stream = TcpStream::connect(server.addr).await.unwrap();
        stream.write_all(nonsense.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut said = Vec::new();
        let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut said)).await.expect("it ends");
        let said = String::from_utf8_lossy(&said);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 400"), "{nonsense:?}: {said}");
    }
    let long = format!("/{}", "x".repeat(100_000));
    assert!([414, 431].contains(&server.get(&long).await.status));
    server.get("/metrics").await.with_status(200);
}
