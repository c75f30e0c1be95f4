//! The description of the API.

use std::collections::BTreeSet;

use redispatch_testkit::redis::RedisServer;
use serde_json::Value;

use super::http::request;
use super::server::Server;

#[tokio::test]
async fn every_row_of_the_contract_is_described_and_answers() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let document = server.get("/api/openapi.json").await.with_status(200).json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{document}");
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.insert(format!("{} {path}", method.to_uppercase()));
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
            let line =
                format!("{} {path}", method.to_uppercase()).replace("{queue}", "email").replace("{id}", "1");
            let json = [("content-type", "application/json")];
            let known = operation["responses"].as_object().unwrap();
            // A stream has no end to wait for.
            if path != "/api/v1/events" {
                let message = r#"{"to":"a@example.com","body":"x","id":"1"}"#;
                let answer = request(server.addr, &line, &json, message).await;
                assert!(known.contains_key(&answer.status.to_string()), "{line}: {answer:?}");
            }
            assert!(known.contains_key("default"), "{line}");
            let described =
                |response: &Value| response["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(known.values().all(described), "{line}: {known:?}");
        }
    }
    let expected = [
        "GET /api/v1/health/redis",
        "GET /api/queue/stats",
        "GET /api/admin/jobs/{queue}",
        "POST /api/admin/jobs/{queue}",
        "POST /api/v1/messages/{queue}",
        "GET /api/v1/messages/{queue}",
        "GET /api/v1/messages/{queue}/{id}",
        "PATCH /api/v1/messages/{queue}/{id}",
        "DELETE /api/v1/messages/{queue}/{id}",
        "GET /api/v1/events",
        "GET /api/v1/overview",
        "GET /api/v1/history",
        "GET /api/v1/queues/{queue}/held",
        "GET /api/v1/session",
        "POST /api/v1/session",
        "DELETE /api/v1/session",
        "GET /api/v1/queues/{queue}/dead",
        "GET /api/v1/queues/{queue}/dead/groups",
        "GET /api/v1/queues/{queue}/dead/{key}",
        "GET /api/v1/queues/{queue}/dead/{key}/html",
        "PUT /api/v1/queues/{queue}/dead/{key}",
        "POST /api/v1/queues/{queue}/dead/{key}/requeue",
        "POST /api/v1/queues/{queue}/dead/{key}/purge",
        "POST /api/v1/queues/{queue}/dead/requeue",
        "POST /api/v1/queues/{queue}/dead/purge",
        "GET /api/v1/messages/{queue}/{id}/content",
        "GET /api/v1/messages/{queue}/{id}/html",
        "GET /api/v1/search",
        "GET /api/v1/operations",
        "GET /api/v1/operations/{id}",
        "DELETE /api/v1/operations/{id}",
        "POST /api/v1/queues/{queue}/pause",
        "POST /api/v1/queues/{queue}/resume",
        "GET /api/v1/session",
        "POST /api/v1/session",
        "DELETE /api/v1/session",
        "GET /metrics",
        "GET /api/openapi.json",
    ];
    assert_eq!(described, expected.map(String::from).into());
    references(&document, &document);
}

/// Every `$ref` leads somewhere.
fn references(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|part| references(document, part));
        }
        Value::Array(parts) => parts.iter().for_each(|part| references(document, part)),
        _ => {}
    }
}
