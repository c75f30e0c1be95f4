//! Who is answered.

use redispatch_testkit::redis::RedisServer;

use super::http::request;
use super::server::Server;

const MAIL: &str = r#"{"to":"a@example.com","body":"x"}"#;
const JSON: (&str, &str) = ("content-type", "application/json");
const WRITES: [&str; 2] = ["/api/admin/jobs/email", "/api/v1/messages/email"];
const CHANGES: [&str; 2] = ["PATCH /api/v1/messages/email/1", "DELETE /api/v1/messages/email/1"];
const TIME: &str = r#"{"send_at":"2998-01-01T00:00:00Z"}"#;
const READS: [&str; 4] =
    ["/api/queue/stats", "/api/admin/jobs/email", "/api/v1/messages/email/1", "/api/openapi.json"];

#[tokio::test]
async fn all_but_monitoring_needs_the_token() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("API_TOKEN", "a-secret-token")]).await;
    for path in ["/api/v1/health/redis", "/metrics"] {
        server.get(path).await.with_status(200);
        server.get_with(path, &[("host", "queue.example")]).await.with_status(200);
    }
    for wrong in [
        "",
        "a-secret-token",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer a-secret-toke",
        "Bearer a-secret-token1",
        "Bearer A-SECRET-TOKEN",
        "Basic a-secret-token",
        "Bearer a-secret-token a-secret-token",
    ] {
        let headers = [("authorization", wrong)];
        for path in READS.into_iter().chain(["/nowhere", "/assets"]) {
            let refused = server.get_with(path, &headers).await.with_status(401);
            assert_eq!(
                (refused.error().as_str(), refused.headers["www-authenticate"].as_str()),
                ("unauthorized", "Bearer")
            );
        }
        for path in WRITES {
            assert_eq!(server.post_with(path, &headers, MAIL).await.with_status(401).error(), "unauthorized");
        }
        for line in CHANGES {
            let refused = request(server.addr, line, &[JSON, headers[0]], TIME).await.with_status(401);
            assert_eq!(refused.error(), "unauthorized", "{line}");
        }
    }
    for right in ["Bearer a-secret-token", "bearer   a-secret-token"] {
        let headers = [("authorization", right), ("host", "queue.example")];
        server.get_with("/api/queue/stats", &headers).await.with_status(200);
        server.get_with("/nowhere", &headers).await.with_status(404);
        for line in CHANGES {
            let known = request(server.addr, line, &[&[JSON], &headers[..]].concat(), TIME).await;
            assert_eq!(known.with_status(404).error(), "unknown_message", "{line}");
        }
        for path in WRITES {
            server.post_with(path, &headers, MAIL).await.with_status(201);
        }
    }
    let plain = [("authorization", "Bearer a-secret-token"), ("content-type", "text/plain")];
    let refused = request(server.addr, "POST /api/admin/jobs/email", &plain, MAIL).await.with_status(415);
    assert_eq!(refused.error(), "unsupported_media_type");
    assert!(!server.log().contains("a-secret-token"));
}

#[tokio::test]
async fn without_a_token_only_this_host_is_answered() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for host in ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:9", "[::1]:8000", "LocalHost"] {
        server.get_with("/api/queue/stats", &[("host", host)]).await.with_status(200);
        server.post_with("/api/admin/jobs/email", &[("host", host)], MAIL).await.with_status(201);
    }
    for host in
        ["", "evil.example", "localhost.evil.example:8000", "192.168.1.7:8000", "127.0.0.1.evil.example"]
    {
        for path in READS {
            let refused = server.get_with(path, &[("host", host)]).await;
            assert_eq!(refused.with_status(403).error(), "host_not_local", "{host} {path}");
        }
        for path in WRITES {
            let refused = server.post_with(path, &[("host", host)], MAIL).await;
            assert_eq!(refused.with_status(403).error(), "host_not_local", "{host} {path}");
        }
        for line in CHANGES {
            let refused = request(server.addr, line, &[JSON, ("host", host)], TIME).await;
            assert_eq!(refused.with_status(403).error(), "host_not_local", "{host} {line}");
        }
        server.get_with("/metrics", &[("host", host)]).await.with_status(200);
    }
    let both = [("host", "localhost"), ("Host", "evil.example")];
    server.get_with("/api/queue/stats", &both).await.with_status(403);
    let absolute =
        request(server.addr, "GET http://evil.example/api/queue/stats", &[("host", "localhost")], "").await;
    absolute.with_status(403);
    let waiting = server.get("/api/queue/stats").await.json()["waiting"].as_u64();
    assert_eq!(waiting, Some(6), "what was refused is not enqueued");
}

#[tokio::test]
async fn a_write_says_that_it_is_json() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for kind in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "text/plain; application/json",
    ] {
        for path in WRITES {
            let refused =
                request(server.addr, &format!("POST {path}"), &[("content-type", kind)], MAIL).await;
            assert_eq!(refused.with_status(415).error(), "unsupported_media_type", "{kind}");
        }
        let refused = request(server.addr, CHANGES[0], &[("content-type", kind)], TIME).await;
        assert_eq!(refused.with_status(415).error(), "unsupported_media_type", "{kind}");
    }
    // a DELETE brings nothing
    let deleted = request(server.addr, CHANGES[1], &[], "").await.with_status(404);
    assert_eq!(deleted.error(), "unknown_message");
    for kind in ["application/json", "Application/JSON; charset=utf-8"] {
        let taken = request(server.addr, "POST /api/admin/jobs/email", &[("content-type", kind)], MAIL).await;
        taken.with_status(201);
    }
}

#[tokio::test]
async fn other_methods_are_refused_as_json() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for (line, allowed) in [
        ("PUT /api/v1/messages/email/1", "GET,HEAD,PATCH,DELETE"),
        ("DELETE /api/v1/messages/email", "GET,HEAD,POST"),
        ("PUT /api/admin/jobs/email", "GET,HEAD,POST"),
        ("POST /api/queue/stats", "GET,HEAD"),
        ("POST /metrics", "GET,HEAD"),
        ("OPTIONS /api/v1/messages/email", "GET,HEAD,POST"),
    ] {
        let refused = request(server.addr, line, &[JSON], "{}").await.with_status(405);
        assert_eq!(
            (refused.error().as_str(), refused.headers["allow"].as_str()),
            ("method_not_allowed", allowed),
            "{line}"
        );
    }
    let head = request(server.addr, "HEAD /api/v1/health/redis", &[], "").await.with_status(200);
    assert_eq!(head.body, "");
}
