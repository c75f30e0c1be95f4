//! What is answered, field for field, with messages in every state.

use std::collections::BTreeSet;
use std::sync::Arc;

use redispatch::config::WorkerSettings;
use redispatch::worker::Trigger;
use redispatch::{Delivery, Failure, Outcome, Receipt, Shutdown, Worker};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::server::Server;

/// A worker of the queue `email` that sends what has the subject `good`, rejects `bad`, and holds `slow`.
struct Desk {
    worker: JoinHandle<()>,
    stop: Trigger,
    go: Arc<Notify>,
}

impl Desk {
    fn open(redis: &RedisServer) -> Self {
        let (stop, shutdown) = Shutdown::manual();
        let go = Arc::new(Notify::new());
        let wait = go.clone();
        let settings =
            WorkerSettings { concurrency: 1, ..WorkerSettings::new(redis.url().parse().expect("a URL")) };
        let worker = Worker::new("email", settings).expect("usable settings");
        let run = worker.run(move |delivery| send(delivery, wait.clone()), shutdown);
        let worker = tokio::spawn(async move {
            run.await.expect("Redis stays");
        });
        Self { worker, stop, go }
    }

    async fn close(self) {
        self.go.notify_one();
        self.stop.drain();
        self.worker.await.expect("the worker ends");
    }
}

async fn send(delivery: Delivery, go: Arc<Notify>) -> Outcome {
    let message: Value = delivery.payload().expect("JSON");
    match message["subject"].as_str() {
        Some("bad") => Outcome::Reject(Failure::new("no such user: bob@example.com")),
        Some("slow") => {
            go.notified().await;
            Outcome::Sent(Receipt::default())
        }
        _ => Outcome::Sent(Receipt::default()),
    }
}

fn mail(id: &str, subject: &str, more: &str) -> String {
    format!(r#"{{"id":"{id}","to":"a@example.com","body":"x","subject":"{subject}"{more}}}"#)
}

/// Two sent, one dead, one delayed, one in hand, and four waiting in all lanes; in another queue one dead and one waiting.
async fn every_state(redis: &RedisServer, server: &Server) -> Desk {
    let desk = Desk::open(redis);
    let later = mail("later", "good", r#","send_at":"2999-01-01T00:00:00Z""#);
    let first = [
        mail("sent-1", "good", r#","metadata":{"order":1.50}"#),
        mail("sent-2", "good", ""),
        mail("dead-1", "bad", r#","metadata":{"order":2}"#),
        later,
        mail("slow", "slow", r#","metadata":{"order":3}"#),
    ];
    server.post("/api/v1/messages/email", format!("[{}]", first.join(","))).await.with_status(201);
    let active = async || server.get("/api/admin/jobs/email").await.json();
    let wanted = |jobs: &Value| {
        jobs["counts"]["completed"] == 2 && jobs["counts"]["delayed"] == 1 && jobs["counts"]["active"] == 1
    };
    eventually("all are where they belong", LIMIT, active, wanted).await;
    let waiting = mail("w", "good", "").replace(r#""id":"w","#, "");
    for list in ["pending", "pending:high", "pending:low", "claimed"] {
        redis.command(&["LPUSH", &format!("queue:email:{list}"), &waiting]).await;
    }
    redis.command(&["LPUSH", "queue:sms:dead_letter", "{}"]).await;
    redis.command(&["LPUSH", "queue:sms:pending", "{}"]).await;
    desk
}

#[tokio::test]
async fn all_bodies_are_those_of_the_contract() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("QUEUES", "news")]).await;
    let desk = every_state(&redis, &server).await;

    let health = server.get("/api/v1/health/redis").await.with_status(200).json();
    let none = json!({ "pending": 0, "processing": 0, "dead_letter": 0 });
    let expected = json!({
        "status": "healthy",
        "redis": "connected",
        "queues": {
            "email": { "pending": 4, "processing": 1, "dead_letter": 1 },
            "news": none,
            "sms": { "pending": 1, "processing": 0, "dead_letter": 1 },
            "whatsapp": none,
        },
        "total": { "pending": 5, "processing": 1, "dead_letter": 2 },
    });
    assert_eq!(health, expected);

    let email = json!({ "waiting": 4, "active": 1, "completed": 2, "failed": 1, "delayed": 1 });
    assert_eq!(server.get("/api/queue/stats?queue=email").await.with_status(200).json(), email);
    let all = json!({ "waiting": 5, "active": 1, "completed": 2, "failed": 2, "delayed": 1 });
    assert_eq!(server.get("/api/queue/stats").await.with_status(200).json(), all);

    let jobs = server.get("/api/admin/jobs/email").await.with_status(200).json();
    assert_eq!(jobs["counts"], email);
    assert_eq!(jobs["scheduled"], json!([]));
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(fields(&jobs), ["counts", "recent", "scheduled"].map(String::from).into());
    assert_eq!(fields(&jobs["recent"]), ["active", "completed", "failed"].map(String::from).into());
    let now = redispatch::clock::unix_ms();
    let ended = |list: &str| {
        let list = jobs["recent"][list].as_array().unwrap().iter();
        list.map(|job| {
            assert!((now - 60_000..=now).contains(&job["at"].as_u64().unwrap()), "{job}");
            (job["id"].as_str().unwrap(), job["state"].as_str().unwrap(), job["metadata"].to_string())
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(
        ended("completed"),
        [("sent-2", "sent", "null".to_owned()), ("sent-1", "sent", r#"{"order":1.5}"#.to_owned())]
    );
    assert_eq!(ended("failed"), [("dead-1", "dead", r#"{"order":2}"#.to_owned())]);
    let [active] = &jobs["recent"]["active"].as_array().unwrap()[..] else { panic!("{jobs}") };
    assert_eq!((&active["id"], &active["metadata"]), (&json!("slow"), &json!({ "order": 3 })));
    assert!(active["lease_ends"].as_u64().unwrap() > now, "{active}");
    assert!(active["reference"].as_str().unwrap().contains('.'), "{active}");

    desk.close().await;
}

#[tokio::test]
async fn a_message_is_followed_by_its_id() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    let desk = every_state(&redis, &server).await;
    let status = async |id: &str| server.get(&format!("/api/v1/messages/email/{id}")).await;

    for (id, state) in [("sent-1", "sent"), ("dead-1", "dead"), ("later", "delayed"), ("slow", "sending")] {
        let found = status(id).await.with_status(200).json();
        assert_eq!(
            (&found["queue"], &found["id"], &found["state"]),
            (&json!("email"), &json!(id), &json!(state))
        );
        assert!(found["at"].as_i64().unwrap() > 1_700_000_000_000, "{found}");
        // The claim token is for the worker that holds it.
        assert!(found.get("token").is_none() && found.get("member").is_none(), "{found}");
    }
    let dead = status("dead-1").await.json();
    assert_eq!(dead["reason"], "reject");
    assert_eq!(dead["error"], "no such user: bo…@e….com");
    assert_eq!(status("later").await.json()["due"], 32_472_144_000_000_i64);
    assert_eq!(status("nobody").await.with_status(404).error(), "unknown_message");

    desk.close().await;
    let odd = mail("a/b c%", "good", "");
    server.post("/api/v1/messages/email", odd).await.with_status(201);
    let found = status("a%2Fb%20c%25").await.with_status(200).json();
    assert_eq!((&found["id"], &found["state"]), (&json!("a/b c%"), &json!("waiting")));
}

#[tokio::test]
async fn no_more_entries_than_asked_for() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    for n in 0..150 {
        let line = format!(r#"{{"id":"m{n}","state":"sent","at":{n}}}"#);
        redis.command(&["LPUSH", "queue:email:recent", &line]).await;
    }
    redis.command(&["LPUSH", "queue:email:recent", "not ours"]).await;
    for (path, count) in [("", 100), ("?limit=3", 3), ("?limit=0", 0), ("?limit=5000", 150)] {
        let jobs = server.get(&format!("/api/admin/jobs/email{path}")).await.with_status(200).json();
        let completed = jobs["recent"]["completed"].as_array().unwrap();
        assert_eq!(completed.len(), count, "{path}");
        assert!(completed.first().is_none_or(|job| job["id"] == "m149"), "{path}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[]).await;
    // Keys alone make no queue: nobody scans for them.
    redis.command(&["LPUSH", "queue:lost:pending", "{}"]).await;
    for path in [
        "/api/queue/stats?queue=lost",
        "/api/queue/stats?queue=",
        "/api/queue/stats?queue=E%20mail",
        "/api/admin/jobs/lost",
        "/api/admin/jobs/..%2Femail",
        "/api/v1/messages/lost/1",
    ] {
        assert_eq!(server.get(path).await.with_status(404).error(), "unknown_queue", "{path}");
    }
    redis.command(&["SADD", "queue:queues", "lost"]).await;
    assert_eq!(server.get("/api/queue/stats?queue=lost").await.with_status(200).json()["waiting"], 1);
    for path in ["/api", "/api/v1/health", "/metrics/", "/api/admin/jobs", "//metrics"] {
        assert_eq!(server.get(path).await.with_status(404).error(), "not_found", "{path}");
    }
    for path in
        ["/api/queue/stats?queu=email", "/api/queue/stats?queue=a&queue=b", "/api/admin/jobs/email?limit=x"]
    {
        assert_eq!(server.get(path).await.with_status(400).error(), "bad_request", "{path}");
    }
    assert_eq!(server.get("/api/admin/jobs/%FF").await.with_status(400).error(), "bad_request");
}
