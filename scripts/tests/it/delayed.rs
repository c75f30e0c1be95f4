//! `delayed`: what is scheduled, and what waits for a retry.

use std::time::Duration;

use redispatch::{Delivery, Failure, Outcome};
use redispatch_testkit::redis::RedisServer;
use serde_json::Value;

use crate::cancel::{becomes, enqueue, mail};
use crate::run::queuectl;
use crate::serving::Serving;

fn at(id: &str, year: u32) -> String {
    format!(
        r#"{{"to":["Jo Doe <jo@example.com>","kim@example.com"],"body":"x","id":"{id}","send_at":"{year}-01-01T00:00:00Z"}}"#
    )
}

#[tokio::test]
async fn the_first_due_in_front_and_nobody_can_be_read() {
    async fn fail(_: Delivery) -> Outcome {
        Outcome::Retry(Failure::new("450 busy"))
    }
    let redis = RedisServer::start().await;
    let none = queuectl(&redis, &["delayed", "-q", "email"]).await.with_code(1);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "0 of 0 delayed messages of email\n"));
    for (id, year) in [("c", 2999), ("a", 2997), ("b", 2998)] {
        enqueue(&redis, &at(id, year)).await;
    }
    enqueue(&redis, &mail("failed")).await;
    let worker = Serving::start(&redis, "email", Duration::from_secs(3600), fail).await;
    for id in ["a", "b", "c", "failed"] {
        becomes(&redis, id, "delayed").await;
    }
    worker.stop().await;

    let ran = queuectl(&redis, &["delayed", "-q", "email"]).await.with_code(0);
    crate::snapshot::fits(&ran.stdout);
    let lines: Vec<_> = ran.stdout.lines().skip(1).collect();
    assert_eq!(lines.len(), 4, "{}", ran.stdout);
    for (line, parts) in lines.iter().zip([
        ["failed", "retry 1", "pending"],
        ["2997-01-01 00:00:00", " a ", "its time"],
        ["2998-01-01 00:00:00", " b ", "its time"],
        ["2999-01-01 00:00:00", " c ", "its time"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} in {line:?}");
    }
    assert!(!ran.stdout.contains("jo@example.com") && !ran.stdout.contains("Doe"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "4 of 4 delayed messages of email\n");

    let args = ["delayed", "-q", "email", "--skip", "1", "--limit", "2", "--json"];
    let json = queuectl(&redis, &args).await.with_code(0).json();
    let ids: Vec<_> =
        json.as_array().unwrap().iter().map(|message| message["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["a", "b"]);
    let first: &Value = &json[0];
    assert_eq!(
        (&first["scheduled"], &first["retries"], &first["lane"]),
        (&true.into(), &0.into(), &"pending".into())
    );
    assert_eq!(first["due"], 32_409_072_000_000_i64);
    assert!(first["message"]["body"] == "x" && !json.to_string().contains("jo@example.com"), "{json}");
    queuectl(&redis, &["delayed", "-q", "email", "--skip", "4"]).await.with_code(1);
    queuectl(&redis, &["delayed", "-q", "emial"]).await.with_code(2);
}

#[tokio::test]
async fn more_than_one_call_may_read_are_listed_all() {
    let redis = RedisServer::start().await;
    let lines: String = (0..2_500).map(|n| format!("{}\n", at(&format!("m{n}"), 2999))).collect();
    crate::run::queuectl_with(&redis, &["enqueue", "-q", "email", "-"], lines.as_bytes()).await.with_code(0);
    let ran = queuectl(&redis, &["delayed", "-q", "email", "--limit", "9999", "--json"]).await.with_code(0);
    let json = ran.json();
    let ids: std::collections::BTreeSet<_> =
        json.as_array().unwrap().iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 2_500);
}
