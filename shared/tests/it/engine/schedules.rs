//! Workers fire schedules: each firing once, whatever was missed, broken or lost meanwhile.

use std::sync::{Arc, Mutex};

use redispatch::keys::Lane;
use redispatch::queue::{Added, Changed, Missed, Queue, QueueError, Schedule};
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};

use super::account::until;
use super::kit::{QUEUE, Running, key, now, sent, settings};
use super::scripts;

const SECONDLY: &str = "* * * * * *";

/// The ids of what workers were given, in order.
#[derive(Clone, Default)]
struct Ids(Arc<Mutex<Vec<String>>>);

impl Ids {
    fn worker(&self, url: &str) -> Running {
        let ids = self.clone();
        Running::start(settings(url), move |delivery| {
            ids.0.lock().unwrap().push(delivery.id().unwrap_or("none").to_owned());
            async { sent() }
        })
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn reach(&self, count: usize) -> Vec<String> {
        eventually("firings", LIMIT, async || self.all(), |all| all.len() >= count).await
    }
}

fn queue(redis: &RedisServer) -> Queue {
    Queue::new(QUEUE, &settings(&redis.url())).unwrap()
}

/// Writes a schedule for each second by hand, so that its end may lie in the past.
async fn put(redis: &RedisServer, name: &str, more: &str, last: i64) {
    let text = format!(r#"{{"pattern":"{SECONDLY}","message":{{"n":1}}{more}}}"#);
    let last_field = format!("{name}:last");
    redis.command(&["HSET", &key("schedules"), name, &text, &last_field, &last.to_string()]).await;
}

async fn last(redis: &RedisServer, name: &str) -> i64 {
    let last = redis.command(&["HGET", &key("schedules"), &format!("{name}:last")]).await;
    last.text().parse().unwrap()
}

/// Waits until a schedule has come to `instant`.
async fn at(redis: &RedisServer, name: &str, instant: i64) {
    let last_field = format!("{name}:last");
    let reached = |reply: &redispatch_testkit::Reply| reply.text().parse::<i64>().unwrap() >= instant;
    redis.wait_until(&["HGET", &key("schedules"), &last_field], reached, LIMIT).await;
}

/// Waits until workers have looked at the schedules once more.
async fn looked(redis: &RedisServer) {
    let calls = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("cmdstat_hgetall:calls="));
        line.and_then(|rest| rest.split(',').next()?.parse::<i64>().ok()).unwrap_or(0)
    };
    let stats = ["INFO", "commandstats"];
    let before = calls(redis.command(&stats).await.text());
    // One of them may have been under way.
    redis.wait_until(&stats, |reply| calls(reply.text()) >= before + 2, LIMIT).await;
}

/// The ids of every second after `from` up to `to`.
fn seconds(name: &str, from: i64, to: i64) -> Vec<String> {
    let first = from - from.rem_euclid(1000) + 1000;
    let shown = |ms: i64| redispatch::clock::rfc3339(ms as u64).replace(".000Z", "Z");
    (first..=to).step_by(1000).map(|at| format!("cron:{name}:{}", shown(at))).collect()
}

#[tokio::test]
async fn a_schedule_each_second_fires_each_second() {
    let redis = RedisServer::start().await;
    let queue = queue(&redis);
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    let schedule = Schedule::new("tick", SECONDLY, r#"{"n":1}"#);
    assert_eq!(queue.add_schedule(&schedule).await.unwrap(), Added::Added);
    let added = last(&redis, "tick").await;
    let fired = ids.reach(3).await;
    assert_eq!(queue.add_schedule(&schedule).await.unwrap(), Added::Unchanged);
    assert!(last(&redis, "tick").await >= added + 2_000);
    assert_eq!(fired[..3], seconds("tick", added, added + 3_000)[..3]);
    let behind = now(&redis).await - last(&redis, "tick").await;
    assert!(behind < 10_000, "{behind} ms late");
    let listed = queue.schedules().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].schedule, Ok(schedule));
    assert!(listed[0].next > listed[0].last, "{listed:?}");

    assert!(queue.remove_schedule("tick").await.unwrap());
    assert!(!queue.remove_schedule("tick").await.unwrap());
    let fired = until(&redis, "all sent", |now| now.is_dry()).await.counter("enqueued");
    looked(&redis).await;
    until(&redis, "no more", |now| now.is_dry() && now.counter("enqueued") == fired).await;
    assert_eq!(ids.all().len() as i64, fired);
    worker.stop().await;
}

/// Five seconds' firings, all missed for more than a minute.
#[tokio::test]
async fn what_a_downtime_missed_goes_by_the_policy() {
    let redis = RedisServer::start().await;
    let end = now(&redis).await - 120_000;
    let from = end - 5_000;
    for missed in ["skip", "one", "all"] {
        put(&redis, missed, &format!(r#","end":{end},"missed":"{missed}""#), from).await;
    }
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    let latest = end - end.rem_euclid(1000);
    for missed in ["skip", "one", "all"] {
        at(&redis, missed, latest).await;
    }
    ids.reach(6).await;
    let mut expected = seconds("all", from, end);
    assert_eq!(expected.len(), 5);
    expected.extend(seconds("one", latest - 1, latest));
    let mut fired = ids.all();
    fired.sort();
    assert_eq!(fired, expected);
    let end = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") == 6).await;
    end.counters_are(&[("enqueued", 6), ("sent", 6)]);
    worker.stop().await;
}

#[tokio::test]
async fn what_is_on_time_goes_before_one_that_was_missed() {
    let redis = RedisServer::start().await;
    let start = now(&redis).await;
    let end = start - 5_000;
    put(&redis, "tick", &format!(r#","end":{end}"#), start - 180_000).await;
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    at(&redis, "tick", end - end.rem_euclid(1000)).await;
    until(&redis, "all sent", |now| now.is_dry()).await;
    let fired = ids.all();
    let on_time = seconds("tick", start - 61_000, end);
    assert!(on_time.ends_with(&fired), "{fired:?}");
    assert!(fired.len() > 5, "{fired:?}");
    worker.stop().await;
}

#[tokio::test]
async fn several_workers_catch_up_together_and_fire_each_once() {
    let redis = RedisServer::start().await;
    let end = now(&redis).await - 120_000;
    let from = end - 300_000;
    put(&redis, "tick", &format!(r#","end":{end},"missed":"all""#), from).await;
    let ids = Ids::default();
    let workers: Vec<_> = (0..3).map(|_| ids.worker(&redis.url())).collect();
    at(&redis, "tick", end - end.rem_euclid(1000)).await;
    let end_state = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") >= 300).await;
    end_state.counters_are(&[("enqueued", 300), ("sent", 300)]);
    let mut fired = ids.all();
    fired.sort();
    assert_eq!(fired, seconds("tick", from, end));
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test]
async fn a_schedule_that_cannot_be_used_stops_no_other() {
    let redis = RedisServer::start().await;
    let long_ago = now(&redis).await - 1_000_000;
    put(&redis, "unknown-field", r#","jitter":5"#, long_ago).await;
    put(&redis, "nowhere", r#","timezone":"Europe/Atlantis""#, long_ago).await;
    put(&redis, "last", "", long_ago).await;
    let message = |fields: &str| format!(r#"{{"pattern":"{SECONDLY}","message":{fields}}}"#);
    for (name, text) in [
        ("text", "no JSON".to_owned()),
        ("never", r#"{"pattern":"0 0 31 2 *","message":{}}"#.to_owned()),
        ("with-id", message(r#"{"id":"1"}"#)),
        ("list", message("[1]")),
        ("a name with blanks", message("{}")),
    ] {
        let last_field = format!("{name}:last");
        redis.command(&["HSET", &key("schedules"), name, &text, &last_field, &long_ago.to_string()]).await;
    }
    redis.command(&[b"HSET".as_slice(), key("schedules").as_bytes(), b"\xff\xfe", b"\xff"]).await;
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    let fired = ids.reach(3).await;
    assert!(fired.iter().all(|id| id.starts_with("cron:last:")), "{fired:?}");
    let listed = queue(&redis).schedules().await.unwrap();
    let faults: Vec<_> =
        listed.iter().filter_map(|one| Some((&*one.name, one.schedule.as_ref().err()?))).collect();
    let names: Vec<_> = faults.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["list", "never", "nowhere", "text", "unknown-field", "with-id"]);
    assert!(faults.iter().any(|(name, fault)| *name == "nowhere" && fault.contains("Europe/Atlantis")));
    worker.stop().await;
}

#[tokio::test]
async fn a_definition_written_by_hand_fires_from_then_on() {
    let redis = RedisServer::start().await;
    let text = format!(r#"{{"pattern":"{SECONDLY}","message":{{}}}}"#);
    redis.command(&["HSET", &key("schedules"), "tick", &text]).await;
    let start = now(&redis).await;
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    let fired = ids.reach(2).await;
    assert!(seconds("tick", start - 1_000, start + 20_000).contains(&fired[0]), "{fired:?}");
    worker.stop().await;
}

#[tokio::test]
async fn schedules_rest_while_the_intake_is_paused() {
    let redis = RedisServer::start().await;
    redis.command(&["HSET", &key("control"), "intake_paused", "1700000000000"]).await;
    let from = now(&redis).await - 5_000;
    put(&redis, "tick", "", from).await;
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    looked(&redis).await;
    assert_eq!(ids.all().len(), 0);
    assert_eq!(last(&redis, "tick").await, from);
    redis.command(&["HDEL", &key("control"), "intake_paused"]).await;
    let fired = ids.reach(5).await;
    assert_eq!(
        fired,
        seconds("tick", from, from + 600_000)[..fired.len()],
        "less than a minute late: on time"
    );
    worker.stop().await;
}

#[tokio::test]
async fn a_full_memory_holds_firings_up() {
    let redis = RedisServer::start().await;
    let from = now(&redis).await - 5_000;
    put(&redis, "tick", "", from).await;
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    looked(&redis).await;
    assert_eq!((ids.all().len(), last(&redis, "tick").await), (0, from));
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let fired = ids.reach(5).await;
    assert_eq!(fired, seconds("tick", from, from + 600_000)[..fired.len()]);
    worker.stop().await;
}

#[tokio::test]
async fn one_firing_can_be_cancelled_before_it_comes() {
    let redis = RedisServer::start().await;
    let end = now(&redis).await - 120_000;
    let from = end - 5_000;
    let mut expected = seconds("tick", from, end);
    let id = expected.remove(2);
    let queue = queue(&redis);
    assert_eq!(queue.cancel(&id, Some(LIMIT)).await.unwrap(), Changed::Unknown);
    put(&redis, "tick", &format!(r#","end":{end},"missed":"all""#), from).await;
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    at(&redis, "tick", end - end.rem_euclid(1000)).await;
    until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") >= 4).await;
    let mut fired = ids.all();
    fired.sort();
    assert_eq!(fired, expected);
    worker.stop().await;
}

#[tokio::test]
async fn a_lane_that_is_no_list_stops_no_other_schedule() {
    let redis = RedisServer::start().await;
    redis.command(&["SET", &key("pending:high"), "x"]).await;
    let from = now(&redis).await - 3_000;
    put(&redis, "high", r#","lane":"high""#, from).await;
    put(&redis, "low", r#","lane":"low""#, from).await;
    let ids = Ids::default();
    let worker = ids.worker(&redis.url());
    at(&redis, "low", from + 2_000).await;
    assert_eq!(last(&redis, "high").await, from);
    redis.command(&["DEL", &key("pending:high")]).await;
    at(&redis, "high", from + 2_000).await;
    let fired = ids.reach(4).await;
    assert!(seconds("low", from, from + 2_000).iter().all(|id| fired.contains(id)), "{fired:?}");
    worker.stop().await;
}

macro_rules! both {
    ($($name:ident $then:ident)*) => { $(
        #[tokio::test]
        async fn $name() { a_lost_reply(Then::$then).await }
    )* };
}

both! { a_reply_lost_with_its_connection_fires_once Close a_reply_that_never_comes_fires_once Hang }

async fn a_lost_reply(then: Then) {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let end = now(&redis).await - 120_000;
    let from = end - 5_000;
    put(&redis, "tick", &format!(r#","end":{end},"missed":"all""#), from).await;
    let lost = proxy.lose_reply(scripts::hash(&redis, scripts::FIRE).await, then);
    let ids = Ids::default();
    let worker = ids.worker(&proxy.url());
    lost.struck().await;
    at(&redis, "tick", end - end.rem_euclid(1000)).await;
    let state = until(&redis, "all sent", |now| now.is_dry() && now.counter("sent") >= 5).await;
    state.counters_are(&[("enqueued", 5), ("sent", 5)]);
    let mut fired = ids.all();
    fired.sort();
    assert_eq!(fired, seconds("tick", from, end));
    worker.stop().await;
}

#[tokio::test]
async fn what_cannot_be_added_is_named() {
    let redis = RedisServer::start().await;
    let queue = queue(&redis);
    let good = Schedule::new("tick", "* * * * *", "{}");
    let changed = |change: fn(&mut Schedule)| {
        let mut schedule = good.clone();
        change(&mut schedule);
        schedule
    };
    for (schedule, names) in [
        (changed(|it| it.name = "a b".into()), "name `a b`"),
        (changed(|it| it.name = String::new()), "name ``"),
        (changed(|it| it.pattern = "0 0 30 2 *".into()), "never"),
        (changed(|it| it.timezone = "Mars/Olympus".into()), "timezone `Mars/Olympus`"),
        (changed(|it| it.end = Some(1_700_000_000_000)), "end"),
        (changed(|it| it.message = "[]".into()), "message: not a JSON object"),
        (changed(|it| it.message = r#"{"id":"x"}"#.into()), "leave `id` out"),
        (changed(|it| it.message = r#"{"send_at":1900000000000}"#.into()), "leave `send_at` out"),
        (changed(|it| it.message = r#"{"_delivery":{}}"#.into()), "leave `_delivery` out"),
        (changed(|it| it.message = format!(r#"{{"a":"{}"}}"#, "x".repeat(100_000)).into()), "100008 bytes"),
    ] {
        let error = queue.add_schedule(&schedule).await.unwrap_err();
        assert!(matches!(&error, QueueError::Schedule(text) if text.contains(names)), "{error}");
    }
    assert_eq!(queue.schedules().await.unwrap(), []);
    let other = Schedule { missed: Missed::All, lane: Lane::Low, ..good.clone() };
    assert_eq!(queue.add_schedule(&good).await.unwrap(), Added::Added);
    assert_eq!(queue.add_schedule(&other).await.unwrap(), Added::Replaced);
    assert_eq!(queue.schedules().await.unwrap()[0].schedule, Ok(other));
    assert!(queue.client().queues().await.unwrap().contains(&QUEUE.to_owned()));
}
