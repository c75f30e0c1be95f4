//! Queues paused and resumed over HTTP.

use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use serde_json::json;

use super::server::Server;

const PAUSE: &str = "/api/v1/queues/email/pause";
const RESUME: &str = "/api/v1/queues/email/resume";
const CONTROL: &str = "queue:email:control";

#[tokio::test]
async fn a_queue_is_paused_until_its_time_or_until_somebody_resumes() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let paused =
        server.post(PAUSE, r#"{"for_ms":900000,"note":"new password"}"#).await.with_status(200).json();
    let time = redis.command(&["TIME"]).await;
    let now = time.array()[0].text().parse::<i64>().unwrap() * 1_000;
    let until = paused["paused"]["until"].as_i64().unwrap();
    assert!((now + 890_000..now + 902_000).contains(&until), "{paused}");
    assert_eq!(paused, json!({"queue": "email", "paused": {"until": until, "note": "new password"}}));
    let paused = server.post(PAUSE, r#"{"for_ms":null}"#).await.with_status(200).json();
    assert_eq!(paused, json!({"queue": "email", "paused": {"until": null, "note": ""}}), "in its place");
    assert_eq!(redis.command(&["HGET", CONTROL, "paused_until"]).await.text(), "-1");
    for resumed in [true, false] {
        let answer = server.post(RESUME, "{}").await.with_status(200).json();
        assert_eq!(answer, json!({"queue": "email", "resumed": resumed}));
    }
    assert_eq!(redis.command(&["EXISTS", CONTROL]).await.int(), 0);
}

#[tokio::test]
async fn an_intake_is_paused_and_refuses_what_is_enqueued() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let order = r#"{"intake":true,"note":"moving"}"#;
    let paused = server.post(PAUSE, order).await.with_status(200).json();
    assert!(
        paused["intake_paused"]["since"].as_i64().is_some_and(|since| since > 1_700_000_000_000),
        "{paused}"
    );
    assert_eq!((&paused["intake_paused"]["note"], &paused["paused"]), (&json!("moving"), &json!(null)));
    let mail = r#"{"to":"a@example.com","body":"x"}"#;
    let refused = server.post("/api/v1/messages/email", mail).await.with_status(503);
    assert_eq!(refused.error(), "intake_paused");
    assert_eq!(server.post(RESUME, "{}").await.json()["resumed"], false, "the workers were not");
    assert_eq!(server.post(RESUME, r#"{"intake":true}"#).await.with_status(200).json()["resumed"], true);
    server.post("/api/v1/messages/email", mail).await.with_status(201);
}

#[tokio::test]
async fn an_order_in_another_shape_changes_nothing() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let long = format!(r#"{{"note":"{}"}}"#, "é".repeat(501));
    for (body, code) in [
        ("", "bad_json"),
        ("{", "bad_json"),
        ("[]", "bad_request"),
        ("[900000,\"note\",false]", "bad_request"),
        ("null", "bad_request"),
        (r#"{"for":1}"#, "bad_request"),
        (r#"{"for_ms":0}"#, "bad_request"),
        (r#"{"for_ms":-1}"#, "bad_request"),
        (r#"{"for_ms":1.5}"#, "bad_request"),
        (r#"{"for_ms":"900000"}"#, "bad_request"),
        (r#"{"for_ms":18446744073709551615}"#, "bad_request"),
        (r#"{"for_ms":1000,"intake":true}"#, "bad_request"),
        (r#"{"note":5}"#, "bad_request"),
        (&long, "bad_request"),
    ] {
        assert_eq!(server.post(PAUSE, body).await.with_status(400).error(), code, "{body}");
    }
    let large = format!(r#"{{"note":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(server.post(PAUSE, large).await.with_status(413).error(), "too_large");
    assert_eq!(server.post(RESUME, r#"{"for_ms":1}"#).await.with_status(400).error(), "bad_request");
    for path in ["/api/v1/queues/nobody/pause", "/api/v1/queues/nobody/resume"] {
        assert_eq!(server.post(path, "{}").await.with_status(404).error(), "unknown_queue", "{path}");
    }
    assert_eq!(redis.command(&["KEYS", "*"]).await.array(), []);
}

#[tokio::test]
async fn a_lost_answer_is_told_and_the_order_can_be_repeated() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let server = Server::at(&proxy.url(), &[]).await;
    let hash = redis.command(&["SCRIPT", "LOAD", include_str!("../../../../shared/lua/pause.lua")]).await;
    proxy.lose_reply(hash.text(), Then::Close);
    let lost = server.post(PAUSE, "{}").await.with_status(503);
    assert_eq!(lost.error(), "redis_unavailable");
    assert!(lost.body.contains("it may be paused all the same"), "{}", lost.body);
    assert_eq!(redis.command(&["HGET", CONTROL, "paused_until"]).await.text(), "-1", "as it says");
    server.post(PAUSE, "{}").await.with_status(200);
    assert_eq!(server.post(RESUME, "{}").await.json()["resumed"], true);
}
