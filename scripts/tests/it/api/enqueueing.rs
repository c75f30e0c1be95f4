//! Messages put in over HTTP.

use futures::future::join_all;
use redispatch_testkit::redis::RedisServer;
use serde_json::{Value, json};

use super::server::Server;
use crate::queue::unstamped;

const MAIL: &str = r#"{"to":"a@example.com","body":"x"}"#;

/// What waits in a list, as its producers gave it.
async fn list(redis: &RedisServer, key: &str) -> Vec<String> {
    let reply = redis.command(&["LRANGE", key, "0", "-1"]).await;
    reply.array().iter().map(|item| unstamped(item.text())).collect()
}

#[tokio::test]
async fn a_job_gets_an_id_and_keeps_its_bytes() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let answer = server.post("/api/admin/jobs/email", MAIL).await.with_status(201).json();
    let id = answer["jobId"].as_str().unwrap();
    assert_eq!(answer, json!({ "jobId": id }));
    assert!(id.len() >= 16, "{id}");
    let [waiting] = &list(&redis, "queue:email:pending").await[..] else { panic!("one message") };
    let message: Value = serde_json::from_str(waiting).unwrap();
    assert_eq!(message, json!({ "to": "a@example.com", "body": "x", "id": id }));

    let own = r#"{"id":"order-1", "to":"a@example.com","body":"é", "n": 1.10 }"#;
    let answer = server.post("/api/admin/jobs/email", own).await.with_status(201).json();
    assert_eq!(answer, json!({ "jobId": "order-1" }));
    assert_eq!(list(&redis, "queue:email:pending").await[0], own);
    let again = server.post("/api/admin/jobs/email", own).await.with_status(200).json();
    assert_eq!(again, json!({ "jobId": "order-1" }));
    assert_eq!(list(&redis, "queue:email:pending").await.len(), 2);
}

#[tokio::test]
async fn one_or_a_list_into_a_lane() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let one = r#"{"id":"1","to":"+491701234567","body":"x"}"#;
    let answer = server.post("/api/v1/messages/sms?lane=high", one).await.with_status(201).json();
    assert_eq!(answer, json!({ "id": "1", "created": true }));
    let answer = server.post("/api/v1/messages/sms?lane=high", one).await.with_status(200).json();
    assert_eq!(answer, json!({ "id": "1", "created": false }));
    assert_eq!(list(&redis, "queue:sms:pending:high").await, [one]);

    let many: Vec<String> =
        (0..450).map(|n| format!(r#"{{"id":"n{n}","to":"+491701234567","body":"{n}"}}"#)).collect();
    let body = format!("[\n {} \n]", many.join(" ,\n "));
    let answer = server.post("/api/v1/messages/sms?lane=low", &body).await.with_status(201).json();
    let ids = answer.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
    assert_eq!(ids.collect::<Vec<_>>(), (0..450).map(|n| format!("n{n}")).collect::<Vec<_>>());
    let mut waiting = list(&redis, "queue:sms:pending:low").await;
    waiting.reverse();
    assert_eq!(waiting, many);
    let again = server.post("/api/v1/messages/sms", &body).await.with_status(200).json();
    assert!(again.as_array().unwrap().iter().all(|one| one["created"] == false));
    assert_eq!(server.post("/api/v1/messages/sms", "[]").await.with_status(200).json(), json!([]));
    assert_eq!(
        server.post("/api/v1/messages/sms", format!("[{one}]")).await.json(),
        json!([{ "id": "1", "created": false }])
    );
    let counted = redis.command(&["HGET", "queue:sms:counters", "enqueued"]).await;
    assert_eq!(counted.text(), "451");
    assert_eq!(
        server.post("/api/v1/messages/sms?lane=fast", one).await.with_status(400).error(),
        "bad_request"
    );
}

#[tokio::test]
async fn a_hundred_at_once_with_one_id_create_one() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let body = r#"{"id":"once","to":"a@example.com","body":"x"}"#;
    let answers = join_all((0..100).map(|_| server.post("/api/v1/messages/email", body))).await;
    let created = answers.iter().filter(|answer| answer.status == 201).count();
    let existing = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((created, existing), (1, 99));
    assert_eq!(list(&redis, "queue:email:pending").await, [body]);
}

#[tokio::test]
async fn what_no_worker_could_take_is_refused_and_nothing_enqueued() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("MAX_MESSAGE_BYTES", "2000")]).await;
    let long = format!(r#"{{"to":"a@example.com","body":"{}"}}"#, "x".repeat(2000));
    for (body, status, code) in [
        ("", 400, "bad_json"),
        ("{", 400, "bad_json"),
        ("{}{}", 400, "bad_json"),
        ("nonsense", 400, "bad_json"),
        ("\"text\"", 422, "unusable_message"),
        ("1", 422, "unusable_message"),
        ("null", 422, "unusable_message"),
        ("{}", 422, "unusable_message"),
        (r#"{"to":"nobody","body":"x"}"#, 422, "unusable_message"),
        (r#"{"to":"a@example.com","body":"x","id":""}"#, 422, "unusable_message"),
        (r#"{"to":"a@example.com","body":"x","send_at":"tomorrow"}"#, 422, "unusable_message"),
        (r#"{"to":"a@example.com","body":"x","expires_at":"2001-01-01T00:00:00Z"}"#, 422, "unusable_message"),
        (&long, 413, "too_large"),
    ] {
        for path in ["/api/admin/jobs/email", "/api/v1/messages/email"] {
            assert_eq!(server.post(path, body).await.with_status(status).error(), code, "{path} {body}");
        }
        let listed = format!("[{MAIL},{body}]");
        assert_eq!(
            server.post("/api/v1/messages/email", listed).await.status,
            if body.is_empty() { 400 } else { status }
        );
    }
    let listed = format!("[{MAIL},{{\"to\":1}}]");
    let refused = server.post("/api/v1/messages/email", listed).await.with_status(422).json();
    assert!(refused["error"]["message"].as_str().unwrap().starts_with("message 1 of the list"), "{refused}");
    let refused = server.post("/api/admin/jobs/email", format!("[{MAIL}]")).await.with_status(422);
    assert_eq!(refused.error(), "unusable_message");
    assert_eq!(
        server.post("/api/v1/messages/E%20mail", MAIL).await.with_status(404).error(),
        "unknown_queue"
    );
    assert_eq!(redis.command(&["DBSIZE"]).await.int(), 0);
}

#[tokio::test]
async fn a_queue_of_ones_own_is_known_from_its_first_message_on() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.post("/api/admin/jobs/orders", r#"{"n":1}"#).await.with_status(201);
    let stats = server.get("/api/queue/stats?queue=orders").await.with_status(200).json();
    assert_eq!(stats["waiting"], 1);
    assert_eq!(server.get("/api/v1/health/redis").await.json()["queues"]["orders"]["pending"], 1);
}

#[tokio::test]
async fn a_full_redis_refuses_more_messages_and_says_so() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let refused = server.post("/api/admin/jobs/email", MAIL).await.with_status(507);
    assert_eq!(refused.error(), "redis_full");
    server.get("/api/v1/health/redis").await.with_status(200);
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    server.post("/api/admin/jobs/email", MAIL).await.with_status(201);
}
