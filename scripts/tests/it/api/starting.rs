//! How it starts and stops.

use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::service_manager::ServiceManager;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::http::answer;
use super::server::Server;
use crate::run::{command, finish};

#[tokio::test]
async fn an_open_address_needs_a_token() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    for addr in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8000"] {
        let mut refused = command(&redis.url(), home.path(), &["serve"]);
        refused.env("API_ADDR", addr);
        let refused = finish(refused, b"").await.with_code(78);
        assert!(
            refused.stderr.contains("API_ADDR: is open to other hosts, and there is no API_TOKEN"),
            "{refused:?}"
        );
    }
    let mut refused =
        command(&redis.url(), home.path(), &["serve", "--api-addr", "here", "--max-message-bytes", "1"]);
    refused.env("API_TOKEN_FILE", "/does/not/exist");
    let refused = finish(refused, b"").await.with_code(78);
    for name in ["3 settings", "--api-addr", "--max-message-bytes", "API_TOKEN_FILE"] {
        assert!(refused.stderr.contains(name), "{refused:?}");
    }
    let server = Server::start(&redis, &[("API_ADDR", "0.0.0.0:0"), ("API_TOKEN", "x")]).await;
    let addr = std::net::SocketAddr::from(([127, 0, 0, 1], server.addr.port()));
    let bearer = [("authorization", "Bearer x")];
    super::http::request(addr, "GET /api/queue/stats", &bearer, "").await.with_status(200);
}

#[tokio::test]
async fn a_token_may_lie_in_a_file() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("token");
    std::fs::write(&file, "out-of-a-file\n").unwrap();
    let server = Server::start(&redis, &[("API_TOKEN_FILE", file.to_str().unwrap())]).await;
    server.get("/api/queue/stats").await.with_status(401);
    let bearer = [("authorization", "Bearer out-of-a-file")];
    server.get_with("/api/queue/stats", &bearer).await.with_status(200);
}

#[tokio::test]
async fn an_address_in_use_is_said() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let home = tempfile::tempdir().unwrap();
    let addr = server.addr.to_string();
    let ran =
        finish(command(&redis.url(), home.path(), &["serve", "--api-addr", &addr]), b"").await.with_code(2);
    assert!(ran.stderr.contains(&format!("error: cannot listen on {addr}")), "{ran:?}");
}

#[tokio::test]
async fn other_verbs_do_not_mind_its_settings() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let mut pause = command(&redis.url(), home.path(), &["pause", "--queue", "email"]);
    pause.env("API_ADDR", "nonsense");
    finish(pause, b"").await.with_code(0);
}

#[tokio::test]
async fn sigterm_lets_a_request_end() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let body = r#"{"id":"1","to":"a@example.com","body":"x"}"#;
    let mut under_way = TcpStream::connect(server.addr).await.unwrap();
    let head = format!(
        "POST /api/admin/jobs/email HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    under_way.write_all(head.as_bytes()).await.unwrap();
    // Whoever is told to go on is being served.
    let mut go_on = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut under_way, &mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    let idle = TcpStream::connect(server.addr).await.unwrap();
    server.process.sigterm();
    let refused = async || TcpStream::connect(server.addr).await.is_err();
    redispatch_testkit::eventually("nobody new is served", LIMIT, refused, |refused| *refused).await;
    under_way.write_all(body.as_bytes()).await.unwrap();
    answer(&mut under_way).await.with_status(201);
    assert_eq!(server.process.wait_exit(LIMIT).await.code(), Some(0));
    server.process.wait_for_event("api_stopped").await;
    drop(idle);
}

/// While Redis is away it answers that, so it is ready and alive.
#[tokio::test]
async fn systemd_is_told_how_it_is() {
    let manager = ServiceManager::at_path();
    let service = [("NOTIFY_SOCKET", manager.name.as_str()), ("WATCHDOG_USEC", "400000")];
    let server = Server::at("redis://127.0.0.1:1/0", &service).await;
    let told = manager.wait_for("WATCHDOG=1", 3).await;
    let status = format!("STATUS=listening on http://{}", server.addr);
    assert_eq!(told[..2], ["READY=1", status.as_str()]);
    // A request that is under way holds it.
    let mut held = TcpStream::connect(server.addr).await.unwrap();
    held.write_all(b"GET /api/queue/stats HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    server.get("/api/openapi.json").await.with_status(200);
    server.process.sigterm();
    manager.wait_for("STOPPING=1", 1).await;
    manager.wait_for("EXTEND_TIMEOUT_USEC=20000000", 1).await;
    drop(held);
    assert_eq!(server.process.wait_exit(LIMIT).await.code(), Some(0));
    assert_eq!(manager.count("READY=1"), 1);
}
