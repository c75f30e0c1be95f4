//! Logging in, and what a session may do.

use redispatch_testkit::redis::RedisServer;
use serde_json::json;

use super::http::{Answer, request};
use super::server::Server;

const TOKEN: &str = "a-secret-token";
const MAIL: &str = r#"{"to":"a@example.com","body":"x"}"#;
const SESSION: &str = "/api/v1/session";

async fn server(redis: &RedisServer) -> Server {
    Server::start(redis, &[("API_TOKEN", TOKEN)]).await
}

async fn log_in(server: &Server, token: &str) -> Answer {
    server.post(SESSION, json!({ "token": token }).to_string()).await
}

/// `name=value` of a cookie that was set, and the session's csrf.
fn kept(answer: &Answer) -> (String, String) {
    let cookie = answer.headers["set-cookie"].split(';').next().unwrap().to_owned();
    (cookie, answer.json()["csrf"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_session_reads_and_changes_as_the_token_does() {
    let redis = RedisServer::start().await;
    let server = server(&redis).await;
    let before = server.get(SESSION).await.with_status(200).json();
    assert_eq!((&before["login"], &before["signed_in"]), (&json!("needed"), &json!(false)));
    assert_eq!((&before["csrf"], &before["read_only"]), (&json!(null), &json!(false)));

    let answer = log_in(&server, TOKEN).await.with_status(200);
    let header = &answer.headers["set-cookie"];
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict"] {
        assert!(header.contains(part), "{header}");
    }
    assert!(!header.contains("Secure") && !header.contains(TOKEN), "{header}");
    let (cookie, csrf) = kept(&answer);
    let session = [("cookie", cookie.as_str())];
    let changing = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];

    assert_eq!(server.get_with(SESSION, &session).await.json()["csrf"], csrf);
    server.get_with("/api/queue/stats", &session).await.with_status(200);
    server.post_with("/api/admin/jobs/email", &changing, MAIL).await.with_status(201);
    let after = request(server.addr, "DELETE /api/v1/session", &session, "").await.with_status(200);
    assert!(after.headers["set-cookie"].contains("Max-Age=0"), "{after:?}");
    assert_eq!(after.json()["signed_in"], false);
    assert!(!server.log().contains(TOKEN));
}

#[tokio::test]
async fn another_server_of_the_same_token_knows_the_session_and_one_of_another_does_not() {
    let redis = RedisServer::start().await;
    let (cookie, _) = kept(&log_in(&server(&redis).await, TOKEN).await);
    let session = [("cookie", cookie.as_str())];
    server(&redis).await.get_with("/api/queue/stats", &session).await.with_status(200);
    let other = Server::start(&redis, &[("API_TOKEN", "another")]).await;
    assert_eq!(other.get_with("/api/queue/stats", &session).await.with_status(401).error(), "unauthorized");
    assert_eq!(other.get_with(SESSION, &session).await.json()["signed_in"], false);
}

#[tokio::test]
async fn no_change_without_what_only_the_page_can_read() {
    let redis = RedisServer::start().await;
    let server = server(&redis).await;
    let (cookie, csrf) = kept(&log_in(&server, TOKEN).await);
    let (_, of_another) = kept(&log_in(&server, TOKEN).await);
    for brought in ["", "x", &csrf[1..], of_another.as_str()] {
        let headers = [("cookie", cookie.as_str()), ("x-csrf-token", brought)];
        let refused = server.post_with("/api/admin/jobs/email", &headers, MAIL).await.with_status(403);
        assert_eq!(refused.error(), "csrf", "{brought}");
        let refused = request(server.addr, "DELETE /api/v1/messages/email/1", &headers, "").await;
        assert_eq!(refused.with_status(403).error(), "csrf", "{brought}");
    }
    for site in ["cross-site", "same-site"] {
        let headers =
            [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str()), ("sec-fetch-site", site)];
        let refused = server.post_with("/api/admin/jobs/email", &headers, MAIL).await.with_status(403);
        assert_eq!(refused.error(), "cross_site");
        let open = Server::start(&redis, &[]).await;
        let refused = open.post_with("/api/admin/jobs/email", &[("sec-fetch-site", site)], MAIL).await;
        assert_eq!(refused.with_status(403).error(), "cross_site", "without a token neither");
    }
    let waiting = server.get_with("/api/queue/stats", &[("cookie", &cookie)]).await.json();
    assert_eq!(waiting["waiting"], 0, "nothing was enqueued");
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_the_sixth_try_has_to_wait() {
    let redis = RedisServer::start().await;
    let server = server(&redis).await;
    for wrong in ["", "wrong", "a-secret-toke", "a-secret-token ", "A-SECRET-TOKEN"] {
        let refused = log_in(&server, wrong).await.with_status(401);
        assert_eq!(refused.error(), "wrong_token", "{wrong}");
        assert!(!refused.headers.contains_key("set-cookie"), "{refused:?}");
    }
    let refused = log_in(&server, TOKEN).await.with_status(429);
    assert_eq!(refused.error(), "too_many_logins");
    let wait: u64 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    let bearer = format!("Bearer {TOKEN}");
    server.get_with("/api/queue/stats", &[("authorization", &bearer)]).await.with_status(200);
    for outcome in ["wrong_token", "too_many"] {
        assert!(server.log().contains(outcome), "{}", server.log());
    }
}

#[tokio::test]
async fn a_login_that_cannot_be_read() {
    let redis = RedisServer::start().await;
    let server = server(&redis).await;
    for (body, status) in [("", 400), ("{", 400), ("{}", 400), (r#"{"token":5}"#, 400), ("[]", 422)] {
        server.post(SESSION, body).await.with_status(status);
    }
    let plain = [("content-type", "text/plain")];
    let refused = request(server.addr, "POST /api/v1/session", &plain, r#"{"token":"x"}"#).await;
    refused.with_status(415);
    log_in(&server, &"x".repeat(9000)).await.with_status(413);
}

#[tokio::test]
async fn behind_tls_the_cookie_is_for_tls_only() {
    let redis = RedisServer::start().await;
    let server = server(&redis).await;
    let proxied = [("x-forwarded-proto", "https"), ("host", "queue.example")];
    let answer = server.post_with(SESSION, &proxied, json!({ "token": TOKEN }).to_string()).await;
    assert!(answer.with_status(200).headers["set-cookie"].ends_with("; Secure"));
}

#[tokio::test]
async fn a_read_only_server_changes_nothing_for_anybody() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("API_TOKEN", TOKEN), ("API_READ_ONLY", "yes")]).await;
    let answer = log_in(&server, TOKEN).await.with_status(200);
    assert_eq!(answer.json()["read_only"], true);
    let (cookie, csrf) = kept(&answer);
    let bearer = format!("Bearer {TOKEN}");
    for headers in
        [vec![("cookie", cookie.as_str()), ("x-csrf-token", &csrf)], vec![("authorization", bearer.as_str())]]
    {
        for line in ["POST /api/admin/jobs/email", "DELETE /api/v1/messages/email/1", "PUT /nowhere"] {
            let headers = [&[("content-type", "application/json")], &headers[..]].concat();
            let refused = request(server.addr, line, &headers, MAIL).await.with_status(403);
            assert_eq!(refused.error(), "read_only", "{line}");
        }
        server.get_with("/api/queue/stats", &headers).await.with_status(200);
    }
}

#[tokio::test]
async fn who_asked_for_what_is_logged() {
    let redis = RedisServer::start().await;
    let server = server(&redis).await;
    let (cookie, csrf) = kept(&log_in(&server, TOKEN).await);
    let headers = [("cookie", cookie.as_str()), ("x-csrf-token", csrf.as_str())];
    server.post_with("/api/admin/jobs/email", &headers, MAIL).await.with_status(201);
    let line = server.process.wait_for_event("api_changed").await.json;
    assert_eq!((&line["method"], &line["path"]), (&json!("POST"), &json!("/api/admin/jobs/email")));
    assert_eq!(
        (&line["status"], &line["by"], &line["peer"]),
        (&json!(201), &json!("session"), &json!("127.0.0.1"))
    );
    server.get_with("/api/v1/messages/email/1?reveal=true", &headers).await;
    let line = server.process.wait_for_event("api_revealed").await.json;
    assert_eq!(line["path"], "/api/v1/messages/email/1");
    server.get_with("/api/v1/messages/email/jo.doe%40example.com?reveal=true", &headers).await;
    let line = server.process.wait_for_events("api_revealed", 2).await.remove(1).json;
    assert_eq!(line["path"], "/api/v1/messages/email/jo…@e….com");
    // However it is written.
    server.get_with("/api/v1/messages/email/2/content?re%76eal=%74rue", &headers).await;
    let line = server.process.wait_for_events("api_revealed", 3).await.remove(2).json;
    assert_eq!(line["path"], "/api/v1/messages/email/2/content");
}
