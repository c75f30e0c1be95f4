//! Workers that are asked how they are, while all goes well and while it does not.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use redispatch::config::{RateLimit, WorkerSettings};
use redispatch::worker::WorkerError;
use redispatch::{Failure, Outcome};
use redispatch_testkit::http::{self, Answer};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Port, eventually};
use serde_json::Value;

use super::kit::{Desk, Running, key, push, push_numbers, sent, settings};

/// A worker's address, and how its settings name it.
struct Asked {
    port: Port,
}

/// Status codes of `/healthz` and `/readyz`, and what the body says.
#[derive(Clone, Debug)]
struct State {
    alive: u16,
    ready: u16,
    body: Value,
}

impl State {
    fn reason(&self) -> &str {
        self.body["reason"].as_str().expect("a text")
    }

    fn is(&self, alive: bool, ready: bool, word: &str) -> bool {
        let code = |good| if good { 200 } else { 503 };
        (self.alive, self.ready) == (code(alive), code(ready)) && self.reason().contains(word)
    }
}

impl Asked {
    fn new() -> Self {
        Self { port: Port::reserve() }
    }

    fn addr(&self) -> SocketAddr {
        self.port.addr()
    }

    fn settings(&self, redis: &RedisServer) -> WorkerSettings {
        WorkerSettings { http_addr: Some(self.addr()), ..settings(&redis.url()) }
    }

    /// Its answer, once it has begun to answer.
    async fn get(&self, path: &str) -> Answer {
        let answer = async || http::get(self.addr(), path).await;
        eventually("an answer", LIMIT, answer, Result::is_ok).await.expect("an answer")
    }

    async fn state(&self) -> State {
        let (alive, ready) = (self.get("/healthz").await, self.get("/readyz").await);
        assert_eq!(alive.header("content-type"), "application/json");
        assert_eq!(alive.json()["status"] == "ok", alive.status == 200, "{alive:?}");
        let body = ready.json();
        assert_eq!(body["ready"] == true, ready.status == 200, "{ready:?}");
        State { alive: alive.status, ready: ready.status, body }
    }

    /// Waits until it is alive or not, ready or not, with this word in the reason.
    async fn until(&self, alive: bool, ready: bool, word: &str) -> State {
        let what = format!("alive {alive}, ready {ready}, {word}");
        eventually(&what, LIMIT, async || self.state().await, |now| now.is(alive, ready, word)).await
    }

    /// The value of a metric with exactly these labels, as it is written.
    async fn metric(&self, name: &str) -> String {
        let text = self.get("/metrics").await.body;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
    }
}

#[tokio::test]
async fn a_handler_that_blocks_its_thread_turns_it_red_within_twice_the_limit() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let limit = Duration::from_secs(2);
    let (began, begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let settings = WorkerSettings { send_timeout: limit, ..asked.settings(&redis) };
    let worker = Running::start(settings, move |_| {
        let _ = began.send(Instant::now());
        // Never yields.
        let _ = released.lock().unwrap().recv();
        async { sent() }
    });
    asked.until(true, true, "idle").await;
    push(&redis, r#"{"n":0}"#).await;
    let red = asked.until(false, false, "past SEND_TIMEOUT_MS (2000 ms)").await;
    let since = begun.recv().unwrap().elapsed();
    assert!((limit..2 * limit).contains(&since), "red after {since:?}");
    assert_eq!(red.body["sending"], 1);
    drop(release);
    asked.until(true, true, "idle").await;
    worker.stop().await;
}

/// Not a send, but something else on the worker's own thread.
#[tokio::test]
async fn a_blocked_runtime_turns_it_red_without_any_send() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Arc::new(std::sync::Mutex::new(released));
    let settings = WorkerSettings { send_timeout: Duration::from_secs(1), ..asked.settings(&redis) };
    let worker = Running::start(settings, move |_| {
        let released = released.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let _ = released.lock().unwrap().recv();
        });
        async { sent() }
    });
    push(&redis, r#"{"n":0}"#).await;
    let red = asked.until(false, false, "blocked the worker's thread").await;
    assert_eq!((&red.body["sending"], &red.body["in_hand"]), (&0.into(), &0.into()));
    drop(release);
    asked.until(true, true, "idle").await;
    worker.stop().await;
}

#[tokio::test]
async fn idle_and_sending_are_well() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let mut desk = Desk::new();
    let worker = desk.worker(asked.settings(&redis));
    let idle = asked.until(true, true, "idle").await;
    assert_eq!((&idle.body["queue"], &idle.body["redis"]), (&"q".into(), &"connected".into()));
    push_numbers(&redis, 1).await;
    let sending = desk.next().await;
    let busy = asked.until(true, true, "sending").await;
    assert_eq!((&busy.body["sending"], &busy.body["in_hand"]), (&1.into(), &1.into()));
    assert_eq!(asked.metric(r#"redispatch_in_flight_messages{queue="q"}"#).await, "1");
    sending.accept();
    asked.until(true, true, "idle").await;
    assert_eq!(asked.get("/").await.status, 404);
    worker.stop().await;
}

#[tokio::test]
async fn paused_throttled_and_limited_are_well_and_say_so() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let mut desk = Desk::new();
    let rate_limit = Some(RateLimit { max: 1, duration: Duration::from_secs(60) });
    let worker = desk.worker(WorkerSettings { rate_limit, ..asked.settings(&redis) });
    for (field, word, metric) in [
        ("paused_until", "paused", "redispatch_paused"),
        ("throttled_until", "provider asked", "redispatch_throttled"),
    ] {
        redis.command(&["HSET", &key("control"), field, "-1"]).await;
        asked.until(true, true, word).await;
        assert_eq!(asked.metric(&format!(r#"{metric}{{queue="q"}}"#)).await, "1");
        redis.command(&["HDEL", &key("control"), field]).await;
        asked.until(true, true, "idle").await;
        assert_eq!(asked.metric(&format!(r#"{metric}{{queue="q"}}"#)).await, "0");
    }
    push_numbers(&redis, 2).await;
    desk.accept(1).await;
    asked.until(true, true, "rate limit").await;
    worker.stop().await;
}

#[tokio::test]
async fn behind_an_open_breaker_it_is_alive_and_not_ready() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let mut desk = Desk::new();
    let worker = desk.worker(asked.settings(&redis));
    push_numbers(&redis, 2).await;
    let error = "login of bobby@example.com refused";
    for sending in desk.take(2).await {
        sending.answer(Outcome::Config(Failure::new(error).with_code(535)));
    }
    let open = asked.until(true, false, "the breaker is open: login of bo…@e….com refused").await;
    assert_eq!((&open.body["status"], &open.body["redis"]), (&"ok".into(), &"connected".into()));
    assert_eq!(asked.metric(r#"redispatch_breaker_open{queue="q"}"#).await, "1");
    redis.command(&["HSET", &key("control"), "paused_until", "-1"]).await;
    let paused = async || asked.metric(r#"redispatch_paused{queue="q"}"#).await;
    eventually("it has noticed the pause", LIMIT, paused, |paused| paused == "1").await;
    asked.until(true, false, "the breaker is open: login of bo…@e….com refused").await;
    redis.command(&["HDEL", &key("control"), "paused_until"]).await;
    desk.accept(2).await;
    asked.until(true, true, "idle").await;
    assert_eq!(asked.metric(r#"redispatch_breaker_open{queue="q"}"#).await, "0");
    worker.stop().await;
}

#[tokio::test]
async fn without_redis_it_is_alive_and_not_ready_until_redis_is_back() {
    let mut redis = RedisServer::start().await;
    let asked = Asked::new();
    redis.kill();
    let mut desk = Desk::new();
    let worker = desk.worker(asked.settings(&redis));
    asked.until(true, false, "waiting for Redis").await;
    redis.restart().await;
    asked.until(true, true, "idle").await;
    push_numbers(&redis, 1).await;
    let held = desk.next().await;
    redis.kill();
    let away = asked.until(true, false, "Redis is away").await;
    assert_eq!(away.body["redis"], "disconnected");
    assert_eq!(asked.metric(r#"redispatch_redis_connected{queue="q"}"#).await, "0");
    held.accept();
    asked.until(true, false, "Redis is away: ").await;
    redis.restart().await;
    asked.until(true, true, "idle").await;
    assert_eq!(asked.metric(r#"redispatch_redis_connected{queue="q"}"#).await, "1");
    assert_ne!(asked.metric(r#"redispatch_redis_reconnects_total{queue="q"}"#).await, "0");
    worker.stop().await;
}

#[tokio::test]
async fn a_redis_that_freezes_is_a_redis_that_is_away() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let worker = Desk::new().worker(asked.settings(&redis));
    asked.until(true, true, "idle").await;
    redis.freeze();
    asked.until(true, false, "Redis").await;
    redis.thaw();
    asked.until(true, true, "idle").await;
    worker.stop().await;
}

#[tokio::test]
async fn a_redis_that_refuses_a_script_is_a_reason_and_no_fault() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let mut desk = Desk::new();
    let worker = desk.worker(asked.settings(&redis));
    asked.until(true, true, "idle").await;
    redis.command(&["SET", &key("pending:low"), "no list"]).await;
    let refused = asked.until(true, false, "Redis does not take `claim`: ").await;
    assert!(refused.reason().contains("WRONGTYPE") && refused.body["redis"] == "connected", "{refused:?}");
    redis.command(&["DEL", &key("pending:low")]).await;
    asked.until(true, true, "idle").await;

    push_numbers(&redis, 1).await;
    let sending = desk.next().await;
    redis.command(&["SET", &key("recent"), "no list"]).await;
    sending.accept();
    asked.until(true, false, "Redis does not take `complete`: ").await;
    redis.command(&["DEL", &key("recent")]).await;
    asked.until(true, true, "idle").await;
    worker.stop().await;
}

/// Whoever connects and says nothing must not keep others from an answer for ever, nor use up file descriptors.
#[tokio::test]
async fn connections_that_say_nothing_are_few_and_short() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let worker = Desk::new().worker(asked.settings(&redis));
    asked.until(true, true, "idle").await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(tokio::net::TcpStream::connect(asked.addr()).await.unwrap());
    }
    asked.until(true, true, "idle").await;
    for mut silent in silent {
        let closed =
            tokio::time::timeout(LIMIT, tokio::io::AsyncReadExt::read(&mut silent, &mut [0; 99])).await;
        let answered = closed.expect("it is closed in time").is_ok_and(|read| read > 0);
        assert!(!answered, "nothing was asked");
    }
    worker.stop().await;
}

#[tokio::test]
async fn draining_it_is_alive_and_not_ready() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let mut desk = Desk::new();
    let worker = desk.worker(asked.settings(&redis));
    push_numbers(&redis, 1).await;
    let sending = desk.next().await;
    worker.drain();
    let draining = asked.until(true, false, "draining").await;
    assert_eq!(draining.body["sending"], 1);
    sending.accept();
    worker.ended().await.unwrap();
    let gone = async || http::get(asked.addr(), "/healthz").await.is_err();
    eventually("nobody answers any more", LIMIT, gone, |gone| *gone).await;
}

#[tokio::test]
async fn an_address_of_another_host_ends_it_at_the_start() {
    let redis = RedisServer::start().await;
    let addr: SocketAddr = "192.0.2.1:9401".parse().unwrap();
    let worker = Desk::new().worker(WorkerSettings { http_addr: Some(addr), ..settings(&redis.url()) });
    let error = worker.ended().await.expect_err("it cannot be served there");
    assert!(matches!(error, WorkerError::Http { .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.starts_with("cannot serve health and metrics at HTTP_ADDR=192.0.2.1:9401: "), "{said}");
}

#[tokio::test]
async fn an_address_that_a_sibling_has_is_taken_over_when_it_is_gone() {
    let redis = RedisServer::start().await;
    let asked = Asked::new();
    let first = Desk::new().worker(asked.settings(&redis));
    let before = asked.until(true, true, "idle").await;
    let mut desk = Desk::new();
    let second = desk.worker(asked.settings(&redis));
    push_numbers(&redis, 1).await;
    first.stop().await;
    let sending = desk.next().await;
    let answered = async || http::get(asked.addr(), "/healthz").await.ok().map(|answer| answer.json());
    let after = eventually("the survivor answers", LIMIT, answered, |body| {
        body.as_ref().is_some_and(|body| body["worker"] != before.body["worker"])
    });
    assert_eq!(after.await.expect("an answer")["sending"], 1);
    sending.accept();
    second.stop().await;
}
