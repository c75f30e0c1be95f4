//! One dead letter, edited, requeued or purged.

use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use serde_json::{Value, json};

use super::{PATH, groups, listed, page, place};
use crate::api::http::{Answer, request};
use crate::api::server::Server;
use crate::dead::hash;
use crate::queue::{DEAD, PENDING, code, fill, length, letter, numbers, oldest_first, push};

const DEAD_TAKE: &str = include_str!("../../../../../shared/lua/dead_take.lua");

async fn put(server: &Server, path: &str, body: &Value) -> Answer {
    let json = [("content-type", "application/json")];
    request(server.addr, &format!("PUT {path}"), &json, body.to_string()).await
}

/// `POST …/KEY/VERB` with where it is.
async fn order(server: &Server, letter: &Value, verb: &str) -> Answer {
    let path = format!("{PATH}/{}/{verb}", letter["key"].as_str().unwrap());
    server.post(&path, json!({"near": letter["near"]}).to_string()).await
}

/// The letter's place for a `PUT`.
fn at(letter: &Value) -> String {
    format!("{PATH}/{}", letter["key"].as_str().unwrap())
}

async fn message(server: &Server, letter: &Value) -> Value {
    server.get(&format!("{}&reveal=true", place(letter))).await.with_status(200).json()["message"].clone()
}

async fn texts(redis: &RedisServer, list: &str) -> Vec<String> {
    let all = oldest_first(redis, list).await;
    all.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

#[tokio::test]
async fn one_is_requeued_or_purged_and_all_others_stay() {
    let redis = RedisServer::start().await;
    fill(&redis, 10).await;
    let server = Server::start(&redis, &[]).await;
    let (one, other) = (listed(&server, "m4").await, listed(&server, "m7").await);
    assert_eq!(order(&server, &one, "requeue").await.with_status(200).json(), json!({"requeued": true}));
    assert_eq!(order(&server, &other, "purge").await.with_status(200).json(), json!({"purged": true}));
    assert_eq!(numbers(&redis, DEAD).await, [0, 1, 2, 3, 5, 6, 8, 9]);
    assert_eq!(numbers(&redis, PENDING).await, [4]);
    assert_eq!(redis.command(&["HGET", "queue:email:status:m4", "state"]).await.text(), "waiting");
    assert_eq!(redis.command(&["EXISTS", "queue:email:control"]).await.int(), 0);
    // Again, as after an answer that was lost: nothing else is touched.
    for (letter, verb) in [(&one, "requeue"), (&one, "purge"), (&other, "purge"), (&other, "requeue")] {
        assert_eq!(order(&server, letter, verb).await.with_status(404).error(), "unknown_dead_letter");
    }
    assert_eq!((length(&redis, DEAD).await, length(&redis, PENDING).await), (8, 1));
    assert_eq!(groups(&server).await["total"], 8, "counted anew");
}

#[tokio::test]
async fn of_two_with_one_id_the_one_that_was_seen_is_taken() {
    let redis = RedisServer::start().await;
    let two =
        [r#"{"id":"m1","to":"a@example.com","body":"1"}"#, r#"{"id":"m1","to":"a@example.com","body":"2"}"#];
    push(&redis, DEAD, two.map(str::to_owned).into_iter()).await;
    let server = Server::start(&redis, &[]).await;
    let page = page(&server, "", 50).await;
    order(&server, &page["letters"][1], "purge").await.with_status(200);
    assert_eq!(texts(&redis, DEAD).await, [two[1]]);
}

#[tokio::test]
async fn an_edit_keeps_what_it_does_not_mean() {
    let redis = RedisServer::start().await;
    fill(&redis, 4).await;
    let odd = r#"{ "id":"odd","to":"jo@example.com","body":"x","n":77,"price":1.10,"big":12345678901234567890,"_delivery":{"lane":"low","dead_at": "2026-01-02T03:04:05Z"}}"#;
    push(&redis, DEAD, [odd.to_owned()].into_iter()).await;
    let server = Server::start(&redis, &[]).await;
    let one = listed(&server, "odd").await;
    // As a browser gives it back.
    let mut given = json!({"id": "odd", "to": "jo@example.com", "body": "x", "n": 77, "price": 1.1, "big": 12345678901234567000_u64});
    let same = put(&server, &at(&one), &json!({"message": given, "near": one["near"]}))
        .await
        .with_status(200)
        .json();
    assert_eq!(same, json!({"key": one["key"], "edited": false, "requeued": false}));
    assert_eq!(texts(&redis, DEAD).await[4], odd, "to the byte");

    given["to"] = json!("kim@example.com");
    given["subject"] = json!("é");
    given["_delivery"] = json!({"lane": "high"});
    let edited = put(&server, &at(&one), &json!({"message": given, "near": one["near"]}))
        .await
        .with_status(200)
        .json();
    let mended = r#"{"id":"odd","to":"kim@example.com","body":"x","n":77,"price":1.10,"big":12345678901234567890,"_delivery":{"lane":"low","dead_at": "2026-01-02T03:04:05Z"},"subject":"é"}"#;
    assert_eq!(texts(&redis, DEAD).await[4], mended);
    assert_eq!((&edited["edited"], &edited["requeued"]), (&json!(true), &json!(false)));
    let now = listed(&server, "odd").await;
    assert_eq!(edited["key"], now["key"]);
    let gone =
        put(&server, &at(&one), &json!({"message": given, "near": one["near"]})).await.with_status(404);
    assert_eq!(gone.error(), "unknown_dead_letter", "the old one is no more");

    given["subject"] = json!("Hi");
    let order = json!({"message": given, "near": now["near"], "requeue": true});
    let requeued = put(&server, &at(&now), &order).await.with_status(200).json();
    assert_eq!((&requeued["edited"], &requeued["requeued"]), (&json!(true), &json!(true)));
    assert_eq!(
        texts(&redis, "queue:email:pending:low").await,
        [mended.replace("é", "Hi")],
        "to its own lane"
    );
    assert_eq!(numbers(&redis, DEAD).await, [0, 1, 2, 3]);

    // As it was shown masked: nobody's address becomes a mask.
    let one = listed(&server, "m2").await;
    let mut masked = server.get(&place(&one)).await.json()["message"].clone();
    masked["subject"] = json!("new");
    put(&server, &at(&one), &json!({"message": masked, "near": 0, "requeue": true})).await.with_status(200);
    assert_eq!(texts(&redis, PENDING).await, [letter(2, code(2), "pending").replace("n 2", "new")]);
}

#[tokio::test]
async fn what_a_worker_would_refuse_is_refused_unless_forced() {
    let redis = RedisServer::start().await;
    fill(&redis, 4).await;
    let server = Server::start(&redis, &[]).await;
    let one = listed(&server, "m2").await;
    let before = texts(&redis, DEAD).await;
    let mut bad = message(&server, &one).await;
    bad["to"] = json!("nobody");
    for (body, status, code) in [
        (json!({"message": bad}), 422, "unusable_message"),
        (json!({"message": bad, "requeue": true, "near": 2}), 422, "unusable_message"),
        (json!({"message": "text"}), 422, "unusable_message"),
        (json!({"message": [bad]}), 422, "unusable_message"),
        (json!({"message": null}), 422, "unusable_message"),
        (
            json!({"message": {"to": "a@example.com", "body": "x", "send_at": "tomorrow"}}),
            422,
            "unusable_message",
        ),
        (json!({}), 400, "bad_request"),
        (json!([bad]), 400, "bad_request"),
        (json!({"message": bad, "forced": true}), 400, "bad_request"),
        (json!({"message": bad, "force": "yes"}), 400, "bad_request"),
        (json!({"message": bad, "near": -1}), 400, "bad_request"),
    ] {
        let answer = put(&server, &at(&one), &body).await.with_status(status);
        assert_eq!(answer.error(), code, "{body}");
        assert_eq!(texts(&redis, DEAD).await, before, "{body}");
    }
    for verb in ["requeue", "purge"] {
        for (body, code) in [
            ("", "bad_json"),
            ("[]", "bad_request"),
            (r#"{"near":"1"}"#, "bad_request"),
            (r#"{"all":true}"#, "bad_request"),
        ] {
            let answer = server.post(&format!("{}/{verb}", at(&one)), body).await.with_status(400);
            assert_eq!(answer.error(), code, "{verb} {body}");
        }
    }
    assert_eq!(texts(&redis, DEAD).await, before);
    put(&server, &at(&one), &json!({"message": bad, "force": true, "near": 2})).await.with_status(200);
    assert!(texts(&redis, DEAD).await[2].contains(r#""to":"nobody""#));
    let small = Server::start(&redis, &[("MAX_MESSAGE_BYTES", "1024")]).await;
    let one = listed(&small, "m3").await;
    let long = json!({"message": {"to": "a@example.com", "body": "x".repeat(1_000)}, "force": true});
    assert_eq!(put(&small, &at(&one), &long).await.with_status(413).error(), "too_large");
}

#[tokio::test]
async fn a_lost_answer_is_told_and_nothing_is_done_twice() {
    for verb in ["requeue", "purge"] {
        let redis = RedisServer::start().await;
        fill(&redis, 3).await;
        let proxy = Proxy::start(redis.addr());
        let server = Server::at(&proxy.url(), &[]).await;
        let one = listed(&server, "m1").await;
        proxy.lose_reply(&hash(&redis, DEAD_TAKE).await, Then::Close);
        // The script knows what it has done.
        order(&server, &one, verb).await.with_status(200);
        assert_eq!(numbers(&redis, DEAD).await, [0, 2]);
        assert_eq!(length(&redis, PENDING).await, i64::from(verb == "requeue"));
    }
    // The answer never comes.
    let redis = RedisServer::start().await;
    fill(&redis, 3).await;
    let proxy = Proxy::start(redis.addr());
    let server = Server::at(&proxy.url(), &[]).await;
    let one = listed(&server, "m1").await;
    let mut mended = message(&server, &one).await;
    mended["subject"] = json!("new");
    let hash = hash(&redis, DEAD_TAKE).await;
    proxy.lose_reply(&hash, Then::Hang);
    let lost = put(&server, &at(&one), &json!({"message": mended, "requeue": true, "near": 1}))
        .await
        .with_status(503);
    assert_eq!(lost.error(), "redis_unavailable");
    assert!(lost.body.contains("it may be edited all the same"), "{}", lost.body);
    assert!(texts(&redis, DEAD).await[1].contains("new"), "as it says");
    assert_eq!(length(&redis, PENDING).await, 0);
    let again = async || listed(&server, "m1").await;
    let one = eventually("it answers again", LIMIT, again, |letter| letter["subject"] == "new").await;
    order(&server, &one, "requeue").await.with_status(200);
    assert_eq!((length(&redis, DEAD).await, length(&redis, PENDING).await), (2, 1));
}

#[tokio::test]
async fn an_answer_lost_between_edit_and_requeue_says_what_is_done() {
    let redis = RedisServer::start().await;
    fill(&redis, 3).await;
    let proxy = Proxy::start(redis.addr());
    let server = Server::at(&proxy.url(), &[]).await;
    let one = listed(&server, "m1").await;
    let mut mended = message(&server, &one).await;
    mended["subject"] = json!("new");
    proxy.lose_reply("\r\nrequeue\r\n", Then::Hang);
    let order = json!({"message": mended, "requeue": true, "near": 1});
    let lost = put(&server, &at(&one), &order).await;
    let lost = lost.with_status(503);
    assert!(lost.body.contains("it is edited, and may be requeued"), "{}", lost.body);
    let all = [texts(&redis, DEAD).await, texts(&redis, PENDING).await].concat();
    assert_eq!(all.iter().filter(|text| text.contains("new")).count(), 1);
    assert_eq!(all.len(), 3);
}

#[tokio::test]
async fn while_redis_is_away_nothing_is_changed_and_everybody_is_told() {
    let mut redis = RedisServer::start().await;
    fill(&redis, 3).await;
    let server = Server::start(&redis, &[]).await;
    let one = listed(&server, "m1").await;
    let mended = json!({"message": {"to": "a@example.com", "body": "x"}});
    redis.kill();
    for (what, answer) in [
        ("requeue", order(&server, &one, "requeue").await),
        ("purge", order(&server, &one, "purge").await),
        ("edit", put(&server, &at(&one), &mended).await),
    ] {
        assert_eq!(answer.with_status(503).error(), "redis_unavailable", "{what}");
    }
}

#[tokio::test]
async fn a_turn_that_was_broken_off_is_put_right_and_then_one_can_be_changed() {
    let redis = RedisServer::start().await;
    fill(&redis, 600).await;
    let server = Server::start(&redis, &[]).await;
    let one = listed(&server, "m5").await;
    // Half of the list was turned by somebody who is gone, or still at work.
    let half = |until: &str| format!("somebody:{until}:2:300:600");
    for _ in 0..300 {
        redis.command(&["RPOPLPUSH", DEAD, DEAD]).await;
    }
    let time = redis.command(&["TIME"]).await;
    let soon = time.array()[0].text().parse::<i64>().unwrap() * 1_000 + 8_000;
    redis.command(&["HSET", "queue:email:control", "dead_turn", &half(&soon.to_string())]).await;
    assert_eq!(order(&server, &one, "purge").await.with_status(409).error(), "busy");
    redis.command(&["HSET", "queue:email:control", "dead_turn", &half("1")]).await;
    let purge = async || order(&server, &one, "purge").await.status;
    eventually("it is put right", LIMIT, purge, |status| *status == 200).await;
    assert_eq!(
        numbers(&redis, DEAD).await,
        (0..600).filter(|n| *n != 5).collect::<Vec<_>>(),
        "in their old order"
    );
}
