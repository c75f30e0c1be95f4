//! The dashboard's page, as it is served.

use redispatch_testkit::redis::RedisServer;

use super::http::request;
use super::server::Server;

#[tokio::test]
async fn the_page_comes_without_a_token_and_says_what_it_may_load() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("API_TOKEN", "x")]).await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/assets/app.js", "text/javascript; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
    ] {
        let answer = server.get(path).await.with_status(200);
        assert_eq!(answer.headers["content-type"], kind);
        let policy = &answer.headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; "), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(
            (answer.headers["x-content-type-options"].as_str(), answer.headers["cache-control"].as_str()),
            ("nosniff", "no-cache")
        );
    }
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let tag = server.get("/assets/app.js").await.headers["etag"].clone();
    let known = server.get_with("/assets/app.js", &[("if-none-match", &tag)]).await.with_status(304);
    assert_eq!(known.body, "");
    server.get_with("/assets/style.css", &[("if-none-match", &tag)]).await.with_status(200);
}

#[tokio::test]
async fn nothing_else_is_served() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for path in [
        "/assets/",
        "/assets/nothing.js",
        "/assets/../../Cargo.toml",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/package.json",
        "/assets/../package.json",
        "/index.html",
    ] {
        server.get(path).await.with_status(404);
    }
    assert_eq!(request(server.addr, "POST /", &[("content-type", "application/json")], "").await.status, 405);
    let foreign = server.get_with("/", &[("host", "evil.example")]).await;
    assert_eq!(foreign.with_status(403).error(), "host_not_local", "without a token only this host");
}
