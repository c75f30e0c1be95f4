//! `booking_reminders`: reminders follow their booking, and a cancelled booking reminds nobody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use redispatch::clock::{rfc3339, unix_ms};
use redispatch::config::{QueueSettings, WorkerSettings};
use redispatch::queue::Queue;
use redispatch::worker::Trigger;
use redispatch::{Delivery, Outcome, Receipt, Shutdown, Worker};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply, eventually, process};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use super::{request, request_of, start};

const HOUR: u64 = 3_600_000;

/// The API as a process.
struct Api {
    process: process::Worker,
    addr: SocketAddr,
}

impl Api {
    async fn start(redis: &RedisServer, env: &[(&str, &str)]) -> Self {
        let process = start("booking_reminders", &[], redis, &[&[("API_PORT", "0")], env].concat());
        let ready = process.wait_for_event("api:ready").await;
        let addr = ready.json["addr"].as_str().unwrap().parse().unwrap();
        Self { process, addr }
    }

    async fn ask(&self, line: &str, body: &Value) -> (u16, Value) {
        request(self.addr, line, &body.to_string()).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = request(self.addr, &format!("GET {path}"), "").await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// A booking `ahead` ms from now, with its answer and its time.
    async fn book(&self, id: &str, ahead: u64) -> (Value, u64) {
        let at = unix_ms() + ahead;
        let (status, answer) = self.ask("POST /api/bookings", &booking(id, at)).await;
        assert_eq!(status, 201, "{answer}");
        (answer, at)
    }

    async fn reschedule(&self, id: &str, at: u64) -> (u16, Value) {
        self.ask(&format!("PATCH /api/bookings/{id}"), &json!({ "scheduledTime": rfc3339(at) })).await
    }

    async fn delete(&self, id: &str) -> (u16, Value) {
        self.ask(&format!("DELETE /api/bookings/{id}"), &Value::Null).await
    }
}

fn booking(id: &str, at: u64) -> Value {
    json!({
        "id": id,
        "customerName": "John Doe",
        "customerEmail": "john@example.com",
        "customerPhone": "+1234567890",
        "serviceId": "service_1",
        "barberId": "barber_1",
        "scheduledTime": rfc3339(at),
    })
}

/// State and time of each reminder.
fn reminders(answer: &Value) -> Vec<(String, Option<String>)> {
    let reminders = answer["reminders"].as_array().unwrap_or_else(|| panic!("{answer}")).iter();
    reminders
        .map(|one| (one["state"].as_str().unwrap().to_owned(), one["sendAt"].as_str().map(str::to_owned)))
        .collect()
}

fn due(at: u64, hours: u64) -> (String, Option<String>) {
    ("delayed".to_owned(), Some(rfc3339(at - hours * HOUR)))
}

fn state(state: &str) -> (String, Option<String>) {
    (state.to_owned(), None)
}

/// A worker of `whatsapp` in this process that hands over each message, and waits for leave to send it.
struct Desk {
    messages: mpsc::UnboundedReceiver<Value>,
    leave: Arc<Notify>,
    _stop: Trigger,
}

fn desk(redis: &RedisServer) -> Desk {
    let settings = WorkerSettings {
        poll_interval: Duration::from_millis(50),
        ..WorkerSettings::new(redis.url().parse().unwrap())
    };
    let (stop, shutdown) = Shutdown::manual();
    let (arrived, messages) = mpsc::unbounded_channel();
    let leave = Arc::new(Notify::new());
    let go = leave.clone();
    let worker = Worker::new("whatsapp", settings).unwrap();
    tokio::spawn(worker.run(
        move |delivery: Delivery| {
            let (arrived, go) = (arrived.clone(), go.clone());
            async move {
                arrived.send(delivery.payload().unwrap()).unwrap();
                go.notified().await;
                Outcome::Sent(Receipt::default())
            }
        },
        shutdown,
    ));
    Desk { messages, leave, _stop: stop }
}

impl Desk {
    async fn next(&mut self) -> Value {
        tokio::time::timeout(LIMIT, self.messages.recv()).await.expect("a message in time").unwrap()
    }
}

#[tokio::test]
async fn reminders_follow_their_booking_and_go_with_it() {
    let redis = RedisServer::start().await;
    let api = Api::start(&redis, &[]).await;
    let (answer, at) = api.book("17", 30 * HOUR).await;
    assert_eq!(reminders(&answer), [due(at, 24), due(at, 1)]);
    assert_eq!((&answer["id"], &answer["scheduledTime"]), (&json!("17"), &json!(rfc3339(at))));
    assert_eq!((&answer["reminders"][0]["id"], &answer["note"]), (&json!("booking:17:24h"), &Value::Null));
    // asked again, as after a lost answer: nothing more
    let (status, again) = api.ask("POST /api/bookings", &booking("17", at)).await;
    assert_eq!((status, reminders(&again)), (201, reminders(&answer)));
    let stats = json!({ "waiting": 0, "active": 0, "completed": 0, "failed": 0, "delayed": 2 });
    assert_eq!(api.get("/api/queue/stats").await, stats);

    // nearer: the first reminder's time is over
    let at = unix_ms() + 2 * HOUR;
    let (status, moved) = api.reschedule("17", at).await;
    assert_eq!((status, reminders(&moved)), (200, vec![state("cancelled"), due(at, 1)]));
    // farther: it has become possible
    let at = at + 48 * HOUR;
    let (status, moved) = api.reschedule("17", at).await;
    assert_eq!((status, reminders(&moved)), (200, vec![due(at, 24), due(at, 1)]));
    assert_eq!(reminders(&api.get("/api/bookings/17/reminders").await), reminders(&moved));
    // the text has the new time, and nothing is left of the old ones
    let messages = redis.command(&["HVALS", "queue:whatsapp:messages"]).await;
    let messages: Vec<Value> =
        messages.array().iter().map(|bytes| serde_json::from_slice(bytes.bytes()).unwrap()).collect();
    assert_eq!(messages.len(), 2);
    for message in messages {
        assert!(message["body"].as_str().unwrap().contains(&rfc3339(at)), "{message}");
        assert_eq!((&message["to"], &message["max_retries"]), (&json!("+1234567890"), &json!(5)));
        assert_eq!(message["expires_at"], at);
    }

    let (status, gone) = api.delete("17").await;
    assert_eq!((status, reminders(&gone)), (200, vec![state("cancelled"), state("cancelled")]));
    assert_eq!(gone["inHand"], json!([]));
    assert_eq!(redis.command(&["ZCARD", "queue:whatsapp:delayed"]).await.int(), 0);
    // asked again, as after a lost answer
    assert_eq!(api.delete("17").await.0, 200);
    assert_eq!(api.reschedule("17", at).await.0, 404);
}

#[tokio::test]
async fn a_reminder_is_sent_when_its_time_comes_and_again_where_the_booking_is_moved() {
    let redis = RedisServer::start().await;
    let api = Api::start(&redis, &[]).await;
    let mut desk = desk(&redis);
    desk.leave.notify_one();
    let (_, at) = api.book("17", HOUR + 1_500).await;
    let message = desk.next().await;
    assert!(unix_ms() >= at - HOUR, "too early");
    assert_eq!(message["id"], "booking:17:1h");
    assert_eq!(message["metadata"], json!({ "booking": "17", "service": "service_1", "barber": "barber_1" }));
    let sent = async || reminders(&api.get("/api/bookings/17/reminders").await);
    eventually("it is sent", LIMIT, sent, |all| *all == [state("none"), state("sent")]).await;
    let at = at + HOUR;
    assert_eq!(reminders(&api.reschedule("17", at).await.1), [state("past"), due(at, 1)]);
    assert_eq!(api.get("/api/queue/stats").await["completed"], 1);
}

#[tokio::test]
async fn a_reminder_in_hand_is_told_and_not_called_cancelled() {
    let redis = RedisServer::start().await;
    let api = Api::start(&redis, &[]).await;
    let mut desk = desk(&redis);
    let (_, at) = api.book("17", HOUR + 1_500).await;
    desk.next().await;
    let (status, moved) = api.reschedule("17", at + HOUR).await;
    assert_eq!((status, &moved["inHand"]), (200, &json!(["booking:17:1h"])));
    let (status, gone) = api.delete("17").await;
    assert_eq!((status, &gone["inHand"]), (200, &json!(["booking:17:1h"])));
    assert_eq!(reminders(&gone)[1].0, "sending");
    desk.leave.notify_one();
    let sent = async || reminders(&api.get("/api/bookings/17/reminders").await);
    eventually("it is sent", LIMIT, sent, |all| all[1].0 == "sent").await;
}

#[tokio::test]
async fn an_api_that_was_killed_cancels_what_it_made_before() {
    let redis = RedisServer::start().await;
    let mut api = Api::start(&redis, &[]).await;
    api.book("17", 30 * HOUR).await;
    api.process.sigkill();
    let api = Api::start(&redis, &[]).await;
    assert_eq!(api.get("/api/bookings/17/reminders").await["reminders"][1]["state"], "delayed");
    let (status, gone) = api.delete("17").await;
    assert_eq!((status, reminders(&gone)), (200, vec![state("cancelled"), state("cancelled")]));
    assert_eq!(api.delete("nobody").await.0, 404);
    api.process.sigterm();
    assert_eq!(api.process.wait_exit(LIMIT).await.code(), Some(0));
}

#[tokio::test]
async fn a_booking_that_is_too_near_or_wrong_is_told() {
    let redis = RedisServer::start().await;
    let api = Api::start(&redis, &[("REMINDERS", "2d,90m")]).await;
    let (near, _) = api.book("near", HOUR).await;
    assert_eq!(reminders(&near), [state("past"), state("past")]);
    assert!(near["note"].as_str().unwrap().starts_with("no reminder is left"), "{near}");
    let (half, at) = api.book("half", 3 * HOUR).await;
    assert_eq!(reminders(&half)[0], state("past"));
    assert_eq!(half["reminders"][1]["sendAt"], rfc3339(at - 3 * HOUR / 2));

    let good = booking("17", unix_ms() + 30 * HOUR);
    let with = |field: &str, value: Value| {
        let mut booking = good.clone();
        booking[field] = value;
        booking
    };
    for (wrong, status) in [
        (with("scheduledTime", json!("2024-12-31T10:00:00Z")), 400),
        (with("scheduledTime", json!("2999-12-31T10:00:00")), 422),
        (with("customerPhone", json!("01234567890")), 400),
        (with("customerPhone", json!("+1 234 567 890")), 400),
        (with("customerName", json!(" ")), 400),
        (with("id", json!("a:b")), 400),
        (with("more", json!(1)), 422),
        (json!({}), 422),
    ] {
        assert_eq!(api.ask("POST /api/bookings", &wrong).await.0, status, "{wrong}");
    }
    assert_eq!(request(api.addr, "POST /api/bookings", "{").await.0, 400);
    assert_eq!(request_of(api.addr, "POST /api/bookings", "text/plain", &good.to_string()).await.0, 415);
    let (status, _) = api.ask("POST /api/bookings", &booking("half", at + 1)).await;
    assert_eq!(status, 409, "another booking of this id");
    assert_eq!(api.reschedule("half", unix_ms() - 1).await.0, 400);
    assert_eq!(api.reschedule("nobody", at).await.0, 404);
    assert_eq!(redis.command(&["ZCARD", "queue:whatsapp:delayed"]).await.int(), 1, "only the half one's");
    // without an id of yours one is made up
    let (status, made_up) = {
        let mut booking = good.clone();
        booking.as_object_mut().unwrap().remove("id");
        api.ask("POST /api/bookings", &booking).await
    };
    assert!(status == 201 && made_up["id"].as_str().unwrap().len() == 16, "{made_up}");
    redis.wait_until(&["ZCARD", "queue:whatsapp:delayed"], |count: &Reply| count.int() == 2, LIMIT).await;
}

#[tokio::test]
async fn a_paused_intake_refuses_bookings_and_lets_them_be_cancelled() {
    let redis = RedisServer::start().await;
    let api = Api::start(&redis, &[]).await;
    let (_, at) = api.book("17", 30 * HOUR).await;
    let queue = Queue::new("whatsapp", QueueSettings::new(redis.url().parse().unwrap())).unwrap();
    queue.pause_intake("moving").await.unwrap();
    let (status, refused) = api.ask("POST /api/bookings", &booking("18", at)).await;
    assert!(status == 503 && refused["error"].as_str().unwrap().contains("moving"), "{refused}");
    assert_eq!(refused["id"], "18", "with it the request can be repeated");
    assert_eq!(api.delete("17").await.0, 200);
    queue.resume_intake().await.unwrap();
    assert_eq!(api.ask("POST /api/bookings", &booking("18", at)).await.0, 201);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_refused() {
    let redis = RedisServer::start().await;
    for env in [("REMINDERS", "tomorrow"), ("REMINDERS", "0h"), ("API_PORT", "x")] {
        let process = start("booking_reminders", &[], &redis, &[env]);
        let ended = process.wait_exit(LIMIT).await;
        assert_eq!(ended.code(), Some(78), "{env:?}");
    }
}
