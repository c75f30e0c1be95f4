//! extend, sweep, heartbeat, stats and enqueue.

use redispatch_testkit::Reply;

use super::account::{account, dump};
use super::call::{self, Ask, RETENTION, begin, complete, extend, heartbeat, member, retry, sweep};
use super::orders::enqueue;
use super::queue::{Queue, key, message, status};
use super::worker::{Worker, two};

const HOUR: u64 = 3_600_000;

#[tokio::test]
async fn extend_brings_a_deleted_member_back_and_no_lost_lease() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(4).await;
    let held = a.claim(&mut queue, 3).await;
    let [kept, deleted, settled] = held.tokens()[..] else { panic!("{held:?}") };
    queue.settle(&complete(&[(settled, "")])).await;
    queue.command(&["DEL", &key("processing")]).await;
    let now = queue.now().await;
    let gone = queue.texts(&extend(60_000, &[kept, deleted, settled, "never given out"])).await;
    assert_eq!(gone, [settled, "never given out"]);
    assert_eq!(queue.members("processing").await, [kept, deleted]);
    for token in [kept, deleted] {
        assert!(queue.score("processing", token).await.expect("in hand") >= now + 60_000);
    }
    assert_eq!(b.claim(&mut queue, 5).await.texts(), [message(4)]);
    account(&mut queue).await;
}

#[tokio::test]
async fn sweep_brings_bytes_without_a_member_back_where_they_belong() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(5).await;
    let held = a.claim(&mut queue, 3).await;
    queue.settle(&retry("retry", HOUR, &[(held.tokens()[2], "", "")])).await;
    queue.command(&["DEL", &key("processing"), &key("delayed")]).await;
    let now = queue.now().await;
    let reply = queue.run(&sweep("0", 30_000, HOUR)).await;
    assert_eq!((reply.array()[0].text(), reply.array()[1].int()), ("0", 3));
    account(&mut queue).await;
    for token in &held.tokens()[..2] {
        let ends = queue.score("processing", token).await.expect("in hand again");
        assert!((now + 30_000..now + 50_000).contains(&ends), "its owner has a lease to renew it");
    }
    assert!(queue.score("delayed", &member(held.tokens()[2])).await.expect("delayed again") >= now);
    assert_eq!(b.claim(&mut queue, 1).await.texts(), [message(3)], "due at once");
    queue.lapse(&held.tokens()[..2]).await;
    for _ in 0..2 {
        assert_eq!(b.claim(&mut queue, 1).await.takeovers, 1);
    }
    account(&mut queue).await;
}

#[tokio::test]
async fn sweep_walks_a_large_hash_in_steps() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(700).await;
    for _ in 0..7 {
        a.claim(&mut queue, 100).await;
    }
    queue.command(&["DEL", &key("processing")]).await;
    let (mut cursor, mut restored, mut steps) = ("0".to_owned(), 0, 0);
    loop {
        let mut step = sweep(&cursor, 30_000, HOUR);
        step.args[1] = "32".into();
        let reply = queue.run(&step).await;
        assert!(reply.array()[1].int() < 200, "a step is short");
        cursor = reply.array()[0].text().to_owned();
        restored += reply.array()[1].int();
        steps += 1;
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(restored, 700);
    assert!(steps > 5, "{steps}");
    account(&mut queue).await;
}

#[tokio::test]
async fn sweep_leaves_what_is_in_order() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(5).await;
    let held = a.claim(&mut queue, 3).await;
    queue.settle(&retry("park", 1, &[(held.tokens()[0], "", "")])).await;
    let before = dump(&mut queue).await;
    let reply = queue.run(&sweep("0", 30_000, HOUR)).await;
    assert_eq!(reply, Reply::Array(vec![Reply::Bulk(b"0".to_vec()), Reply::Int(0)]));
    assert_eq!(dump(&mut queue).await, before);
}

#[tokio::test]
async fn a_score_years_ahead_is_brought_back_to_the_longest_lease() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(3).await;
    let held = a.claim(&mut queue, 3).await;
    let now = queue.now().await;
    let ten_years = (now + 315_360_000_000).to_string();
    for (token, score) in held.tokens().into_iter().zip([ten_years.as_str(), "+inf", "1"]) {
        queue.command(&["ZADD", &key("processing"), "XX", score, token]).await;
    }
    queue.run(&sweep("0", 30_000, HOUR)).await;
    for token in &held.tokens()[..2] {
        let ends = queue.score("processing", token).await.expect("in hand");
        assert!((now + HOUR as i64..now + HOUR as i64 + 20_000).contains(&ends), "{ends}");
    }
    assert_eq!(queue.score("processing", held.tokens()[2]).await, Some(1));
    account(&mut queue).await;
}

#[tokio::test]
async fn a_heartbeat_is_json_with_the_time_of_redis() {
    let mut queue = Queue::start().await;
    let a = two().0;
    let before = queue.now().await;
    a.beat(&mut queue, 30_000).await;
    let reply = queue.command(&["HGET", &key("workers"), "host.AAAAAAAAAAA"]).await;
    let beat: serde_json::Value = serde_json::from_str(reply.text()).expect("JSON");
    assert_eq!((beat["start"].as_str(), beat["lease_ms"].as_i64()), (Some("AAAAAAAAAAA"), Some(30_000)));
    assert!((before..before + 20_000).contains(&beat["at"].as_i64().expect("a time")));
}

#[tokio::test]
async fn a_heartbeat_older_than_ten_leases_is_pruned_by_any_other() {
    let mut queue = Queue::start().await;
    let (a, b) = two();
    let now = queue.now().await;
    for (name, start, at) in [("old", "OOOOOOOOOOO", now - 10_100), ("alive", "LLLLLLLLLLL", now + 50_000)] {
        let beat = format!(r#"{{"start":"{start}","lease_ms":1000,"at":{at}}}"#);
        queue.command(&["HSET", &key("workers"), name, &beat]).await;
        queue.command(&["HSET", &key("claims"), start, "7"]).await;
    }
    let call = heartbeat("host.AAAAAAAAAAA", a.start, r#"{"start":"AAAAAAAAAAA","lease_ms":1"#);
    assert_eq!(queue.run(&call).await.int(), 1);
    let workers = queue.command(&["HKEYS", &key("workers")]).await;
    assert_eq!(workers.array().len(), 2, "{workers:?}");
    let ended = queue.command(&["HGET", &key("claims"), "OOOOOOOOOOO:ended"]).await;
    assert!(ended.text().parse::<i64>().expect("ms") >= now);
    assert_eq!(
        queue.command(&["HGET", &key("claims"), "OOOOOOOOOOO"]).await.text(),
        "7",
        "its fence still stands"
    );

    let almost = (now - 86_400_000 + 60_000).to_string();
    queue.command(&["HSET", &key("claims"), "OOOOOOOOOOO:ended", &almost]).await;
    b.beat(&mut queue, 30_000).await;
    assert_eq!(queue.command(&["HEXISTS", &key("claims"), "OOOOOOOOOOO"]).await.int(), 1, "not before a day");
    queue.command(&["HSET", &key("claims"), "OOOOOOOOOOO:ended", &(now - 86_400_001).to_string()]).await;
    b.beat(&mut queue, 30_000).await;
    let left = queue.command(&["HKEYS", &key("claims")]).await;
    assert_eq!(left, Reply::Array(vec![Reply::Bulk(b"LLLLLLLLLLL".to_vec())]), "after a day it is gone");
}

#[tokio::test]
async fn a_worker_that_was_away_comes_back_with_its_fence() {
    let mut queue = Queue::start().await;
    let (mut a, b) = two();
    queue.push_many(2).await;
    let first = a.ask(1);
    let second = a.ask(1);
    queue.claim(&second).await;
    a.beat(&mut queue, 0).await;
    queue.command(&["HSET", &key("workers"), "host.AAAAAAAAAAA", r#"{"start":"AAAAAAAAAAA","at":1}"#]).await;
    b.beat(&mut queue, 30_000).await;
    assert_eq!(queue.command(&["HEXISTS", &key("claims"), "AAAAAAAAAAA:ended"]).await.int(), 1);
    assert_eq!(queue.claim(&first).await.why, "late");
    a.beat(&mut queue, 30_000).await;
    assert_eq!(queue.command(&["HEXISTS", &key("claims"), "AAAAAAAAAAA:ended"]).await.int(), 0);
    assert_eq!(queue.claim(&first).await.why, "late");
    account(&mut queue).await;
}

#[tokio::test]
async fn a_clean_stop_leaves_no_heartbeat_and_its_fence_for_a_day() {
    let mut queue = Queue::start().await;
    let (mut a, b) = two();
    queue.push_many(1).await;
    let ask = a.ask(1);
    let held = queue.claim(&ask).await;
    a.beat(&mut queue, 30_000).await;
    b.beat(&mut queue, 30_000).await;
    queue.settle(&complete(&[(held.token(), "")])).await;
    queue.run(&heartbeat("host.AAAAAAAAAAA", a.start, "")).await.int();
    assert_eq!(queue.command(&["HKEYS", &key("workers")]).await.array().len(), 1);
    queue.push_many(1).await;
    assert_eq!(queue.claim(&ask).await.messages, [], "a claim of the stopped worker, executed late");
    let ended = format!("{}:ended", a.start);
    queue.command(&["HSET", &key("claims"), &ended, "1"]).await;
    b.beat(&mut queue, 30_000).await;
    assert_eq!(queue.command(&["HLEN", &key("claims")]).await.int(), 0, "a day later it is gone");
    account(&mut queue).await;
}

#[tokio::test]
async fn heartbeats_that_are_no_heartbeats_are_pruned_and_stop_nobody() {
    let mut queue = Queue::start().await;
    let a = two().0;
    for (n, junk) in
        ["", "{", "7", "null", "[]", "{}", r#"{"at":"x","lease_ms":null}"#, r#"{"at":[],"start":{}}"#]
            .iter()
            .enumerate()
    {
        queue.command(&["HSET", &key("workers"), &format!("junk {n}"), junk]).await;
    }
    queue.command(&["HSET", &key("claims"), "XXXXXXXXXXX:ended", "yesterday", "XXXXXXXXXXX", "3"]).await;
    a.beat(&mut queue, 30_000).await;
    let left = queue.command(&["HKEYS", &key("workers")]).await;
    assert_eq!(left, Reply::Array(vec![Reply::Bulk(b"host.AAAAAAAAAAA".to_vec())]));
}

#[tokio::test]
async fn stats_counts_every_place_at_one_instant() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(6).await;
    let held = a.claim(&mut queue, 6).await;
    let t = held.tokens();
    queue.settle(&retry("retry", HOUR, &[(t[0], "", ""), (t[1], "", "")])).await;
    queue.settle(&call::dead_letter("reject", &[(t[2], "", &message(3))])).await;
    for (list, n) in [("claimed", 1), ("pending:high", 2), ("pending", 3), ("pending:low", 4)] {
        queue.push(list, &(0..n).map(|k| message(n * 100 + k)).collect::<Vec<_>>()).await;
    }
    queue.command(&["HSET", &key("control"), "paused_until", "-1"]).await;
    let reply = queue.run(&call::stats()).await;
    let numbers: Vec<_> = reply.array()[..7].iter().map(Reply::int).collect();
    assert_eq!(numbers, [3, 2, 1, 1, 2, 3, 4]);
    let texts = |n: usize| reply.array()[n].array().iter().map(Reply::text).collect::<Vec<_>>();
    assert_eq!(texts(7), ["retried", "2", "dead_lettered", "1"]);
    assert_eq!(texts(8), ["paused_until", "-1"]);
    account(&mut queue).await;
}

#[tokio::test]
async fn enqueue_keeps_each_id_once() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let m = |id: &str, n: u64| format!(r#"{{"id":"{id}","n":{n}}}"#);
    let batch = enqueue("h", &[("x", &m("x", 1)), ("y", &m("y", 2)), ("x", &m("x", 3))]);
    assert_eq!(queue.texts(&batch).await, ["enqueued", "enqueued", "exists"]);
    queue.pushed += 2;
    assert_eq!(queue.texts(&batch).await, ["enqueued", "enqueued", "exists"], "a repetition");
    assert_eq!(queue.counter("enqueued").await, 2);
    assert_eq!(queue.list("pending:high").await, [m("y", 2), m("x", 1)]);
    assert!(queue.ttl("x").await > RETENTION as i64 - 20_000);

    let held = a.claim(&mut queue, 2).await;
    let t = held.tokens();
    let again = enqueue("p", &[("x", &m("x", 4)), ("y", &m("y", 5))]);
    assert_eq!(queue.texts(&again).await, ["exists", "exists"], "claimed, not begun");
    queue.texts(&begin(&[(t[0], "x"), (t[1], "y")])).await;
    assert_eq!(queue.texts(&again).await, ["exists", "exists"], "in hand");
    queue.settle(&complete(&[(t[0], "x")])).await;
    queue.settle(&retry("retry", HOUR, &[(t[1], "y", "")])).await;
    assert_eq!(queue.texts(&again).await, ["exists", "exists"], "sent and delayed");
    account(&mut queue).await;
}

#[tokio::test]
async fn enqueue_takes_an_id_whose_message_is_nowhere() {
    for fields in [
        ["state", "waiting", "at", "1"],
        ["state", "sending", "token", "nobody's"],
        ["state", "sending", "at", "1"],
        ["state", "delayed", "member", "nobody's"],
        ["state", "delayed", "at", "1"],
        ["state", "dead", "reason", "reject"],
    ] {
        let mut queue = Queue::start().await;
        let name = status("x");
        let set = [["HSET", &name].as_slice(), &fields].concat();
        queue.command(&set).await;
        assert_eq!(queue.texts(&enqueue("l", &[("x", "{}")])).await, ["enqueued"], "{fields:?}");
        assert_eq!(queue.list("pending:low").await, ["{}"]);
    }
}

#[tokio::test]
async fn enqueued_messages_leave_in_the_order_given() {
    let (mut queue, mut a) = (Queue::start().await, Worker::new("AAAAAAAAAAA"));
    let bytes: Vec<_> = (1..=200).map(message).collect();
    let ids: Vec<_> = (1..=200).map(|n| format!("id {n}")).collect();
    let pairs: Vec<_> = ids.iter().map(String::as_str).zip(bytes.iter().map(String::as_str)).collect();
    assert!(queue.texts(&enqueue("p", &pairs)).await.iter().all(|answer| answer == "enqueued"));
    queue.pushed += 200;
    let ask = Ask { room: 100, ..a.ask(100) };
    assert_eq!(queue.claim(&ask).await.texts(), bytes[..100]);
    account(&mut queue).await;
}

#[tokio::test]
async fn enqueue_refuses_a_lane_that_is_none() {
    let mut queue = Queue::start().await;
    let reply = queue.run(&enqueue("x", &[("a", "{}")])).await;
    assert!(matches!(reply, Reply::Error(_)), "{reply:?}");
    assert_eq!(queue.command(&["DBSIZE"]).await.int(), 0);
}
