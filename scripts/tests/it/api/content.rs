//! Messages themselves, wherever they are, and those that wait.

use std::time::Duration;

use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use serde_json::{Value, json};

use super::server::Server;
use crate::queue::{DEAD, PENDING, fill, letter, push};
use crate::serving::{Serving, never, sent};

const MESSAGES: &str = "/api/v1/messages/email";

fn mail(id: &str) -> Value {
    json!({"id": id, "to": ["jo@example.com", "kim@example.com"], "subject": "For jo@example.com", "body": "x", "html": "<p>Hi jo@example.com</p>"})
}

async fn content(server: &Server, id: &str) -> Value {
    let masked = server.get(&format!("{MESSAGES}/{id}/content")).await.with_status(200);
    assert!(!masked.body.contains("jo@") && !masked.body.contains("kim@"), "{}", masked.body);
    masked.json()
}

#[tokio::test]
async fn a_message_is_shown_where_it_waits_is_delayed_is_sent_or_was_given_up() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.post(MESSAGES, mail("waits").to_string()).await.with_status(201);
    let waits = content(&server, "waits").await;
    assert_eq!(
        (&waits["place"], &waits["id"], &waits["queue"]),
        (&json!("waiting"), &json!("waits"), &json!("email"))
    );
    assert_eq!(
        (&waits["has_html"], &waits["key"], &waits["near"]),
        (&json!(true), &json!(null), &json!(null))
    );
    assert_eq!(waits["message"]["to"], json!(["j…@e….com", "ki…@e….com"]));
    let bare = server.get(&format!("{MESSAGES}/waits/content?reveal=true")).await.with_status(200).json();
    assert_eq!(bare["message"]["to"], mail("waits")["to"]);
    assert_eq!(redis.command(&["LLEN", PENDING]).await.int(), 1, "looked at, not taken");

    let mut later = mail("later");
    later["send_at"] = json!("2998-01-01T00:00:00Z");
    server.post(MESSAGES, later.to_string()).await.with_status(201);
    // Pushed plainly, so that no status tells of it.
    push(&redis, "queue:email:pending:low", [mail("pushed").to_string()].into_iter()).await;
    assert_eq!(content(&server, "pushed").await["place"], "waiting");
    push(&redis, DEAD, [letter(5, "550", "low"), mail("given up").to_string()].into_iter()).await;
    let dead = content(&server, "given%20up").await;
    assert_eq!((&dead["place"], &dead["near"]), (&json!("dead"), &json!(1)));
    assert_eq!(content(&server, "r.5").await["near"], 0, "by its reference");
    let opened =
        server.get(&format!("/api/v1/queues/email/dead/{}?near=1", dead["key"].as_str().unwrap())).await;
    assert_eq!(opened.with_status(200).json()["id"], "given up");

    let worker = Serving::start(&redis, "email", LIMIT, never).await;
    let ask = async |id: &'static str| server.get(&format!("{MESSAGES}/{id}/content")).await;
    let sending = async || ask("waits").await.json()["place"].clone();
    eventually("it is being sent", LIMIT, sending, |place| place == "sending").await;
    let parked = async || ask("later").await.json()["place"].clone();
    eventually("it is delayed", LIMIT, parked, |place| place == "delayed").await;
    drop(worker);
}

#[tokio::test]
async fn what_was_sent_or_is_nowhere_has_no_content() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.post(MESSAGES, mail("one").to_string()).await.with_status(201);
    let worker = Serving::start(&redis, "email", LIMIT, sent).await;
    let state = async || server.get(&format!("{MESSAGES}/one")).await.json()["state"].clone();
    eventually("it is sent", LIMIT, state, |state| state == "sent").await;
    worker.stop().await;
    for id in ["one", "nobody", "%00", "a%2Fb", "%22"] {
        let answer = server.get(&format!("{MESSAGES}/{id}/html")).await.with_status(404);
        assert_eq!(answer.error(), "no_content", "{id}");
        let answer = server.get(&format!("{MESSAGES}/{id}/content")).await.with_status(200).json();
        assert_eq!((&answer["place"], &answer["message"]), (&Value::Null, &Value::Null), "{answer}");
        assert!(answer["why"].is_string(), "{answer}");
        let state = if id == "one" { json!("sent") } else { Value::Null };
        assert_eq!(answer["status"]["state"], state, "{id}");
    }
    assert_eq!(
        server.get("/api/v1/messages/nobody/one/content").await.with_status(404).error(),
        "unknown_queue"
    );
    for query in ["reveal=1", "revealed=true"] {
        let answer = server.get(&format!("{MESSAGES}/one/content?{query}")).await.with_status(400);
        assert_eq!(answer.error(), "bad_request", "{query}");
    }
}

#[tokio::test]
async fn its_html_is_for_a_frame_in_which_nothing_runs() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.post(MESSAGES, mail("one").to_string()).await.with_status(201);
    server.post(MESSAGES, r#"{"id":"plain","to":"jo@example.com","body":"x"}"#).await.with_status(201);
    let page = server.get(&format!("{MESSAGES}/one/html")).await.with_status(200);
    assert_eq!(page.body, "<p>Hi j…@e….com</p>");
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert!(page.headers["content-security-policy"].starts_with("sandbox; default-src 'none';"));
    let bare = server.get(&format!("{MESSAGES}/one/html?reveal=true")).await.with_status(200);
    assert_eq!(bare.body, "<p>Hi jo@example.com</p>");
    assert_eq!(server.get(&format!("{MESSAGES}/plain/html")).await.with_status(404).error(), "no_html");
}

#[tokio::test]
async fn a_message_deep_in_a_long_lane_is_not_looked_for_for_ever() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let pushed = |n: usize| json!({"id": format!("p{n}"), "to": "a@example.com", "body": "x"}).to_string();
    push(&redis, PENDING, (0..30_000).map(pushed)).await;
    let watch = redis.watch(Duration::from_millis(10)).await;
    for (id, place) in [("p3", json!("waiting")), ("p29990", json!("waiting")), ("p15000", Value::Null)] {
        let answer = server.get(&format!("{MESSAGES}/{id}/content")).await.with_status(200);
        assert_eq!(answer.json()["place"], place, "{id}");
    }
    assert_eq!(watch.slow_calls().await, [""; 0]);
    assert_eq!(redis.command(&["LLEN", PENDING]).await.int(), 30_000);
}

#[tokio::test]
async fn those_that_wait_are_listed_the_oldest_of_each_lane() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for lane in ["low", "pending", "high"] {
        for n in 0..3 {
            let path = format!("{MESSAGES}?lane={lane}");
            server.post(&path, mail(&format!("{lane}{n}")).to_string()).await.with_status(201);
        }
    }
    push(&redis, PENDING, ["no JSON".to_owned()].into_iter()).await;
    push(&redis, "queue:email:claimed", [mail("woken").to_string()].into_iter()).await;
    let list = server.get(&format!("{MESSAGES}?state=waiting&limit=2")).await.with_status(200);
    assert!(!list.body.contains("jo@"), "{}", list.body);
    let list = list.json();
    assert_eq!((&list["queue"], &list["total"]), (&json!("email"), &json!(11)));
    let ids = |list: &Value| -> Vec<String> {
        list["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap_or("-").to_owned())
            .collect()
    };
    assert_eq!(ids(&list), ["woken", "high0", "high1", "pending0", "pending1", "low0", "low1"]);
    let first = &list["messages"][1];
    assert_eq!(
        (&first["lane"], &first["to"], &first["subject"]),
        (&json!("high"), &json!("j…@e….com +1"), &json!("For j…@e….com"))
    );
    assert!(first["bytes"].as_u64().unwrap() > 100, "{first}");
    let rest = server.get(&format!("{MESSAGES}?state=waiting&skip=2")).await.json();
    assert_eq!(ids(&rest), ["high2", "pending2", "-", "low2"]);
    for query in ["state=sent", "state=waiting&limit=x", "limit=1", "state=waiting&lane=low"] {
        assert_eq!(
            server.get(&format!("{MESSAGES}?{query}")).await.with_status(400).error(),
            "bad_request",
            "{query}"
        );
    }

    let mut later = mail("later");
    later["send_at"] = json!("2998-01-01T00:00:00Z");
    server.post("/api/v1/messages/email?lane=high", later.to_string()).await.with_status(201);
    let worker = Serving::start(&redis, "email", LIMIT, never).await;
    let delayed = async || server.get(&format!("{MESSAGES}?state=delayed")).await.with_status(200).json();
    let delayed = eventually("it is delayed", LIMIT, delayed, |list| list["total"] == 1).await;
    let one = &delayed["messages"][0];
    assert_eq!(
        (&one["id"], &one["to"], &one["subject"]),
        (&json!("later"), &json!("j…@e….com +1"), &json!("For j…@e….com"))
    );
    drop(worker);
}

#[tokio::test]
async fn large_messages_do_not_come_all_at_once() {
    let redis = RedisServer::start().await;
    fill(&redis, 1).await;
    let large = "x".repeat(3 << 20);
    push(
        &redis,
        PENDING,
        (0..20).map(|n| json!({"id": format!("l{n}"), "to": "a@example.com", "body": large}).to_string()),
    )
    .await;
    let server = Server::start(&redis, &[]).await;
    let watch = redis.watch(Duration::from_millis(100)).await;
    let list = server.get(&format!("{MESSAGES}?state=waiting&limit=1000")).await.with_status(200).json();
    assert_eq!((&list["total"], &list["messages"][0]["id"]), (&json!(20), &json!("l0")));
    assert!(list["messages"].as_array().unwrap().len() < 10, "fewer where they are large");
    assert_eq!(watch.slow_calls().await, [""; 0]);
}
