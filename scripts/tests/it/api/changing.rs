//! `PATCH` and `DELETE` of one message, and the list of what is delayed.

use std::time::Duration;

use redispatch::{Delivery, Failure, Outcome};
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use serde_json::{Value, json};

use super::http::{Answer, request};
use super::server::Server;
use crate::cancel::{becomes, mail, scheduled, sent};
use crate::serving::{self, Serving};

const JSON: (&str, &str) = ("content-type", "application/json");

async fn patch(server: &Server, id: &str, body: &str) -> Answer {
    request(server.addr, &format!("PATCH /api/v1/messages/email/{id}"), &[JSON], body).await
}

async fn delete(server: &Server, id: &str) -> Answer {
    request(server.addr, &format!("DELETE /api/v1/messages/email/{id}"), &[], "").await
}

async fn put(server: &Server, message: String) {
    server.post("/api/v1/messages/email", message).await.with_status(201);
}

#[tokio::test]
async fn a_scheduled_message_is_moved_earlier_and_sent_or_cancelled_and_never_sent() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    put(&server, scheduled("a")).await;
    put(&server, scheduled("b")).await;
    let moved =
        patch(&server, "a", r#"{"send_at":"2998-01-01T01:00:00+01:00"}"#).await.with_status(200).json();
    let due = 32_440_608_000_000_i64;
    assert_eq!(
        moved,
        json!({"id": "a", "state": "delayed", "send_at": "2998-01-01T00:00:00.000Z", "due": due})
    );
    let status = server.get("/api/v1/messages/email/a").await.with_status(200).json();
    assert_eq!((&status["state"], &status["due"]), (&json!("delayed"), &json!(due)));
    let moved = patch(&server, "a", r#"{"send_at":32440608000001}"#).await.with_status(200).json();
    assert_eq!(moved["due"], due + 1);

    assert_eq!(delete(&server, "b").await.with_status(200).json(), json!({"id": "b", "state": "cancelled"}));
    // a client whose answer was lost asks again
    assert_eq!(delete(&server, "b").await.with_status(200).json(), json!({"id": "b", "state": "cancelled"}));
    assert_eq!(server.get("/api/v1/messages/email/b").await.with_status(200).json()["state"], "cancelled");
    assert_eq!(
        patch(&server, "b", r#"{"send_at":"2998-01-01T00:00:00Z"}"#).await.with_status(409).error(),
        "cancelled"
    );

    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::sent).await;
    patch(&server, "a", r#"{"send_at":"2001-01-01T00:00:00Z"}"#).await.with_status(200);
    becomes(&redis, "a", "sent").await;
    assert_eq!(sent(&redis).await, 1);
    worker.stop().await;
}

#[tokio::test]
async fn what_is_in_hand_sent_dead_or_unknown_is_refused_in_words() {
    async fn desk(delivery: Delivery) -> Outcome {
        match delivery.payload::<Value>().unwrap()["id"].as_str().unwrap() {
            "sent" => serving::sent(delivery).await,
            "dead" => Outcome::Reject(Failure::new("550 no such user")),
            _ => serving::never(delivery).await,
        }
    }
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for id in ["sent", "dead", "held"] {
        put(&server, mail(id)).await;
    }
    let _worker = Serving::start(&redis, "email", Duration::ZERO, desk).await;
    for (id, state, code) in
        [("sent", "sent", "sent"), ("dead", "dead", "dead"), ("held", "sending", "in_hand")]
    {
        becomes(&redis, id, state).await;
        assert_eq!(delete(&server, id).await.with_status(409).error(), code);
        let body = r#"{"send_at":"2998-01-01T00:00:00Z"}"#;
        assert_eq!(patch(&server, id, body).await.with_status(409).error(), code);
    }
    assert_eq!(delete(&server, "nobody").await.with_status(404).error(), "unknown_message");
    let unknown = patch(&server, "nobody", r#"{"send_at":32440608000000}"#).await.with_status(404);
    assert_eq!(unknown.error(), "unknown_message");
    for line in ["DELETE /api/v1/messages/emial/1", "PATCH /api/v1/messages/emial/1"] {
        let refused = request(server.addr, line, &[JSON], r#"{"send_at":32440608000000}"#).await;
        assert_eq!(refused.with_status(404).error(), "unknown_queue");
    }
}

#[tokio::test]
async fn a_time_that_is_none_is_refused() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    put(&server, scheduled("a").replace('}', r#","expires_at":"2999-02-01T00:00:00Z"}"#)).await;
    for (body, status, code) in [
        ("", 400, "bad_json"),
        ("{", 400, "bad_json"),
        ("{}", 400, "bad_request"),
        ("[]", 422, "unusable_message"),
        ("1", 400, "bad_request"),
        (r#"{"send_at":null}"#, 400, "bad_request"),
        (r#"{"send_at":true}"#, 400, "bad_request"),
        (r#"{"send_at":"tomorrow"}"#, 400, "bad_request"),
        (r#"{"send_at":"2998-01-01T00:00:00"}"#, 400, "bad_request"),
        (r#"{"send_at":"32440608000000"}"#, 400, "bad_request"),
        (r#"{"send_at":"+2h"}"#, 400, "bad_request"),
        (r#"{"send_at":1700000000}"#, 400, "bad_request"),
        (r#"{"send_at":32440608000000.5}"#, 400, "bad_request"),
        (r#"{"send_at":-1}"#, 400, "bad_request"),
        (r#"{"send_at":32440608000000,"sendAt":1}"#, 400, "bad_request"),
        (r#"{"send_at":"2999-03-01T00:00:00Z"}"#, 422, "unusable_message"),
    ] {
        assert_eq!(patch(&server, "a", body).await.with_status(status).error(), code, "{body}");
    }
    let long = format!(r#"{{"send_at":"{}"}}"#, "x".repeat(2_000));
    patch(&server, "a", &long).await.with_status(413);
    let status = server.get("/api/v1/messages/email/a").await.json();
    assert_eq!(status["due"], 32_472_144_000_000_i64, "nothing was changed");
}

#[tokio::test]
async fn an_answer_of_redis_that_is_lost_is_asked_for_again() {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let server = Server::at(&proxy.url(), &[]).await;
    put(&server, scheduled("a")).await;
    put(&server, scheduled("b")).await;
    // the first call that names it may only ask, the next one is the order: each is lost once
    for id in ["a", "b"] {
        let lost = [(); 2].map(|()| proxy.lose_reply(format!("status:{id}"), Then::Close));
        let ask = async || match id {
            "a" => patch(&server, id, r#"{"send_at":"2998-01-01T00:00:00Z"}"#).await,
            _ => delete(&server, id).await,
        };
        let done = eventually("the answer comes", LIMIT, ask, |answer| answer.status != 503).await;
        let state = if id == "a" { "delayed" } else { "cancelled" };
        assert_eq!(done.with_status(200).json()["state"], state);
        for lost in lost {
            lost.struck().await;
        }
    }
    let delayed = redis.command(&["ZRANGE", "queue:email:delayed", "0", "-1", "WITHSCORES"]).await;
    assert_eq!(delayed.array().len(), 2, "one of two is left: {delayed:?}");
    assert_eq!(delayed.array()[1].text(), "32440608000000");
}

#[tokio::test]
async fn what_is_delayed_is_listed_page_by_page() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for n in [3, 1, 2] {
        put(&server, mail(&format!("m{n}")).replace('}', &format!(r#","send_at":3244060800000{n}}}"#))).await;
    }
    let all = server.get("/api/v1/messages/email?state=delayed").await.with_status(200).json();
    assert_eq!((&all["queue"], &all["total"]), (&json!("email"), &json!(3)));
    let ids = |page: &Value| -> Vec<String> {
        page["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&all), ["m1", "m2", "m3"]);
    let first = &all["messages"][0];
    let reference = first["reference"].as_str().unwrap();
    assert_eq!(
        *first,
        json!({"id": "m1", "reference": reference, "due": 32_440_608_000_001_i64, "lane": "pending",
            "scheduled": true, "retries": 0, "to": "j…@e….com", "subject": null})
    );
    let page =
        server.get("/api/v1/messages/email?state=delayed&skip=1&limit=1").await.with_status(200).json();
    assert_eq!((ids(&page), &page["total"]), (vec!["m2".to_owned()], &json!(3)));
    for wrong in ["", "?state=sent", "?state=delayed&limit=x", "?state=delayed&more=1", "?limit=1"] {
        let refused = server.get(&format!("/api/v1/messages/email{wrong}")).await.with_status(400);
        assert_eq!(refused.error(), "bad_request", "{wrong}");
    }
    assert_eq!(
        server.get("/api/v1/messages/emial?state=delayed").await.with_status(404).error(),
        "unknown_queue"
    );
}

#[tokio::test]
async fn force_sends_again_what_was_sent() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::sent).await;
    put(&server, mail("a")).await;
    becomes(&redis, "a", "sent").await;
    server.post("/api/v1/messages/email", mail("a")).await.with_status(200);
    server.post("/api/v1/messages/email?force=true", mail("a")).await.with_status(201);
    let twice = |count: &redispatch_testkit::Reply| count.bytes() == b"2";
    redis.wait_until(&["HGET", "queue:email:counters", "sent"], twice, redispatch_testkit::LIMIT).await;
    server.post("/api/admin/jobs/email?force=yes", mail("a")).await.with_status(400);
    worker.stop().await;
}

#[tokio::test]
async fn jobs_of_one_tenant() {
    async fn desk(delivery: Delivery) -> Outcome {
        match delivery.payload::<Value>().unwrap()["id"].as_str().unwrap() {
            id if id.starts_with("dead") => Outcome::Reject(Failure::new("550 no such user")),
            id if id.starts_with("held") => serving::never(delivery).await,
            _ => serving::sent(delivery).await,
        }
    }
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let _worker = Serving::start(&redis, "email", Duration::ZERO, desk).await;
    for tenant in ["acme", "other"] {
        for (kind, state) in [("sent", "sent"), ("dead", "dead"), ("held", "sending")] {
            let id = format!("{kind}-{tenant}");
            put(&server, mail(&id).replace('}', &format!(r#","metadata":{{"tenant":"{tenant}"}}}}"#))).await;
            becomes(&redis, &id, state).await;
        }
    }
    put(&server, mail("sent-by-nobody")).await;
    becomes(&redis, "sent-by-nobody", "sent").await;
    let jobs = server.get("/api/admin/jobs/email?tenant=acme").await.with_status(200).json();
    for (list, id) in [("completed", "sent-acme"), ("failed", "dead-acme"), ("active", "held-acme")] {
        let ids: Vec<_> =
            jobs["recent"][list].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
        assert_eq!(ids, [id], "{list}");
    }
    let none = server.get("/api/admin/jobs/email?tenant=ACME&limit=5").await.with_status(200).json();
    assert_eq!(none["recent"], json!({"completed": [], "failed": [], "active": []}));
    let all = server.get("/api/admin/jobs/email").await.with_status(200).json();
    assert_eq!(all["recent"]["completed"].as_array().unwrap().len(), 3);
}
