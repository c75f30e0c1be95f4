//! Changes of many dead letters, which outlast the request that asked for them.

use std::time::{Duration, Instant};

use redispatch_testkit::proxy::Proxy;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use serde_json::{Value, json};

use super::http::{Answer, request};
use super::server::Server;
use crate::queue::{DEAD, PENDING, at_least, fill, length, numbers};
use crate::run::{command, queuectl};

const REQUEUE: &str = "/api/v1/queues/email/dead/requeue";
const PURGE: &str = "/api/v1/queues/email/dead/purge";
const OPERATIONS: &str = "/api/v1/operations";
const CONTROL: &str = "queue:email:control";

/// More than one look between two steps can miss.
const MANY: usize = 30_000;

async fn begin(server: &Server, path: &str, order: Value) -> Value {
    server.post(path, order.to_string()).await.with_status(202).json()
}

async fn stop(server: &Server, operation: &Value) -> Answer {
    let line = format!("DELETE {OPERATIONS}/{}", operation["id"].as_str().unwrap());
    request(server.addr, &line, &[], "").await
}

/// The operation, once it has ended.
async fn ended(server: &Server, operation: &Value) -> Value {
    let path = format!("{OPERATIONS}/{}", operation["id"].as_str().unwrap());
    let ask = async || server.get(&path).await.with_status(200).json();
    let ended = eventually("it ends", 6 * LIMIT, ask, |operation| operation["state"] != "running").await;
    assert!(ended["ended"].as_i64() >= ended["began"].as_i64(), "{ended}");
    ended
}

/// Every letter is among the dead ones or waits, and none is at both places.
async fn all_are_there(redis: &RedisServer, count: usize) {
    let mut there = [numbers(redis, DEAD).await, numbers(redis, PENDING).await].concat();
    there.sort_unstable();
    assert_eq!(there, (0..count).collect::<Vec<_>>());
}

/// They are as they were, but for those that wait.
async fn the_rest_is_in_order(redis: &RedisServer, count: usize) {
    let (moved, dead) = (numbers(redis, PENDING).await, numbers(redis, DEAD).await);
    assert_eq!(dead, (0..count).filter(|n| !moved.contains(n)).collect::<Vec<_>>());
    assert_eq!(redis.command(&["EXISTS", CONTROL]).await.int(), 0);
}

#[tokio::test]
async fn exactly_those_that_are_meant_move() {
    let redis = RedisServer::start().await;
    fill(&redis, 3_000).await;
    let server = Server::start(&redis, &[]).await;
    let dry = json!({"filter": {"code": "535"}, "dry_run": true});
    for path in [REQUEUE, PURGE] {
        let counted = server.post(path, dry.to_string()).await.with_status(200).json();
        assert_eq!(counted, json!({"count": 1_000, "complete": true}));
    }
    let few = json!({"filter": {"code": "535"}, "limit": 3, "dry_run": true});
    assert_eq!(server.post(REQUEUE, few.to_string()).await.json()["count"], 3);
    assert_eq!(length(&redis, DEAD).await, 3_000);

    let begun = begin(&server, REQUEUE, json!({"filter": {"code": "535"}, "limit": 990})).await;
    let done = ended(&server, &begun).await;
    assert_eq!(
        (&done["state"], &done["moved"], &done["error"]),
        (&json!("done"), &json!(990), &json!(null)),
        "{done}"
    );
    assert_eq!((&done["looked_at"], &done["total"]), (&json!(3_000), &json!(3_000)));
    assert_eq!(
        (&done["kind"], &done["queue"], &done["limit"]),
        (&json!("requeue"), &json!("email"), &json!(990))
    );
    assert_eq!((&done["filter"], &done["per_second"]), (&json!({"code": "535"}), &json!(null)));
    assert_eq!(numbers(&redis, PENDING).await, (0..2_970).step_by(3).collect::<Vec<_>>(), "the oldest");
    the_rest_is_in_order(&redis, 3_000).await;

    let purged = begin(&server, PURGE, json!({"filter": {"code": "550", "error": "USER1@"}})).await;
    assert_eq!(ended(&server, &purged).await["moved"], 1);
    assert!(!numbers(&redis, DEAD).await.contains(&1));
    let purged = begin(&server, PURGE, json!({"all": true, "limit": 9})).await;
    assert_eq!(ended(&server, &purged).await["moved"], 9);
    let nothing = begin(&server, PURGE, json!({"filter": {"reason": "", "class": ""}})).await;
    assert_eq!(ended(&server, &nothing).await["moved"], 0, "all have one");
    let all = begin(&server, PURGE, json!({"all": true})).await;
    assert_eq!(ended(&server, &all).await["moved"], 2_000);
    assert_eq!(length(&redis, DEAD).await, 0);
    let list = server.get(OPERATIONS).await.with_status(200).json();
    let moved: Vec<_> =
        list["operations"].as_array().unwrap().iter().map(|one| one["moved"].clone()).collect();
    assert_eq!(moved, [2_000, 0, 9, 1, 990], "the newest first");
    let told = server.process.wait_for_event("operation_ended").await;
    assert_eq!((&told.json["moved"], &told.json["state"]), (&json!(990), &json!("done")), "{}", told.raw);
}

#[tokio::test]
async fn an_order_in_another_shape_or_that_chooses_nothing_moves_nothing() {
    let redis = RedisServer::start().await;
    fill(&redis, 4).await;
    let server = Server::start(&redis, &[]).await;
    for (path, body, code) in [
        (REQUEUE, "", "bad_json"),
        (REQUEUE, "{", "bad_json"),
        (REQUEUE, "[]", "bad_request"),
        (REQUEUE, "{}", "bad_request"),
        (PURGE, "{}", "bad_request"),
        (PURGE, r#"{"filter":{}}"#, "bad_request"),
        (PURGE, r#"{"filter":{"id":"","error":""}}"#, "bad_request"),
        (REQUEUE, r#"{"limit":4}"#, "bad_request"),
        (PURGE, r#"{"filter":{"code":"535"},"all":true}"#, "bad_request"),
        (PURGE, r#"{"filter":{"cod":"535"},"all":true}"#, "bad_request"),
        (PURGE, r#"{"filter":{"code":535}}"#, "bad_request"),
        (PURGE, r#"{"filter":{"before":"yesterday"}}"#, "bad_request"),
        (PURGE, r#"{"filter":null,"all":true}"#, "bad_request"),
        (PURGE, r#"{"all":true,"per_second":5}"#, "bad_request"),
        (PURGE, r#"{"all":"yes"}"#, "bad_request"),
        (PURGE, r#"{"all":true,"limit":0}"#, "bad_request"),
        (PURGE, r#"{"all":true,"limit":-1}"#, "bad_request"),
        (REQUEUE, r#"{"all":true,"per_second":0}"#, "bad_request"),
        (REQUEUE, r#"{"all":true,"per_second":-5}"#, "bad_request"),
        (REQUEUE, r#"{"all":true,"per_second":1e9}"#, "bad_request"),
        (REQUEUE, r#"{"all":true,"per_second":"20"}"#, "bad_request"),
    ] {
        assert_eq!(server.post(path, body).await.with_status(400).error(), code, "{path} {body}");
        assert_eq!(numbers(&redis, DEAD).await, [0, 1, 2, 3], "{body}");
    }
    let unknown = server.post("/api/v1/queues/nobody/dead/purge", r#"{"all":true}"#).await;
    assert_eq!(unknown.with_status(404).error(), "unknown_queue");
    assert_eq!(server.get(OPERATIONS).await.json(), json!({"operations": []}));
    assert_eq!(server.get("/api/v1/operations/x").await.with_status(404).error(), "unknown_operation");
    assert_eq!(stop(&server, &json!({"id": "x"})).await.with_status(404).error(), "unknown_operation");
}

#[tokio::test]
async fn of_two_at_once_one_is_told_that_it_is_busy() {
    let redis = RedisServer::start().await;
    fill(&redis, 90).await;
    let server = Server::start(&redis, &[]).await;
    let slow = begin(&server, REQUEUE, json!({"all": true, "per_second": 5})).await;
    let busy = server.post(PURGE, r#"{"all":true}"#).await.with_status(409);
    assert_eq!(busy.error(), "busy");
    assert_eq!(stop(&server, &slow).await.with_status(200).json()["state"], "stopped");
    all_are_there(&redis, 90).await;

    // queuectl is at it, as far as the list tells.
    let before = numbers(&redis, DEAD).await;
    let time = redis.command(&["TIME"]).await;
    let now = time.array()[0].text().parse::<i64>().unwrap() * 1_000;
    redis
        .command(&[
            "HSET",
            CONTROL,
            "dead_turn",
            &format!("somebody:{}:1:{}:{}", now + 8_000, before.len(), before.len()),
        ])
        .await;
    for (path, order) in [(PURGE, json!({"all": true})), (REQUEUE, json!({"all": true, "per_second": 100}))] {
        let busy = server.post(path, order.to_string()).await.with_status(409);
        assert_eq!(busy.error(), "busy", "{path}");
        assert_eq!(numbers(&redis, DEAD).await, before);
    }
    let known = server.get(OPERATIONS).await.json();
    assert_eq!(known["operations"].as_array().unwrap().len(), 1, "what never began is not listed: {known}");
}

#[tokio::test]
async fn one_that_is_stopped_at_a_pace_moves_nothing_more() {
    let redis = RedisServer::start().await;
    fill(&redis, 90).await;
    let server = Server::start(&redis, &[]).await;
    for pace in [20.0, 0.01] {
        let moved_before = length(&redis, PENDING).await;
        let slow = begin(&server, REQUEUE, json!({"filter": {"code": "535"}, "per_second": pace})).await;
        at_least(&redis, PENDING, moved_before + 1).await;
        let begun = Instant::now();
        let stopped = stop(&server, &slow).await.with_status(200).json();
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
        assert_eq!(
            (&stopped["state"], &stopped["stopping"]),
            (&json!("stopped"), &json!(false)),
            "{stopped}"
        );
        assert_eq!(stopped["moved"], length(&redis, PENDING).await - moved_before);
        assert_eq!(stop(&server, &slow).await.with_status(200).json(), stopped, "again");
    }
    all_are_there(&redis, 90).await;
    let dead = numbers(&redis, DEAD).await;
    assert!(dead.is_sorted());
}

#[tokio::test]
async fn one_that_is_stopped_half_way_leaves_the_others_in_their_order() {
    let redis = RedisServer::start().await;
    fill(&redis, MANY).await;
    let server = Server::start(&redis, &[]).await;
    let begun = begin(&server, REQUEUE, json!({"filter": {"code": "535"}})).await;
    assert_eq!(begun["state"], "running", "{begun}");
    at_least(&redis, PENDING, 1).await;
    stop(&server, &begun).await.with_status(200);
    let stopped = ended(&server, &begun).await;
    assert_eq!(stopped["state"], "stopped", "{stopped}");
    let moved = length(&redis, PENDING).await;
    assert_eq!(stopped["moved"], moved);
    assert!(moved < MANY as i64 / 3, "it was stopped too late to show anything");
    the_rest_is_in_order(&redis, MANY).await;
    let rest = begin(&server, REQUEUE, json!({"filter": {"code": "535"}})).await;
    ended(&server, &rest).await;
    assert_eq!(numbers(&redis, PENDING).await, (0..MANY).step_by(3).collect::<Vec<_>>());
}

#[tokio::test]
async fn redis_that_goes_away_half_way_is_told_and_the_next_one_goes_on() {
    let redis = RedisServer::start().await;
    fill(&redis, MANY).await;
    let proxy = Proxy::start(redis.addr());
    let server = Server::at(&proxy.url(), &[]).await;
    let begun = begin(&server, REQUEUE, json!({"filter": {"code": "535"}})).await;
    at_least(&redis, PENDING, 1).await;
    proxy.refuse();
    let failed = ended(&server, &begun).await;
    assert_eq!(failed["state"], "failed", "{failed}");
    let error = failed["error"].as_str().unwrap();
    for part in ["Redis: ", "requeued, each whole; the next run puts the order right", "; start it again"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(failed["moved"].as_i64().unwrap() <= length(&redis, PENDING).await, "at least");
    all_are_there(&redis, MANY).await;
    proxy.restore();
    let order = json!({"filter": {"code": "535"}}).to_string();
    let again = async || server.post(REQUEUE, &order).await;
    let begun =
        eventually("nobody keeps others out", 2 * LIMIT, again, |answer| answer.status == 202).await.json();
    assert_eq!(ended(&server, &begun).await["state"], "done");
    assert_eq!(numbers(&redis, PENDING).await, (0..MANY).step_by(3).collect::<Vec<_>>(), "each once");
    the_rest_is_in_order(&redis, MANY).await;
}

#[tokio::test]
async fn a_server_that_is_killed_half_way_loses_none_and_moves_none_twice() {
    let redis = RedisServer::start().await;
    fill(&redis, MANY).await;
    let mut server = Server::start(&redis, &[]).await;
    begin(&server, REQUEUE, json!({"filter": {"code": "535"}})).await;
    at_least(&redis, PENDING, 1).await;
    server.process.sigkill();
    server.process.wait_exit(LIMIT).await;
    assert!(length(&redis, PENDING).await < MANY as i64 / 3, "it was killed too late to show anything");
    all_are_there(&redis, MANY).await;
    let server = Server::start(&redis, &[]).await;
    assert_eq!(server.get(OPERATIONS).await.json(), json!({"operations": []}));
    let order = json!({"filter": {"code": "535"}}).to_string();
    let again = async || server.post(REQUEUE, &order).await;
    // What keeps others out is over after ten seconds.
    let begun = eventually("it goes on", 2 * LIMIT, again, |answer| answer.status == 202).await.json();
    assert_eq!(ended(&server, &begun).await["state"], "done");
    assert_eq!(numbers(&redis, PENDING).await, (0..MANY).step_by(3).collect::<Vec<_>>());
    the_rest_is_in_order(&redis, MANY).await;
}

#[tokio::test]
async fn a_server_that_is_asked_to_stop_ends_its_operations_in_order() {
    for pace in [json!(null), json!(5)] {
        let redis = RedisServer::start().await;
        let count = if pace.is_null() { MANY } else { 90 };
        fill(&redis, count).await;
        let server = Server::start(&redis, &[]).await;
        begin(&server, REQUEUE, json!({"filter": {"code": "535"}, "per_second": pace})).await;
        at_least(&redis, PENDING, 1).await;
        server.process.sigterm();
        let exit = server.process.wait_exit(Duration::from_secs(12)).await;
        assert_eq!(exit.code(), Some(0));
        let told = server.process.wait_for_event("operation_ended").await;
        assert_eq!(
            (&told.json["state"], &told.json["moved"]),
            (&json!("stopped"), &json!(length(&redis, PENDING).await))
        );
        assert!(length(&redis, PENDING).await < count as i64 / 3, "it was stopped too late to show anything");
        the_rest_is_in_order(&redis, count).await;
    }
}

#[tokio::test]
async fn what_a_killed_queuectl_left_is_finished_by_the_next_operation() {
    let redis = RedisServer::start().await;
    fill(&redis, MANY).await;
    let server = Server::start(&redis, &[]).await;
    let home = tempfile::tempdir().unwrap();
    let args = ["dead", "requeue", "--queue", "email", "--code", "535", "--yes"];
    let mut child = command(&redis.url(), home.path(), &args).spawn().unwrap();
    at_least(&redis, PENDING, 1).await;
    let order = json!({"filter": {"code": "535"}}).to_string();
    assert_eq!(server.post(REQUEUE, &order).await.with_status(409).error(), "busy", "it is at work");
    child.kill().await.unwrap();
    let again = async || server.post(REQUEUE, &order).await;
    let begun = eventually("it goes on", 2 * LIMIT, again, |answer| answer.status == 202).await.json();
    assert_eq!(ended(&server, &begun).await["state"], "done");
    assert_eq!(numbers(&redis, PENDING).await, (0..MANY).step_by(3).collect::<Vec<_>>());
    the_rest_is_in_order(&redis, MANY).await;
    queuectl(&redis, &args).await.with_code(1);
}

#[tokio::test]
async fn the_last_ones_are_kept() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for _ in 0..25 {
        begin(&server, PURGE, json!({"all": true})).await;
    }
    let known = server.get(OPERATIONS).await.json();
    let states: Vec<_> =
        known["operations"].as_array().unwrap().iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, ["done"; 20]);
    server.get("/api/v1/messages/email?state=delayed").await.with_status(200);
}
