use std::path::Path;
use std::time::Duration;

use redispatch::acl::{Role, rule};
use redispatch::config::{QueueSettings, WorkerSettings};
use redispatch::{Delivery, Failure, Outcome, Worker};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply, eventually};

use super::Guarded;
use crate::api::http::request;
use crate::api::server::Server;
use crate::serving::{self, Serving};

async fn handler(delivery: Delivery) -> Outcome {
    match String::from_utf8_lossy(delivery.bytes()).contains("refused") {
        true => Outcome::Reject(Failure::new("refused")),
        false => serving::sent(delivery).await,
    }
}

#[tokio::test]
async fn on_a_single_server_all_runs_with_just_the_printed_rights_and_none_is_idle() {
    let redis = RedisServer::with(&["--appendonly", "yes"]).await;
    all_runs(Guarded::start(redis, "redis://", "worker").await).await;
}

#[tokio::test]
async fn on_a_cluster_too() {
    let cluster = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", "--appendonly", "yes"];
    let redis = RedisServer::with(&cluster).await;
    redis.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    let is_whole = |reply: &Reply| reply.text().contains("cluster_state:ok");
    redis.wait_until(&["CLUSTER", "INFO"], is_whole, LIMIT).await;
    all_runs(Guarded::start(redis, "redis-cluster://", "worker").await).await;
}

/// Every verb and route, and a worker.
async fn all_runs(mut guarded: Guarded) {
    let settings = WorkerSettings {
        poll_interval: Duration::from_millis(50),
        ..WorkerSettings::new(guarded.url.parse().unwrap())
    };
    let worker = Worker::new("email", settings.clone()).unwrap();
    worker.check().await.unwrap();

    verbs(&mut guarded).await;
    routes(&guarded).await;

    let serving = Serving::with("email", settings, handler);
    for n in 0..20 {
        let message = format!(r#"{{"id":"n{n}","to":"a@example.com","body":"{}"}}"#, ["x", "refused"][n % 2]);
        guarded.queuectl(&["enqueue", "--queue", "email", &message]).await.with_code(0);
    }
    guarded.queuectl(&["drain", "--queues", "email", "--timeout", "20"]).await.with_code(0);
    // Idle, its pops are blocked; a pause ends them.
    eventually("a pop that waits", LIMIT, async || guarded.ran().await, |ran| ran.contains("brpoplpush"))
        .await;
    guarded.queuectl(&["pause", "--queue", "email"]).await.with_code(0);
    let ran = async || guarded.ran().await;
    eventually("pops that are ended", LIMIT, ran, |ran| ran.contains("client|unblock")).await;
    guarded.queuectl(&["resume", "--queue", "email"]).await.with_code(0);
    serving.stop().await;
    guarded
        .queuectl(&["clean", "--queue", "email", "--state", "sent", "--older-than", "0s", "--yes"])
        .await
        .with_code(0);
    guarded.queuectl(&["dead", "purge", "--queue", "email", "--all", "--yes"]).await.with_code(0);

    // `doctor` asks, and goes without.
    assert_eq!(guarded.denied().await, ["command config|get"]);

    // Nothing in the rule is there for nothing: scripts are looked at by `acl.rs` of the library, the rest has run.
    let ran = guarded.ran().await;
    let rule = rule(&QueueSettings::new(guarded.url.parse().unwrap()), Role::Worker);
    let needed = |name: &&str| ran.contains(*name) || in_a_script(name);
    let idle: Vec<_> = rule.split(" +").skip(1).filter(|name| !needed(name)).collect();
    assert!(idle.is_empty(), "granted, and never used: {idle:?}");
}

/// Whether a script calls the command.
fn in_a_script(command: &str) -> bool {
    let call = format!("call('{}'", command.to_uppercase());
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/lua")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false if std::fs::read_to_string(&path).unwrap().contains(&call) => return true,
                false => {}
            }
        }
    }
    false
}

async fn verbs(guarded: &mut Guarded) {
    let home = tempfile::tempdir().unwrap();
    let kept = home.path().join("email.jsonl");
    let kept = kept.to_str().unwrap();
    let ids = ["a", "b", "c", "d"].map(|id| format!(r#"{{"id":"{id}","to":"a@example.com","body":"x"}}"#));
    let later = r#"{"id":"later","to":"a@example.com","body":"x","send_at":"2999-01-01T00:00:00Z"}"#;
    for message in ids.iter().map(String::as_str).chain([later]) {
        guarded.queuectl(&["enqueue", "--queue", "email", message]).await.with_code(0);
    }
    guarded
        .queuectl(&["enqueue", "--queue", "email", "--force", "--lane", "high", &ids[0]])
        .await
        .with_code(0);
    for n in 0..6 {
        guarded.give_up(&crate::queue::letter(n, "535", "pending")).await;
    }
    let mail = r#"{"to":"a@example.com","body":"x"}"#;
    for (line, code) in [
        ("queues", 0),
        ("stats", 0),
        ("stats --json --queue email", 0),
        ("workers", 1),
        ("delayed --queue email", 0),
        ("show --queue email b", 0),
        ("show --queue email nobody", 1),
        ("cancel --queue email b", 0),
        ("cancel --queue email later-on --mark 1h", 0),
        ("reschedule --queue email c --at +2h", 0),
        ("reschedule --queue email later --at +3h", 0),
        ("retry --queue email later", 0),
        (&format!("schedule add nightly --queue email --pattern @daily {mail}"), 0),
        ("schedule ls", 0),
        ("schedule rm nightly --queue email", 0),
        ("pause --intake --queue email --note why", 0),
        (&format!("enqueue --queue email {mail}"), 2),
        ("resume --intake --queue email", 0),
        ("pause --queue email --for 15m", 0),
        ("dead ls --queue email", 0),
        ("dead ls --queue email --group", 0),
        ("dead show --queue email m0", 0),
        ("dead edit --queue email m0 --set to=b@example.com", 0),
        ("dead edit --queue email m1 --set to=b@example.com --requeue", 0),
        ("dead requeue --queue email --id m2 --yes", 0),
        ("dead requeue --queue email --id m3 --per-second 100 --yes", 0),
        ("dead requeue --queue email --code 550 --dry-run", 1),
        ("dead purge --queue email --id m4 --yes", 0),
        ("dead purge --queue email --all --yes", 0),
        (&format!("export email --output {kept}"), 0),
        (&format!("import email {kept} --yes"), 0),
        ("rollback-check", 0),
        ("drain --queues email --timeout 0", 1),
        ("resume --queue email", 0),
        ("doctor --fix", 0),
        ("clean --queue email --state dead --older-than 30d --yes", 1),
    ] {
        let args: Vec<_> = line.split(' ').collect();
        let ran = guarded.queuectl(&args).await;
        assert_eq!(ran.code, code, "queuectl {line}: {ran:?}");
    }
}

async fn routes(guarded: &Guarded) {
    let server = Server::at(&guarded.url, &[]).await;
    let mail = r#"{"id":"h1","to":"a@example.com","body":"x"}"#;
    server.post("/api/v1/messages/email", mail).await.with_status(201);
    server.post("/api/v1/messages/email", r#"[{"to":"a@example.com","body":"x"}]"#).await.with_status(201);
    server.post("/api/admin/jobs/email", mail.replace("h1", "h2")).await.with_status(201);
    for path in [
        "/metrics",
        "/api/v1/health/redis",
        "/api/queue/stats",
        "/api/queue/stats?queue=email",
        "/api/admin/jobs/email",
        "/api/v1/messages/email?state=delayed",
        "/api/v1/messages/email/h1",
        "/api/openapi.json",
    ] {
        server.get(path).await.with_status(200);
    }
    let json = [("content-type", "application/json")];
    let at = r#"{"send_at":"2999-01-01T00:00:00Z"}"#;
    request(server.addr, "PATCH /api/v1/messages/email/h1", &json, at).await.with_status(200);
    request(server.addr, "DELETE /api/v1/messages/email/h1", &json, "").await.with_status(200);
    server.process.sigterm();
    assert_eq!(server.process.wait_exit(LIMIT).await.code(), Some(0));
}
