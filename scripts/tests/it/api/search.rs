//! Finding messages.

use std::time::{Duration, Instant};

use redispatch_testkit::cluster::Cluster;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply, eventually};
use serde_json::{Value, json};

use super::server::Server;
use crate::queue::{DEAD, PENDING, fill, push};
use crate::serving::{Serving, never, sent};

const SEARCH: &str = "/api/v1/search";

async fn search(server: &Server, query: &str) -> Value {
    server.get(&format!("{SEARCH}?q={query}")).await.with_status(200).json()
}

/// The same, once there was time for everything: on a host that is busy a search may end early.
async fn whole(server: &Server, query: &str) -> Value {
    eventually(
        "all is looked at",
        LIMIT,
        async || search(server, query).await,
        |answer| answer["complete"] == true,
    )
    .await
}

/// `queue id state` of each that was found.
fn found(answer: &Value) -> Vec<String> {
    let word = |one: &Value, name: &str| one[name].as_str().unwrap_or("-").to_owned();
    let line = |one: &Value| format!("{} {} {}", word(one, "queue"), word(one, "id"), word(one, "state"));
    let mut lines: Vec<_> = answer["found"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

fn mail(id: &str, to: &str, subject: &str) -> String {
    json!({"id": id, "to": to, "subject": subject, "body": "x"}).to_string()
}

#[tokio::test]
async fn messages_are_found_in_every_queue_and_place_by_what_people_know_of_them() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.post("/api/v1/messages/email", mail("order-1", "Jo@Example.com", "Résumé")).await.with_status(201);
    server
        .post("/api/v1/messages/sms", r#"{"id":"order-1","to":"+491701234567","body":"x"}"#)
        .await
        .with_status(201);
    push(&redis, PENDING, [mail("plain-7", "kim@example.com", "plain")].into_iter()).await;
    push(&redis, DEAD, [mail("order-9", "jo@example.com", "dead <b>one</b>")].into_iter()).await;
    fill(&redis, 3).await;
    for (query, expected) in [
        ("order-1", &["email order-1 waiting", "sms order-1 waiting"][..]),
        ("ORDER", &["email order-1 waiting", "email order-9 dead", "sms order-1 waiting"]),
        ("order&queue=sms", &["sms order-1 waiting"]),
        ("jo%40example.com", &["email order-1 waiting", "email order-9 dead"]),
        ("r%C3%A9sum%C3%A9", &["email order-1 waiting"]),
        ("0170", &[]),
        ("491701", &["sms order-1 waiting"]),
        ("r.2", &["email m2 dead"]),
        ("%3Cb%3E", &["email order-9 dead"]),
        ("plain", &["email plain-7 waiting"]),
        ("nobody", &[]),
    ] {
        let answer = whole(&server, query).await;
        assert_eq!(found(&answer), expected, "{query}");
        assert!(!answer.to_string().to_lowercase().contains("jo@example"), "{answer}");
    }
    let dead = whole(&server, "order-9").await["found"][0].clone();
    assert_eq!(
        (&dead["to"], &dead["subject"], &dead["near"]),
        (&json!("j…@e….com"), &json!("dead <b>one</b>"), &json!(0))
    );
    let opened =
        server.get(&format!("/api/v1/queues/email/dead/{}?near=0", dead["key"].as_str().unwrap())).await;
    assert_eq!(opened.with_status(200).json()["id"], "order-9");
    let waits = whole(&server, "order-1&queue=email").await["found"][0].clone();
    assert_eq!((&waits["to"], &waits["subject"]), (&json!("J…@E….com"), &json!("Résumé")), "with its status");
    assert!(waits["at"].as_i64().is_some(), "{waits}");
    assert_eq!(whole(&server, "order").await["looked_at"], 7);
}

#[tokio::test]
async fn what_is_sent_or_delayed_or_was_sent_is_found() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    server.post("/api/v1/messages/email", mail("gone-1", "jo@example.com", "first")).await.with_status(201);
    let worker = Serving::start(&redis, "email", LIMIT, sent).await;
    let is_there = |line: &'static str| move |answer: &Value| found(answer).contains(&line.to_owned());
    let ask = async |query: &str| search(&server, query).await;
    eventually("it was sent", LIMIT, async || ask("gone").await, is_there("email gone-1 sent")).await;
    assert_eq!(
        found(&ask("gone-1").await),
        ["email gone-1 sent"],
        "once, by its status and among the last ones"
    );
    worker.stop().await;

    server.post("/api/v1/messages/email", mail("held-1", "jo@example.com", "second")).await.with_status(201);
    push(
        &redis,
        PENDING,
        [r#"{"to":"lee@example.com","body":"x","send_at":"2998-01-01T00:00:00Z"}"#.to_owned()].into_iter(),
    )
    .await;
    let worker = Serving::start(&redis, "email", LIMIT, never).await;
    let held = async || ask("jo%40").await;
    let held = eventually("it is in hand", LIMIT, held, is_there("email held-1 sending")).await;
    assert_eq!(held["found"][0]["subject"], "second");
    let later = async || ask("lee%40").await;
    let later = eventually("it is delayed", LIMIT, later, is_there("email - delayed")).await;
    let one = &later["found"][0];
    assert!(one["due"].as_i64().is_some_and(|due| due > 32_000_000_000_000), "{one}");
    let by_reference = ask(one["reference"].as_str().unwrap()).await;
    assert_eq!(found(&by_reference), ["email - delayed"]);
    drop(worker);
}

#[tokio::test]
async fn a_question_that_is_none_is_refused() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let long = format!("?q={}", "x".repeat(201));
    for query in ["", "?q=", "?q=%20%09", "?queue=email", "?q=a&limit=5", &long] {
        assert_eq!(
            server.get(&format!("{SEARCH}{query}")).await.with_status(400).error(),
            "bad_request",
            "{query}"
        );
    }
    for query in ["?q=a&queue=nobody", "?q=a&queue=No!"] {
        assert_eq!(
            server.get(&format!("{SEARCH}{query}")).await.with_status(404).error(),
            "unknown_queue",
            "{query}"
        );
    }
    for query in ["%00", "*", "[a-z]", "%F0%9F%92%A9", "%22%7D", "%E2%80%AE"] {
        assert_eq!(
            search(&server, query).await,
            json!({"found": [], "complete": true, "looked_at": 0}),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_search_among_many_is_bounded_and_says_so() {
    let redis = RedisServer::start().await;
    fill(&redis, 40_000).await;
    push(&redis, PENDING, (0..20_000).map(|n| mail(&format!("p{n}"), "a@example.com", "s"))).await;
    let server = Server::start(&redis, &[]).await;
    let watch = redis.watch(Duration::from_millis(10)).await;
    for query in ["m39999", "p0", "user", "nobody"] {
        let begun = Instant::now();
        let answer = search(&server, query).await;
        assert!(begun.elapsed() < Duration::from_secs(2), "{query}: {:?}", begun.elapsed());
        assert_eq!(answer["complete"], false, "{query}");
        assert!(answer["looked_at"].as_u64().unwrap() <= 11_500, "{}", answer["looked_at"]);
        let count = answer["found"].as_array().unwrap().len();
        assert!(count == 200 || query != "user", "{count}");
    }
    let newest = async || found(&search(&server, "m39999").await);
    eventually("the newest is found", LIMIT, newest, |found| *found == ["email m39999 dead"]).await;
    assert_eq!(watch.slow_calls().await, [""; 0]);
}

#[tokio::test]
async fn a_broken_queue_or_a_silent_redis_is_told() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    push(&redis, PENDING, [mail("a-1", "a@example.com", "s")].into_iter()).await;
    redis.command(&["SET", "queue:sms:pending", "no list"]).await;
    let answer = search(&server, "a-1").await;
    assert_eq!((found(&answer), &answer["complete"]), (vec!["email a-1 waiting".to_owned()], &json!(false)));
    let broken = server.get(&format!("{SEARCH}?q=a&queue=sms")).await.with_status(500);
    assert_eq!(broken.error(), "broken_queue");
    redis.freeze();
    for path in [
        &format!("{SEARCH}?q=a-1"),
        &format!("{SEARCH}?q=a-1&queue=email"),
        "/api/v1/messages/email/a-1/content",
        "/api/v1/messages/email/a-1/html",
        "/api/v1/messages/email?state=waiting",
    ] {
        let begun = Instant::now();
        assert_eq!(server.get(path).await.with_status(503).error(), "redis_unavailable", "{path}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{path}: {:?}", begun.elapsed());
    }
    redis.thaw();
}

#[tokio::test]
async fn a_dead_shard_hides_no_other_queue() {
    let mut redis = Cluster::start(3).await;
    let server = Server::at(&redis.url(), &[]).await;
    let sms = r#"{"id":"order-2","to":"+4915112345678","body":"b"}"#;
    server.post("/api/v1/messages/sms", sms).await.with_status(201);
    let dead = redis.primary_of("{queue:email}:pending", 0).await.expect("a primary");
    whole(&server, "order").await;
    redis.nodes[dead].kill();
    redis.nodes[dead + 3].kill();
    let asked = &redis.nodes[(dead + 1) % 3];
    let down = |reply: &Reply| !reply.text().contains("cluster_slots_fail:0");
    asked.wait_until(&["CLUSTER", "INFO"], down, LIMIT).await;
    let begun = Instant::now();
    let answer = search(&server, "order").await;
    assert!(begun.elapsed() < Duration::from_millis(2_500), "{:?}", begun.elapsed());
    assert_eq!(
        (found(&answer), &answer["complete"]),
        (vec!["sms order-2 waiting".to_owned()], &json!(false))
    );
}
