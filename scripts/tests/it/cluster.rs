//! `queuectl` on a cluster, whole and with a shard that is gone.

use redispatch_testkit::cluster::Cluster;
use redispatch_testkit::{LIMIT, Reply, eventually};
use serde_json::{Value, json};

use crate::api::server::Server;
use crate::run::{Ran, command, finish};

/// Runs `queuectl ARGS` against `redis` to its end.
async fn queuectl(redis: &Cluster, args: &[&str], input: &str) -> Ran {
    let home = tempfile::tempdir().expect("a temporary folder");
    finish(command(&redis.url(), home.path(), args), input.as_bytes()).await
}

#[tokio::test]
async fn verbs_reach_each_queue_where_it_lives() {
    let redis = Cluster::start(3).await;
    let mail = r#"{"id":"order-1","to":"a@example.com","subject":"s","body":"b"}"#;
    let sms = r#"{"id":"order-2","to":"+4915112345678","body":"b"}"#;
    for (queue, message) in [("email", mail), ("sms", sms), ("whatsapp", sms), ("own", "{}")] {
        queuectl(&redis, &["enqueue", "-q", queue, message], "").await.with_code(0);
    }
    let stats = queuectl(&redis, &["stats", "--json"], "").await.with_code(0).json();
    for queue in ["email", "sms", "whatsapp", "own"] {
        assert_eq!(stats["queues"][queue]["pending"], 1, "{stats}");
        let primary = redis.primary_of(&format!("{{queue:{queue}}}:pending"), 0).await.expect("a primary");
        let pending = format!("{{queue:{queue}}}:pending");
        assert_eq!(redis.nodes[primary].command(&["LLEN", &pending]).await, Reply::Int(1));
    }
    for args in [
        &["show", "-q", "sms", "order-2"][..],
        &["reschedule", "-q", "sms", "order-2", "--at", "+1h"],
        &["delayed", "-q", "sms"],
        &["cancel", "-q", "sms", "order-2"],
        &["pause", "-q", "email"],
        &["resume", "-q", "email"],
        &["pause", "--intake", "-q", "email"],
        &["resume", "--intake", "-q", "email"],
        &["queues"],
        &["schedule", "add", "-q", "own", "-p", "0 1 * * *", "nightly", "{}"],
        &["schedule", "ls"],
        &["schedule", "rm", "-q", "own", "nightly"],
        &["rollback-check"],
    ] {
        queuectl(&redis, args, "").await.with_code(0);
    }
    let lines = queuectl(&redis, &["export", "email"], "").await.with_code(0).stdout;
    queuectl(&redis, &["import", "email", "--yes"], &lines).await.with_code(0);
    let stats = queuectl(&redis, &["stats", "-q", "email", "--json"], "").await.with_code(0).json();
    assert_eq!(stats["queues"]["email"]["pending"], 2, "{stats}");
}

fn of_queue<'a>(overview: &'a Value, name: &str) -> &'a Value {
    let queues = overview["queues"].as_array().expect("queues");
    queues.iter().find(|queue| queue["queue"] == name).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn a_dead_shard_hides_no_other_queue() {
    let mut redis = Cluster::start(3).await;
    let of = async |redis: &Cluster, key: &str| redis.primary_of(key, 0).await.expect("a primary");
    let dead = of(&redis, "{queue:email}:pending").await;
    let live = ["sms", "whatsapp"];
    for queue in live {
        assert_ne!(
            of(&redis, &format!("{{queue:{queue}}}:pending")).await,
            dead,
            "another one has to be chosen"
        );
    }
    let server = Server::at(&redis.url(), &[]).await;
    assert_eq!(server.get("/api/v1/health/redis").await.status, 200);
    let key = "{queue:email}:pending";
    redis.nodes[dead].command(&["LPUSH", key, "{}"]).await;
    let seen = async || server.get("/api/v1/overview").await.json();
    let counted = |overview: &Value| of_queue(overview, "email")["waiting"] == 1;
    eventually("the message is counted", LIMIT, seen, counted).await;
    redis.nodes[dead].kill();
    redis.nodes[dead + 3].kill();
    let asked = &redis.nodes[(dead + 1) % 3];
    let down = |reply: &Reply| !reply.text().contains("cluster_slots_fail:0");
    asked.wait_until(&["CLUSTER", "INFO"], down, LIMIT).await;

    let stats = queuectl(&redis, &["stats", "--json"], "").await.with_code(2);
    assert!(stats.stderr.contains("cannot count queue `email`"), "{stats:?}");
    let counted = stats.json();
    assert!(live.iter().all(|queue| counted["queues"][queue]["pending"] == 0), "{counted}");

    let health = server.get("/api/v1/health/redis").await;
    assert_eq!(health.status, 503);
    let health = health.json();
    assert!(live.iter().all(|queue| health["queues"][queue]["pending"] == 0), "{health}");
    assert!(health["error"]["message"].as_str().unwrap().contains("email"), "{health}");
    let metrics = server.get("/metrics").await.body;
    assert!(metrics.contains("redispatch_queue_broken{queue=\"email\"} 1\n"), "{metrics}");
    assert!(metrics.contains("redispatch_queue_broken{queue=\"sms\"} 0\n"), "{metrics}");

    let broken = |overview: &Value| of_queue(overview, "email")["broken"].is_string();
    let overview = eventually("the overview says so", LIMIT, seen, broken).await;
    assert_eq!(of_queue(&overview, "email")["waiting"], 1, "the last that was known: {overview:#}");
    assert!(live.iter().all(|queue| of_queue(&overview, queue)["broken"].is_null()), "{overview:#}");
    assert_eq!(overview["redis"]["up"], true);
    let alert = &overview["alerts"][0];
    assert_eq!((&alert["kind"], &alert["queue"]), (&json!("broken_queue"), &json!("email")), "{overview:#}");

    let doctor = queuectl(&redis, &["doctor"], "").await.with_code(1);
    let port = redis.nodes[dead].port().to_string();
    assert!(doctor.stdout.contains("cannot ask 127.0.0.1") && doctor.stdout.contains(&port), "{doctor:?}");
}
