//! Bookings whose customers are reminded by WhatsApp: this API makes, moves and cancels the reminders, and any number
//! of `whatsapp-worker`s send them.
//!
//! ```text
//! API_PORT=3000 REMINDERS=24h,1h cargo run --example booking_reminders
//! RATE_LIMIT_MAX=10 CONCURRENCY=5 WHATSAPP_ACCOUNT_SID=… WHATSAPP_AUTH_TOKEN=… WHATSAPP_FROM_NUMBER=… whatsapp-worker
//! ```
//!
//! What is in Redis are the reminders, under ids made of the booking's: `booking:17:24h`. The bookings themselves are
//! kept in a map, which stands for **your database** and forgets them with the process: `GET` and `DELETE` go by the ids
//! alone and work all the same. What an answer names `inHand` a worker was sending just then: it may go out with the old
//! time, so `PATCH` again afterwards. Your authentication belongs in front of `/api/bookings`.

use std::{collections::HashMap, error::Error, process::ExitCode, sync::Arc};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use redispatch::Shutdown;
use redispatch::clock::{rfc3339, unix_ms};
use redispatch::config::{Kind, Otherwise, QUEUE, QueueSettings, REDIS, Reader, Setting, Sources, Table};
use redispatch::keys::Lane;
use redispatch::queue::{Changed, Queue, QueueError};
use redispatch::telemetry::{self, LOGS, LogSettings};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

const API: Table = Table {
    heading: "Bookings",
    settings: &[
        Setting::new("API_PORT", Kind::Number(0, 65_535), Otherwise::Value("3000"), "Port of the API"),
        Setting::new("REMINDERS", Kind::Text, Otherwise::Value("24h,1h"), "How long before a booking"),
    ],
};

struct App {
    queue: Queue,
    /// As in `24h`, and how many ms that is.
    offsets: Vec<(String, i64)>,
    /// Your database. It is locked while reminders change, so that two requests about one booking do not mix.
    bookings: Mutex<HashMap<String, Booking>>,
}

#[derive(Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Booking {
    /// Yours, so that a request whose answer was lost can be repeated; made up where it is not given.
    #[serde(default = "made_up")]
    id: String,
    customer_name: String,
    customer_email: String,
    customer_phone: String,
    service_id: String,
    barber_id: String,
    #[serde(deserialize_with = "time")]
    scheduled_time: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Move {
    #[serde(deserialize_with = "time")]
    scheduled_time: i64,
}

fn made_up() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// RFC 3339 with an offset, as ms since 1970.
fn time<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let time: Result<jiff::Timestamp, _> = String::deserialize(from)?.parse();
    Ok(time.map_err(serde::de::Error::custom)?.as_millisecond())
}

/// `24h`, `90m`, `2d`
fn offset(text: &str) -> Option<(String, i64)> {
    let units = [("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    let (number, ms) = units.iter().find_map(|(unit, ms)| Some((text.strip_suffix(unit)?, ms)))?;
    let number: u16 = number.parse().ok().filter(|number| *number > 0)?;
    Some((text.to_owned(), i64::from(number) * ms))
}

type Refusal = (StatusCode, Json<Value>);
type Answer = Result<Json<Value>, Refusal>;

fn refused(status: StatusCode, why: &str) -> Refusal {
    (status, Json(json!({ "error": why })))
}

fn away(error: QueueError) -> Refusal {
    refused(StatusCode::SERVICE_UNAVAILABLE, &format!("{error}; it is safe to ask again"))
}

impl Booking {
    fn check(&self) -> Result<(), Refusal> {
        let digits = self.customer_phone.strip_prefix('+').unwrap_or_default();
        let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let fault = if !is_number || digits.starts_with('0') {
            "customerPhone: write it in E.164, as in +491701234567"
        } else if self.customer_name.trim().is_empty() || !self.customer_email.contains('@') {
            "customerName and customerEmail are needed"
        } else if !is_id(&self.id) || !(1..=64).contains(&self.id.len()) {
            "id: write up to 64 of A-Z, a-z, 0-9, - _ and ."
        } else if self.scheduled_time <= unix_ms() as i64 {
            "scheduledTime: lies in the past"
        } else {
            return Ok(());
        };
        Err(refused(StatusCode::BAD_REQUEST, fault))
    }

    /// A message as `whatsapp-worker` takes it. Outside of 24 hours after a customer's last message WhatsApp wants an
    /// approved template: `content_sid` and `content_variables` in place of `body`.
    fn reminder(&self, id: &str, send_at: i64) -> bytes::Bytes {
        let when = rfc3339(self.scheduled_time.unsigned_abs());
        let message = json!({
            "id": id, "to": self.customer_phone,
            "body": format!("Hello {}, we expect you on {when}.", self.customer_name),
            "send_at": send_at, "expires_at": self.scheduled_time, "max_retries": 5,
            "metadata": { "booking": self.id, "service": self.service_id, "barber": self.barber_id },
        });
        message.to_string().into()
    }
}

impl App {
    fn reminder_ids(&self, booking: &str) -> Vec<String> {
        self.offsets.iter().map(|(offset, _)| format!("booking:{booking}:{offset}")).collect()
    }

    /// Makes the reminders that are still to come, cancels those whose time is over, and says what there is. A booking
    /// that `moved` replaces what waits and sends again what was sent: the time in its text is another one.
    async fn remind(&self, booking: &Booking, moved: bool) -> Result<Value, QueueError> {
        let now = self.queue.client().clock().await?;
        let (mut messages, mut over, mut in_hand) = (Vec::new(), Vec::new(), Vec::new());
        for (id, (_, before)) in self.reminder_ids(&booking.id).into_iter().zip(&self.offsets) {
            match booking.scheduled_time - before {
                due if due > now => messages.push(booking.reminder(&id, due)),
                _ => over.push(id),
            }
        }
        if moved {
            in_hand = self.cancel(&over).await?;
            let made = self.queue.enqueue_again(Lane::Pending, messages).await?;
            in_hand.extend(made.into_iter().filter(|one| !one.created).map(|one| one.id));
        } else {
            self.queue.enqueue(Lane::Pending, messages).await?;
        }
        let near = over.len() == self.offsets.len();
        let note = near.then_some("no reminder is left: the booking is too near");
        let (id, time) = (&booking.id, rfc3339(booking.scheduled_time.unsigned_abs()));
        let all = self.reminders(id, "past").await?;
        Ok(json!({ "id": id, "scheduledTime": time, "reminders": all, "inHand": in_hand, "note": note }))
    }

    /// Cancels reminders. Gives those that a worker has in hand: they may be sent yet.
    async fn cancel(&self, ids: &[String]) -> Result<Vec<String>, QueueError> {
        let mut in_hand = Vec::new();
        for id in ids {
            if self.queue.cancel(id, None).await? == Changed::InHand {
                in_hand.push(id.clone());
            }
        }
        Ok(in_hand)
    }

    /// What became of each reminder; `none` of what nothing is known.
    async fn reminders(&self, booking: &str, none: &str) -> Result<Vec<Value>, QueueError> {
        let mut reminders = Vec::new();
        for id in self.reminder_ids(booking) {
            let found = self.queue.find(&id).await?.unwrap_or_default();
            let state = if found.state.is_empty() { none } else { &found.state };
            let send_at = found.due.map(|due| rfc3339(due.unsigned_abs()));
            reminders.push(json!({ "id": id, "state": state, "sendAt": send_at }));
        }
        Ok(reminders)
    }
}

async fn create(
    State(app): State<Arc<App>>,
    Json(booking): Json<Booking>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    booking.check()?;
    let mut bookings = app.bookings.lock().await;
    if *bookings.entry(booking.id.clone()).or_insert_with(|| booking.clone()) != booking {
        return Err(refused(StatusCode::CONFLICT, "another booking has this id; PATCH moves one"));
    }
    match app.remind(&booking, false).await.map_err(away) {
        Ok(reminded) => Ok((StatusCode::CREATED, Json(reminded))),
        Err((status, why)) => Err((status, Json(json!({ "id": booking.id, "error": why["error"] })))),
    }
}

async fn change(State(app): State<Arc<App>>, Path(id): Path<String>, Json(to): Json<Move>) -> Answer {
    let mut bookings = app.bookings.lock().await;
    let booking = bookings.get_mut(&id).ok_or_else(|| refused(StatusCode::NOT_FOUND, "no such booking"))?;
    let moved = Booking { scheduled_time: to.scheduled_time, ..booking.clone() };
    moved.check()?;
    let reminded = app.remind(&moved, true).await.map_err(away)?;
    *booking = moved;
    Ok(Json(reminded))
}

async fn remove(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    let mut bookings = app.bookings.lock().await;
    let in_hand = app.cancel(&app.reminder_ids(&id)).await.map_err(away)?;
    let reminders = app.reminders(&id, "none").await.map_err(away)?;
    if bookings.remove(&id).is_none() && reminders.iter().all(|reminder| reminder["state"] == "none") {
        return Err(refused(StatusCode::NOT_FOUND, "no such booking"));
    }
    Ok(Json(json!({ "id": id, "cancelled": true, "reminders": reminders, "inHand": in_hand })))
}

async fn reminders(State(app): State<Arc<App>>, Path(id): Path<String>) -> Answer {
    Ok(Json(json!({ "id": id, "reminders": app.reminders(&id, "none").await.map_err(away)? })))
}

async fn stats(State(app): State<Arc<App>>) -> Answer {
    let stats = app.queue.stats().await.map_err(away)?;
    let completed = stats.counters.get("sent").unwrap_or(&0);
    Ok(Json(json!({ "waiting": stats.waiting(), "active": stats.processing, "completed": completed,
        "failed": stats.dead_letter, "delayed": stats.delayed })))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let sources = Sources::from_process(&[REDIS, QUEUE, LOGS, API]);
    let mut reader = Reader::new(&sources);
    let (settings, logs) = (QueueSettings::read(&mut reader), LogSettings::read(&mut reader));
    let port: u16 = reader.number("API_PORT");
    let offsets = reader.parsed("REMINDERS", |text| {
        text.split(',').map(offset).collect::<Option<Vec<_>>>().ok_or_else(|| "write 24h,1h".to_owned())
    });
    if let Err(faults) = reader.finish() {
        return Ok(faults.exit());
    }
    telemetry::init(&logs)?;
    let queue = Queue::new("whatsapp", settings)?;
    let app = Arc::new(App { queue, offsets: offsets.unwrap_or_default(), bookings: Mutex::default() });
    let routes = Router::new()
        .route("/api/bookings", post(create))
        .route("/api/bookings/{id}", patch(change).delete(remove))
        .route("/api/bookings/{id}/reminders", get(reminders))
        .route("/api/queue/stats", get(stats))
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    tracing::info!(event = "api:ready", addr = %listener.local_addr()?);
    let mut stop = Shutdown::on_signals()?;
    axum::serve(listener, routes).with_graceful_shutdown(async move { stop.draining().await }).await?;
    Ok(ExitCode::SUCCESS)
}
