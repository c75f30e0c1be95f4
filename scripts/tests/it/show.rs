//! `show`: one message in all its states.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redispatch::{Delivery, Failure, Outcome, Receipt};
use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;

use crate::api::server::Server;
use crate::queue::unstamped;
use crate::run::queuectl;
use crate::serving::{self, Serving};

const MAIL: &str =
    r#"{"to":"Jo Doe <jo@example.com>","body":"Call +491701234567","id":"order-1","zip":7.50}"#;

/// The line of `text` that begins with `label`.
fn line<'a>(text: &'a str, label: &str) -> &'a str {
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in:\n{text}")).trim()
}

async fn enqueue(redis: &RedisServer) {
    queuectl(redis, &["enqueue", "-q", "email", MAIL]).await.with_code(0);
}

async fn becomes(redis: &RedisServer, state: &str) {
    let status = ["HGET", "queue:email:status:order-1", "state"];
    let is =
        |reply: &redispatch_testkit::Reply| *reply != redispatch_testkit::Reply::Nil && reply.text() == state;
    redis.wait_until(&status, is, LIMIT).await;
}

async fn show(redis: &RedisServer, more: &[&str]) -> String {
    let args = [&["show", "--queue", "email", "order-1"][..], more].concat();
    queuectl(redis, &args).await.with_code(0).stdout
}

#[tokio::test]
async fn an_unknown_id_and_where_to_look_for_it() {
    let redis = RedisServer::start().await;
    let ran = queuectl(&redis, &["show", "-q", "email", "order-1"]).await.with_code(1);
    assert!(ran.stderr.contains("queue `email` knows nothing of `order-1`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("queuectl dead show --queue email"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[tokio::test]
async fn waiting_then_in_the_hands_of_a_worker_then_sent() {
    let redis = RedisServer::start().await;
    enqueue(&redis).await;
    assert_eq!(line(&show(&redis, &[]).await, "state"), "waiting for a worker");
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::never).await;
    becomes(&redis, "sending").await;
    let text = show(&redis, &[]).await;
    assert_eq!(line(&text, "state"), "being sent");
    let id = redis.command(&["HKEYS", "queue:email:workers"]).await.array()[0].text().to_owned();
    assert_eq!(line(&text, "worker"), id);
    assert!(line(&text, "lease").contains("(ends in "), "{text}");
    let message = line(&text, "message");
    assert!(!message.contains("jo@example.com") && !message.contains("1234567"), "{message}");
    assert!(message.contains("order-1"), "{message}");
    assert_eq!(unstamped(line(&show(&redis, &["--reveal"]).await, "message")), MAIL);
    let json = show(&redis, &["--json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["state"], &json["worker"]), (&"sending".into(), &id.as_str().into()));
    assert_eq!(json["began"], json["at"]);
    assert!(json["lease_ends"].as_i64().unwrap() > json["at"].as_i64().unwrap());
    assert!(!json.to_string().contains("jo@example.com"));
    drop(worker);
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::sent).await;
    // what the first one held is still in its hands: its lease goes on
    assert_eq!(line(&show(&redis, &[]).await, "state"), "being sent");
    redis.command(&["DEL", "queue:email:processing", "queue:email:messages"]).await;
    assert!(line(&show(&redis, &[]).await, "state").starts_with("was being sent and is not any more"));
    redis.command(&["LPUSH", "queue:email:pending", MAIL]).await;
    becomes(&redis, "sent").await;
    let text = show(&redis, &[]).await;
    assert_eq!(line(&text, "provider id"), "250 queued as 4711");
    worker.stop().await;
}

#[tokio::test]
async fn delayed_with_its_error_then_dead() {
    async fn fail(_: Delivery) -> Outcome {
        Outcome::Retry(Failure::new("450 <jo@example.com> is busy"))
    }
    let redis = RedisServer::start().await;
    enqueue(&redis).await;
    let worker = Serving::start(&redis, "email", Duration::from_secs(3600), fail).await;
    becomes(&redis, "delayed").await;
    let text = show(&redis, &[]).await;
    assert!(line(&text, "due").contains("(comes in "), "{text}");
    assert!(line(&text, "failed").contains("450 ") && line(&text, "failed").contains("is busy"), "{text}");
    assert_eq!(line(&text, "attempts"), "1");
    assert!(line(&text, "error").starts_with("450 ") && !text.contains("jo@"), "{text}");
    assert!(!line(&text, "message").contains("jo@example.com"), "{text}");
    worker.stop().await;
    // the last try
    let used_up = MAIL.replace("order-1", "order-2").replace("\"zip\"", "\"max_retries\":1,\"zip\"");
    redis.command(&["LPUSH", "queue:email:pending", &used_up]).await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, fail).await;
    redis.wait_until(&["LLEN", "queue:email:dead_letter"], |dead| dead.int() == 1, LIMIT).await;
    let ran = queuectl(&redis, &["show", "-q", "email", "order-2"]).await.with_code(0);
    assert_eq!(line(&ran.stdout, "state"), "dead: given up, see `queuectl dead show`");
    worker.stop().await;
}

#[tokio::test]
async fn every_attempt_with_its_code_and_provider_and_what_came_of_it() {
    static SENDS: AtomicU32 = AtomicU32::new(0);
    async fn third_time_lucky(_: Delivery) -> Outcome {
        match SENDS.fetch_add(1, Ordering::Relaxed) {
            0 => Outcome::Retry(Failure::new("451 <jo@example.com> later").with_code("451").by("smtp")),
            1 => Outcome::Retry(Failure::new("no answer").by("backup")),
            _ => Outcome::Sent(Receipt {
                provider_id: Some("SM0123456789".into()),
                provider: Some("backup"),
                result: Some(r#"{"parts":2,"to":"jo@example.com"}"#.into()),
            }),
        }
    }
    let redis = RedisServer::start().await;
    enqueue(&redis).await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, third_time_lucky).await;
    becomes(&redis, "sent").await;
    worker.stop().await;
    let json: serde_json::Value = serde_json::from_str(&show(&redis, &["--json"]).await).unwrap();
    assert_eq!((&json["state"], &json["attempts"]), (&"sent".into(), &3.into()));
    let at = |name: &str| json[name].as_i64().unwrap_or_else(|| panic!("no {name}: {json}"));
    assert!(at("enqueued_at") <= at("ended") && at("ended") == at("at"), "{json}");
    assert_eq!((&json["provider_id"], &json["result"]["parts"]), (&"SM0123456789".into(), &2.into()));
    let [first, second] = &json["log"].as_array().unwrap()[..] else { panic!("{json}") };
    assert_eq!((&first["code"], &first["provider"]), (&"451".into(), &"smtp".into()));
    assert_eq!((&second["error"], second.get("code")), (&"no answer".into(), None));
    assert!(first["at"].as_str() <= second["at"].as_str());
    assert!(!json.to_string().contains("jo@example.com"), "{json}");
    let text = show(&redis, &["--reveal"]).await;
    let failed: Vec<_> = text.lines().filter(|line| line.starts_with("failed ")).collect();
    assert!(failed[0].ends_with("Z  smtp 451 451 <jo@example.com> later"), "{text}");
    assert!(failed[1].ends_with("Z  backup no answer") && failed.len() == 2, "{text}");
    assert!(line(&text, "result").contains("jo@example.com"), "{text}");

    let server = Server::start(&redis, &[]).await;
    let mut served = server.get("/api/v1/messages/email/order-1").await.with_status(200).json();
    served["worker"] = serde_json::Value::Null;
    served["message"] = serde_json::Value::Null;
    assert_eq!(served, json, "HTTP says the same");
}

#[tokio::test]
async fn what_a_handler_wrote_down_and_a_message_that_was_cancelled() {
    let redis = RedisServer::start().await;
    let lines = "{\"at\":\"2026-01-31T12:00:00.000Z\",\"line\":\"read jo@example.com\"}\nnonsense\n\
        {\"at\":\"2026-01-31T12:00:01.000Z\",\"line\":\"done\"}";
    let status = ["state", "cancelled", "at", "1769857200000", "progress", "0.5", "lines", lines];
    redis.command(&[&["HSET", "queue:email:status:order-1"][..], &status].concat()).await;
    let text = show(&redis, &[]).await;
    assert_eq!(line(&text, "state"), "cancelled: it is never sent");
    assert_eq!(line(&text, "progress"), "0.5");
    let log: Vec<_> = text.lines().filter(|line| line.starts_with("log ")).collect();
    assert_eq!(log.len(), 2, "{text}");
    assert!(log[0].contains("2026-01-31T12:00:00.000Z  read j…@") && log[1].ends_with("  done"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&show(&redis, &["--json"]).await).unwrap();
    assert_eq!((&json["ended"], &json["progress"]), (&1_769_857_200_000_i64.into(), &0.5.into()));
    assert_eq!(json["lines"][1]["line"], "done");
}
