//! A paused intake: nobody enqueues, whichever way, and what is there is sent.

use std::time::Duration;

use redispatch::config::QueueSettings;
use redispatch::keys::Lane;
use redispatch::queue::{Queue, QueueError};
use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;
use tokio::io::AsyncReadExt as _;

use crate::api::server::Server;
use crate::cancel::{becomes, enqueue, mail, sent};
use crate::live::Live;
use crate::run::{command, finish, queuectl};
use crate::serving::{self, Serving};

const NOTE: &str = "moving to another Redis";

async fn pause(redis: &RedisServer) {
    let ran = queuectl(redis, &["pause", "--intake", "-q", "email", "--note", NOTE]).await.with_code(0);
    assert_eq!(ran.stdout, "email: intake paused until `queuectl resume --intake --queue email`\n");
}

#[tokio::test]
async fn library_command_line_and_http_are_refused_with_the_note_and_workers_go_on() {
    let redis = RedisServer::start().await;
    enqueue(&redis, &mail("before")).await;
    pause(&redis).await;
    let queue = Queue::new("email", QueueSettings::new(redis.url().parse().unwrap())).unwrap();
    let refused = queue.enqueue(Lane::Pending, vec![mail("1").into()]).await.unwrap_err();
    assert!(matches!(&refused, QueueError::Intake(note) if note == NOTE), "{refused:?}");
    let again = queue.enqueue_again(Lane::Pending, vec![mail("1").into()]).await.unwrap_err();
    assert!(matches!(&again, QueueError::Intake(note) if note == NOTE), "{again:?}");
    for force in [&[][..], &["--force"]] {
        let message = mail("2");
        let args = [&["enqueue", "-q", "email", message.as_str()][..], force].concat();
        let ran = queuectl(&redis, &args).await.with_code(2);
        assert!(ran.stderr.contains("queue `email` takes no messages now"), "{ran:?}");
        assert!(ran.stderr.contains(NOTE) && ran.stderr.contains("changed: 0 enqueued"), "{ran:?}");
        assert!(ran.stderr.contains("hint: queuectl resume --intake --queue email"), "{ran:?}");
    }
    let server = Server::start(&redis, &[]).await;
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.contains("redispatch_queue_intake_paused{queue=\"email\"} 1\n"), "{metrics}");
    for path in ["/api/admin/jobs/email", "/api/v1/messages/email", "/api/v1/messages/email?force=true"] {
        let answer = server.post(path, mail("3")).await.with_status(503);
        assert_eq!(answer.error(), "intake_paused");
        assert!(answer.headers["retry-after"].parse::<u32>().unwrap() > 0);
        assert!(answer.json()["error"]["message"].as_str().unwrap().contains(NOTE), "{answer:?}");
    }
    // the other queues take messages, plain pushes cannot be refused, and workers send
    server.post("/api/admin/jobs/sms", r#"{"to":"+491701234567","body":"x"}"#).await.with_status(201);
    redis.command(&["LPUSH", "queue:email:pending", &mail("pushed")]).await;
    let worker = Serving::start(&redis, "email", Duration::ZERO, serving::sent).await;
    becomes(&redis, "before", "sent").await;
    becomes(&redis, "pushed", "sent").await;
    queuectl(&redis, &["drain", "--queues", "email", "--timeout", "30"]).await.with_code(0);
    assert_eq!(sent(&redis).await, 2);

    let ran = queuectl(&redis, &["resume", "--intake", "-q", "email"]).await.with_code(0);
    assert_eq!(ran.stdout, "email: intake resumed\n");
    let ran = queuectl(&redis, &["resume", "--intake", "-q", "email"]).await.with_code(1);
    assert_eq!(ran.stdout, "email: intake was not paused\n");
    enqueue(&redis, &mail("4")).await;
    server.post("/api/admin/jobs/email", mail("5")).await.with_status(201);
    queue.enqueue(Lane::Pending, vec![mail("6").into()]).await.unwrap();
    for id in ["4", "5", "6"] {
        becomes(&redis, id, "sent").await;
    }
    worker.stop().await;
}

#[tokio::test]
async fn stats_and_doctor_say_that_it_is_paused_and_why() {
    let redis = RedisServer::start().await;
    pause(&redis).await;
    let stats = queuectl(&redis, &["stats", "-q", "email"]).await.with_code(0).stdout;
    assert!(stats.contains("\nemail: intake paused for ") && stats.contains(NOTE), "{stats}");
    let json = queuectl(&redis, &["stats", "--json"]).await.with_code(0).json();
    assert_eq!(json["queues"]["email"]["intake_paused"]["note"], NOTE);
    assert_eq!(
        json["queues"]["email"]["hindered"],
        serde_json::json!([]),
        "it hinders no message that is there"
    );
    assert_eq!(json["queues"]["sms"]["intake_paused"], serde_json::Value::Null);
    let home = tempfile::tempdir().unwrap();
    let mut watch =
        Live::start(command(&redis.url(), home.path(), &["stats", "--watch", "200ms", "-q", "email"]));
    while !watch.line().await.starts_with("email: intake paused for ") {}
    drop(watch);
    let doctor = queuectl(&redis, &["doctor", "--no-provider", "--json"]).await.json();
    let found = doctor.as_array().unwrap().iter().find(|finding| {
        finding["queue"] == "email" && finding["found"].as_str().unwrap().starts_with("intake paused")
    });
    let found = found.unwrap_or_else(|| panic!("{doctor}"));
    assert_eq!(found["level"], "warning");
    assert_eq!(found["do"], "queuectl resume --intake --queue email");
}

#[tokio::test]
async fn a_pause_of_the_intake_is_no_pause_of_the_queue_and_the_other_way_round() {
    let redis = RedisServer::start().await;
    pause(&redis).await;
    queuectl(&redis, &["resume", "-q", "email"]).await.with_code(1);
    queuectl(&redis, &["pause", "-q", "email"]).await.with_code(0);
    queuectl(&redis, &["resume", "--intake", "-q", "email"]).await.with_code(0);
    enqueue(&redis, &mail("1")).await;
    let control = redis.command(&["HKEYS", "queue:email:control"]).await;
    let fields: Vec<_> = control.array().iter().map(|field| field.text().to_owned()).collect();
    assert!(fields.contains(&"paused_until".to_owned()), "{fields:?}");
    queuectl(&redis, &["resume", "-q", "email"]).await.with_code(0);
    let both = queuectl(&redis, &["pause", "--intake", "-q", "email", "--for", "1h"]).await.with_code(2);
    assert!(both.stderr.contains("cannot be used with"), "{both:?}");
}

#[tokio::test]
async fn one_that_is_paused_in_the_middle_of_a_file_leaves_a_count() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let lines: String = (0..20_000).map(|n| format!("{}\n", mail(&format!("m{n}")))).collect();
    std::fs::write(home.path().join("mails.jsonl"), lines).unwrap();
    let args = ["enqueue", "-q", "email", "-f", "mails.jsonl"];
    let mut child = command(&redis.url(), home.path(), &args).spawn().unwrap();
    // Its ids fill the pipe, and it waits until somebody reads them.
    redis.wait_until(&["LLEN", "queue:email:pending"], |length| length.int() > 0, LIMIT).await;
    pause(&redis).await;
    let mut told = String::new();
    child.stdout.take().unwrap().read_to_string(&mut told).await.unwrap();
    let ended = child.wait_with_output().await.unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let there = redis.command(&["LLEN", "queue:email:pending"]).await.int();
    assert!((200..20_000).contains(&there) && told.lines().count() as i64 == there, "{there} were enqueued");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains(&format!("changed: {there} enqueued\n")) && said.contains(NOTE), "{said}");
}

#[tokio::test]
async fn accept_jobs_no_refuses_here_and_nowhere_else() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let message = mail("1");
    let mut refused = command(&redis.url(), home.path(), &["enqueue", "-q", "email", message.as_str()]);
    refused.env("WORKER_ACCEPT_JOBS", "no");
    let ran = finish(refused, b"").await.with_code(2);
    assert!(ran.stderr.contains("hint: WORKER_ACCEPT_JOBS=no is set here"), "{ran:?}");
    let server = Server::start(&redis, &[("WORKER_ACCEPT_JOBS", "no")]).await;
    let answer = server.post("/api/admin/jobs/email", mail("1")).await.with_status(503);
    assert_eq!(answer.error(), "intake_paused");
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("WORKER_ACCEPT_JOBS"), "{answer:?}");
    assert_eq!(redis.command(&["EXISTS", "queue:email:pending"]).await.int(), 0);
    enqueue(&redis, &message).await;
}
