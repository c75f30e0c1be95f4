//! `clinic_queues`: the seven queues of a clinic, and one of one's own.

use redispatch::config::QueueSettings;
use redispatch::queue::Queue;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::service_manager::ServiceManager;
use redispatch_testkit::{LIMIT, eventually};
use serde_json::{Value, json};

use super::{program, said};

const NAME: &str = "clinic_queues";
const QUEUES: [&str; 8] = [
    "patient-reminders",
    "lab-results",
    "prescription-refills",
    "correction-aggregation",
    "email-notifications",
    "sms-notifications",
    "whatsapp-messages",
    "my-new-job",
];
const CORRECTIONS: &str = r#"{"at":"2024-01-15T10:00:00.000Z","field":"dose"}
{"at":"2024-02-01T10:00:00.000Z","field":"name"}
"#;

fn worker(redis: &RedisServer, more: &[(&str, &str)]) -> Worker {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("corrections.jsonl"), CORRECTIONS).unwrap();
    let url = redis.url();
    let env = [&[("REDIS_URL", url.as_str()), ("QUEUE_CONCURRENCY", "5")], more].concat();
    Worker::start_in(folder, program(NAME), &["worker"], &env)
}

async fn stop(worker: Worker) {
    worker.sigterm();
    assert_eq!(worker.wait_exit(LIMIT).await.code(), Some(0));
}

async fn push(redis: &RedisServer, queue: &str, message: &str) {
    redis.command(&["LPUSH", &format!("queue:{queue}:pending"), message]).await.int();
}

/// The message that arrives in the queue of a worker of redispatch.
async fn arrived(redis: &RedisServer, queue: &str) -> Value {
    let list = format!("queue:{queue}:pending");
    let one = |reply: &redispatch_testkit::Reply| reply.int() == 1;
    redis.wait_until(&["LLEN", &list], one, LIMIT).await;
    serde_json::from_str(redis.command(&["LINDEX", &list, "0"]).await.text()).unwrap()
}

/// The values of a field of all lines with this event, in order of the alphabet.
fn values(worker: &Worker, event: &str, field: &str) -> Vec<String> {
    let lines = worker.events(event).into_iter();
    let mut values: Vec<_> =
        lines.map(|line| line.json[field].as_str().unwrap_or_default().to_owned()).collect();
    values.sort();
    values
}

#[tokio::test]
async fn all_queues_are_served_and_the_night_is_planned() {
    let redis = RedisServer::start().await;
    let workers = [worker(&redis, &[]), worker(&redis, &[])];
    let mut queues = QUEUES.map(str::to_owned);
    queues.sort();
    for worker in &workers {
        let started = worker.wait_for_events("worker_ready", QUEUES.len()).await;
        assert!(started.iter().all(|line| line.json["level"] == "INFO"));
        assert_eq!(values(worker, "queue_initialized", "queueName"), queues);
        assert_eq!(values(worker, "worker_started", "queue"), queues);
        assert!(worker.events("worker_started").iter().all(|line| line.json["concurrency"] == 5));
    }
    let settings = QueueSettings::new(redis.url().parse().unwrap());
    let queue = Queue::new("correction-aggregation", settings).unwrap();
    let planned = async || queue.schedules().await.unwrap();
    let planned = eventually("it is planned", LIMIT, planned, |all| !all.is_empty()).await;
    assert_eq!(planned.len(), 1, "{planned:?}");
    let schedule = planned[0].schedule.as_ref().unwrap();
    assert_eq!((schedule.name.as_str(), schedule.pattern.as_str()), ("daily-aggregation", "0 1 * * *"));
    assert_eq!(schedule.message, r#"{"type":"daily"}"#);
    for worker in workers {
        stop(worker).await;
    }
}

#[tokio::test]
async fn corrections_are_aggregated_on_demand() {
    let redis = RedisServer::start().await;
    let worker = worker(&redis, &[]);
    let folder = worker.folder().to_owned();
    let range = ["trigger", "2024-01-01T00:00:00.000Z", "2024-01-31T23:59:59.999Z"];
    let id = said(NAME, &redis, &folder, &range).await["jobId"].clone();
    let start = worker.wait_for_event("correction_aggregation_job_start").await.json;
    let complete = worker.wait_for_event("correction_aggregation_job_complete").await.json;
    assert_eq!((&start["jobId"], &complete["jobId"], &complete["processed"]), (&id, &id, &json!(true)));
    assert_eq!(worker.wait_for_event("worker_job_completed").await.json["jobId"], id);
    let training = std::fs::read_to_string(folder.join("training-2024-01-01T000000.000Z.jsonl")).unwrap();
    assert_eq!(training, CORRECTIONS.lines().next().unwrap());

    // As the admin endpoint and the schedule write it.
    push(&redis, "correction-aggregation", r#"{"id":"cron:x","type":"daily"}"#).await;
    let daily = |line: &redispatch_testkit::process::LogLine| {
        line.event() == Some("worker_job_completed") && line.json["jobId"] == "cron:x"
    };
    worker.wait_for(daily).await;
    std::fs::remove_file(folder.join("corrections.jsonl")).unwrap();
    said(NAME, &redis, &folder, &["trigger"]).await;
    let error = worker.wait_for_event("correction_aggregation_job_error").await.json;
    assert!(error["error"].as_str().unwrap().contains("No such file"), "{error}");
    assert_eq!(worker.wait_for_event("worker_job_failed").await.json["jobId"], error["jobId"]);
    assert_eq!(worker.wait_for_event("message_retry").await.json["id"], error["jobId"]);
    for wrong in [r#"{"type":"weekly"}"#, r#"{"type":"range","startDate":"2024-01-01"}"#] {
        push(&redis, "correction-aggregation", wrong).await;
    }
    let dead = worker.wait_for_events("message_dead_lettered", 2).await;
    assert!(dead.iter().all(|line| line.json["reason"] == "malformed"), "{dead:?}");
    stop(worker).await;
}

#[tokio::test]
async fn a_reminder_goes_to_the_worker_of_its_channel() {
    let redis = RedisServer::start().await;
    let worker = worker(&redis, &[]);
    let notice =
        |id, channel, to| format!(r#"{{"id":"{id}","channel":"{channel}","to":"{to}","text":"At 9:00"}}"#);
    push(&redis, "patient-reminders", &notice("a", "sms", "+15550001111")).await;
    let sms = arrived(&redis, "sms").await;
    assert_eq!((&sms["id"], &sms["to"]), (&json!("patient-reminders:a"), &json!("+15550001111")));
    assert_eq!((&sms["body"], sms.get("subject")), (&json!("At 9:00"), None));
    push(&redis, "lab-results", &notice("b", "email", "ada@example.com")).await;
    let email = arrived(&redis, "email").await;
    assert_eq!((&email["id"], &email["subject"]), (&json!("lab-results:b"), &json!("lab results")));
    push(&redis, "prescription-refills", &notice("c", "whatsapp", "+15550001111")).await;
    assert_eq!(arrived(&redis, "whatsapp").await["id"], "prescription-refills:c");
    push(&redis, "lab-results", &notice("d", "pigeon", "x")).await;
    let dead = worker.wait_for_event("message_dead_lettered").await.json;
    assert_eq!((&dead["reason"], &dead["error"]), (&json!("reject"), &json!("no channel `pigeon`")));
    stop(worker).await;
}

#[tokio::test]
async fn a_role_serves_the_queues_of_its_priority() {
    let redis = RedisServer::start().await;
    let high = worker(&redis, &[("WORKER_ROLE", "high,my-new-job")]);
    high.wait_for_events("worker_ready", 3).await;
    assert_eq!(
        values(&high, "queue_initialized", "queueName"),
        ["lab-results", "my-new-job", "patient-reminders"]
    );
    let id = said(NAME, &redis, high.folder(), &["my-new-job", "hello", "42"]).await["jobId"].clone();
    let start = high.wait_for_event("my_job_start").await.json;
    assert_eq!((&start["jobId"], &start["foo"], &start["bar"]), (&id, &json!("hello"), &json!(42)));
    assert_eq!(high.wait_for_event("worker_job_completed").await.json["jobId"], id);
    let settings = QueueSettings::new(redis.url().parse().unwrap());
    let queue = Queue::new("my-new-job", settings).unwrap();
    let found = async || queue.find(id.as_str().unwrap()).await.unwrap().unwrap_or_default();
    let found = eventually("its result", LIMIT, found, |found| found.state == "sent").await;
    assert_eq!(found.result.as_deref(), Some(r#"{"success":true,"message":"Job completed"}"#));
    said(NAME, &redis, high.folder(), &["my-new-job", "hello", "-1"]).await;
    assert_eq!(high.wait_for_event("my_job_error").await.json["error"], "bar is negative");
    stop(high).await;

    let wrong = worker(&redis, &[("WORKER_ROLE", "hihg")]);
    let told = wrong.wait_for(|line| line.raw.contains("WORKER_ROLE")).await.raw;
    assert!(told.contains("`hihg`") && told.contains("high, medium, low, patient-reminders"), "{told}");
    assert_eq!(wrong.wait_exit(LIMIT).await.code(), Some(78));
}

/// Several queues are one service: ready once, and well if all are.
#[tokio::test]
async fn all_queues_are_one_service() {
    let mut redis = RedisServer::start().await;
    let manager = ServiceManager::abstract_name();
    let service =
        [("NOTIFY_SOCKET", manager.name.as_str()), ("WATCHDOG_USEC", "400000"), ("WORKER_ROLE", "high")];
    let worker = worker(&redis, &service);
    manager.wait_for("STATUS=serving patient-reminders, lab-results", 1).await;
    redis.kill();
    manager.wait_for("STATUS=patient-reminders: Redis is away", 1).await;
    let pings = manager.count("WATCHDOG=1");
    manager.wait_for("WATCHDOG=1", pings + 5).await;
    redis.restart().await;
    manager.wait_for("STATUS=serving", 2).await;
    stop(worker).await;
    let told = manager.wait_for("STOPPING=1", 1).await;
    assert_eq!((told[0].as_str(), manager.count("READY=1"), manager.count("STOPPING=1")), ("READY=1", 1, 1));
}
