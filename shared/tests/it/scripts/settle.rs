//! What each settling script writes, beyond what `every` asks of all.

use redispatch_testkit::Reply;

use super::account::account;
use super::call::{
    RETENTION, begin, complete, complete_as, dead_letter, member, release, retry, split, split_to,
};
use super::orders::enqueue;
use super::queue::{Queue, key, message, status};
use super::worker::{Worker, two};

fn d(n: u64) -> String {
    format!(r#"{{"id":"d{n}","n":{n}}}"#)
}

/// A queue with messages of the ids d1, d2, … begun by worker A, which comes along.
async fn begun(count: u64) -> (Queue, Worker, Vec<String>) {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push("pending", &(1..=count).map(d).collect::<Vec<_>>()).await;
    let claimed = a.claim(&mut queue, count).await;
    let ids: Vec<_> = (1..=count).map(|n| format!("d{n}")).collect();
    let pairs: Vec<_> = claimed.tokens().into_iter().zip(ids.iter().map(String::as_str)).collect();
    assert!(queue.texts(&begin(&pairs)).await.iter().all(|answer| answer == "go"));
    let tokens = claimed.tokens().into_iter().map(str::to_owned).collect();
    (queue, a, tokens)
}

fn near(ms: i64, expected: u64) -> bool {
    (expected as i64 - 20_000..=expected as i64).contains(&ms)
}

#[tokio::test]
async fn complete_leaves_status_counters_and_a_capped_list() {
    let (mut queue, mut a, t) = begun(2).await;
    queue.settle(&complete(&[(&t[1], "d2"), (&t[0], "d1")])).await;
    assert_eq!(queue.state("d1", "state").await, "sent");
    assert_eq!(queue.state("d2", "provider_id").await, "provider's own");
    assert!(near(queue.ttl("d1").await, RETENTION));
    queue.push_many(1_100).await;
    for _ in 0..11 {
        let claimed = a.claim(&mut queue, 100).await;
        let pairs: Vec<_> = claimed.tokens().into_iter().map(|token| (token, "")).collect();
        queue.settle(&complete(&pairs)).await;
    }
    assert_eq!(queue.counter("sent").await, 1_102);
    let recent = queue.list("recent").await;
    assert_eq!(recent.len(), 1_000);
    assert!(recent[0].contains(":AAAAAAAAAAA.1102"), "the newest first: {}", recent[0]);
    account(&mut queue).await;
    for left in ["processing", "messages", "delayed", "dead_letter"] {
        assert_eq!(queue.command(&["EXISTS", &key(left)]).await.int(), 0, "{left}");
    }
}

#[tokio::test]
async fn a_batch_settles_what_is_held_and_counts_what_is_gone() {
    let (mut queue, _, t) = begun(3).await;
    queue.lapse(&[&t[1]]).await;
    let taken = two().1.claim(&mut queue, 1).await;
    assert_eq!(queue.gone(&complete(&[(&t[0], "d1"), (&t[1], "d2"), (&t[2], "d3")])).await, 1);
    assert_eq!((queue.counter("sent").await, queue.counter("stale_settles").await), (2, 1));
    assert_eq!(queue.state("d2", "state").await, "sending");
    assert_eq!(queue.state("d3", "state").await, "sent");
    assert_eq!(queue.members("processing").await, taken.tokens());
    account(&mut queue).await;
}

#[tokio::test]
async fn with_and_without_ids_go_in_one_call_whatever_is_gone() {
    let (mut queue, _, t) = begun(6).await;
    queue.settle(&complete(&[(&t[1], ""), (&t[4], "d5")])).await;
    let batch = [(&t[0], ""), (&t[1], ""), (&t[2], ""), (&t[3], "d4"), (&t[4], "d5"), (&t[5], "d6")];
    let call = complete(&batch.map(|(token, id)| (token.as_str(), id)));
    assert_eq!(queue.gone(&call).await, 2);
    assert_eq!((queue.counter("sent").await, queue.counter("stale_settles").await), (6, 2));
    for (id, state) in [("d1", "sending"), ("d4", "sent"), ("d5", "sent"), ("d6", "sent")] {
        assert_eq!(queue.state(id, "state").await, state, "{id}");
    }
    account(&mut queue).await;
    assert_eq!(queue.gone(&call.again()).await, 6);
    assert_eq!((queue.counter("sent").await, queue.counter("stale_settles").await), (6, 2));
}

#[tokio::test]
async fn fewer_entries_than_messages_are_enough() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(100).await;
    let claimed = a.claim(&mut queue, 100).await;
    let pairs: Vec<_> = claimed.tokens().into_iter().map(|token| (token, "")).collect();
    let mut call = complete(&pairs);
    call.args[3] = "2".into();
    call.args.truncate(5 + 100 + 2);
    queue.settle(&call).await;
    assert_eq!((queue.counter("sent").await, queue.list("recent").await.len()), (100, 2));
    account(&mut queue).await;
}

#[tokio::test]
async fn bare_messages_leave_statuses_that_are_all_alike_each_with_its_ttl() {
    let (mut queue, _, t) = begun(3).await;
    let pairs: Vec<_> = t.iter().zip(["d1", "d2", "d3"]).map(|(token, id)| (token.as_str(), id)).collect();
    queue.command(&["DEL", &status("d2")]).await;
    queue.command(&["SET", &status("d2"), "no hash"]).await;
    queue.settle(&complete_as(&pairs, true)).await;
    let first = queue.command(&["HGETALL", &status("d1")]).await;
    for id in ["d1", "d2", "d3"] {
        assert_eq!(queue.command(&["HGETALL", &status(id)]).await, first, "{id}");
        assert!(queue.ttl(id).await > RETENTION as i64 - 20_000, "{id}");
    }
    let fields: Vec<_> = first.array().iter().map(Reply::text).collect();
    assert_eq!((&fields[..3], &fields[4..]), (&["state", "sent", "at"][..], &["attempts", "1"][..]));
    assert_eq!((queue.counter("sent").await, queue.list("recent").await.len()), (3, 3));
    account(&mut queue).await;
}

#[tokio::test]
async fn of_bare_messages_only_those_in_hand_are_told_as_sent() {
    let (mut queue, _, t) = begun(3).await;
    queue.lapse(&[&t[1]]).await;
    let mut other = Worker::new("CCCCCCCCCCC");
    assert_eq!(other.claim(&mut queue, 1).await.takeovers, 1);
    // Its member is gone by hand, and its bytes stand.
    queue.command(&["ZREM", &key("processing"), &t[2]]).await;
    let pairs: Vec<_> = t.iter().zip(["d1", "d2", "d3"]).map(|(token, id)| (token.as_str(), id)).collect();
    assert_eq!(queue.gone(&complete_as(&pairs, true)).await, 1);
    let mut states = Vec::new();
    for id in ["d1", "d2", "d3"] {
        states.push(queue.command(&["HGET", &status(id), "state"]).await.text().to_owned());
    }
    assert_eq!(states, ["sent", "sending", "sent"]);
    assert_eq!((queue.counter("sent").await, queue.list("recent").await.len()), (2, 2));
    account(&mut queue).await;
}

#[tokio::test]
async fn without_retention_no_bare_message_leaves_a_status() {
    let (mut queue, _, t) = begun(3).await;
    let pairs: Vec<_> = t.iter().zip(["d1", "d2", "d3"]).map(|(token, id)| (token.as_str(), id)).collect();
    let mut call = complete_as(&pairs, true);
    call.args[1] = "0".into();
    queue.settle(&call).await;
    for id in ["d1", "d2", "d3"] {
        assert_eq!(queue.command(&["EXISTS", &status(id)]).await.int(), 0, "{id}");
    }
}

#[tokio::test]
async fn a_retry_is_due_after_its_delay_and_counts() {
    let (mut queue, _, t) = begun(2).await;
    let before = queue.now().await;
    queue
        .settle(&retry("retry", 60_000, &[(&t[0], "d1", r#"{"n":1,"retries":1}"#), (&t[1], "d2", "")]))
        .await;
    let due = queue.score("delayed", &member(&t[0])).await.expect("delayed");
    assert!((before + 60_000..=queue.now().await + 60_000).contains(&due));
    assert_eq!(queue.counter("retried").await, 2);
    assert_eq!(queue.state("d1", "state").await, "delayed");
    assert_eq!(queue.state("d1", "member").await, member(&t[0]));
    assert_eq!(queue.state("d1", "due").await, due.to_string());
    assert_eq!(queue.state("d1", "error").await, "no route");
    assert!(near(queue.ttl("d1").await, RETENTION + 60_000), "due time and retention");
    for (token, bytes) in [(&t[0], r#"{"n":1,"retries":1}"#.to_owned()), (&t[1], d(2))] {
        assert_eq!(queue.command(&["HGET", &key("messages"), &member(token)]).await.text(), bytes);
    }
    account(&mut queue).await;
}

#[tokio::test]
async fn a_parked_message_is_due_at_its_time_and_does_not_count() {
    let (mut queue, mut a, t) = begun(2).await;
    let due = queue.now().await as u64 + 3_600_000;
    queue.settle(&retry("park", due, &[(&t[0], "d1", "")])).await;
    queue.settle(&retry("park", 1, &[(&t[1], "d2", "")])).await;
    assert_eq!(queue.score("delayed", &member(&t[0])).await, Some(due as i64));
    assert_eq!(queue.counter("retried").await, 0);
    assert!(near(queue.ttl("d1").await, RETENTION + 3_600_000));
    assert!(near(queue.ttl("d2").await, RETENTION), "a time long past takes nothing off");
    assert_eq!(a.claim(&mut queue, 5).await.texts(), [d(2)]);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_message_for_the_year_9999_is_parked_whole() {
    let (mut queue, _, t) = begun(1).await;
    queue.settle(&retry("park", 253_402_300_799_999, &[(&t[0], "d1", "")])).await;
    assert_eq!(queue.score("delayed", &member(&t[0])).await, Some(253_402_300_799_999));
    assert!(queue.ttl("d1").await > 0);
    account(&mut queue).await;
}

#[tokio::test]
async fn dead_letters_are_kept_newest_first_with_their_reason() {
    let (mut queue, _, t) = begun(3).await;
    let dead = |n: u64| format!(r#"{{"n":{n},"_delivery":{{}}}}"#);
    queue.settle(&dead_letter("reject", &[(&t[0], "d1", &dead(1)), (&t[1], "", &dead(2))])).await;
    queue.settle(&dead_letter("expired", &[(&t[2], "d3", &dead(3))])).await;
    assert_eq!(queue.list("dead_letter").await, [3, 2, 1].map(dead));
    assert_eq!((queue.counter("dead_lettered").await, queue.counter("expired").await), (3, 1));
    assert_eq!(queue.state("d1", "state").await, "dead");
    assert_eq!(queue.state("d1", "reason").await, "reject");
    assert_eq!(queue.state("d1", "error").await, "user unknown");
    assert!(near(queue.ttl("d1").await, RETENTION));
    assert_eq!(queue.state("d2", "state").await, "sending", "has_id 0 writes no status");
    assert_eq!(queue.list("recent").await.len(), 3);
    account(&mut queue).await;
}

#[tokio::test]
async fn released_messages_are_the_next_in_their_old_order() {
    let (mut queue, mut a, t) = begun(4).await;
    queue.push("pending", &[message(9)]).await;
    queue.settle(&release(0, &[(&t[3], "h", "", "d4"), (&t[2], "p", "", ""), (&t[0], "p", "", "d1")])).await;
    queue.settle(&release(0, &[(&t[1], "l", "", "d2")])).await;
    assert_eq!(queue.list("pending").await, [message(9), d(3), d(1)]);
    assert_eq!(queue.state("d1", "state").await, "waiting");
    assert!(near(queue.ttl("d1").await, RETENTION));
    assert_eq!(queue.command(&["EXISTS", &key("control")]).await.int(), 0, "no throttle asked, none written");
    assert_eq!(a.claim(&mut queue, 10).await.texts(), [d(4), d(1), d(3), message(9), d(2)]);
    account(&mut queue).await;
}

/// All that were in flight, with somebody waiting in front and without.
#[tokio::test]
async fn throttled_ones_let_the_one_in_front_go_first_and_keep_their_order() {
    for front in [false, true] {
        let (mut queue, mut a, t) = begun(3).await;
        if front {
            queue.push("pending", &[message(8), message(9)]).await;
        }
        let mut call = release(1, &[(&t[2], "p", "", ""), (&t[1], "p", "", ""), (&t[0], "p", "", "d1")]);
        for i in [7, 12, 17] {
            call.args[i] = "1".into();
        }
        queue.settle(&call).await;
        queue.command(&["HDEL", &key("control"), "throttled_until"]).await;
        let expected = [message(8), d(1), d(2), d(3), message(9)];
        let expected = if front { &expected[..] } else { &expected[1..4] };
        assert_eq!(a.claim(&mut queue, 10).await.texts(), expected);
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_release_throttles_everybody_but_shortens_no_wait() {
    let (mut queue, mut a, t) = begun(3).await;
    let mut until = Vec::new();
    for (token, throttle) in [(&t[0], 60_000), (&t[1], 5_000), (&t[2], 90_000)] {
        let call = release(throttle, &[(token, "p", "", "")]);
        queue.settle(&call).await;
        let reply = queue.command(&["HGET", &key("control"), "throttled_until"]).await;
        until.push(reply.text().parse::<i64>().expect("ms"));
        let now = queue.now().await;
        queue.command(&["HSET", &key("control"), "throttled_until", &(now + 10).to_string()]).await;
        queue.texts(&call.again()).await;
        queue.texts(&call).await;
        let reply = queue.command(&["HGET", &key("control"), "throttled_until"]).await;
        assert_eq!(reply.text(), (now + 10).to_string(), "a repetition starts no wait over");
        queue
            .command(&["HSET", &key("control"), "throttled_until", &until[until.len() - 1].to_string()])
            .await;
    }
    assert_eq!(until[0], until[1], "a shorter wait shortens nothing");
    assert!(until[2] > until[0]);
    assert_eq!(a.claim(&mut queue, 5).await.why, "throttled");
    account(&mut queue).await;
}

#[tokio::test]
async fn a_split_completes_the_original_and_places_every_part() {
    let (mut queue, mut a, t) = begun(1).await;
    let part = |n: u64| format!(r#"{{"n":{n}}}"#);
    let (later, gone) = (part(51), part(52));
    let call = split(
        &t[0],
        "d1",
        &[
            ("retry", "AAAAAAAAAAA.51:h:0", 60_000, &later, "d1·x"),
            ("dead", "AAAAAAAAAAA.52:h:0", 0, &gone, ""),
            ("retry", "AAAAAAAAAAA.53:h:1", 0, &part(53), ""),
        ],
    );
    queue.settle(&call).await;
    queue.pushed += 3;
    assert_eq!(queue.members("delayed").await, ["AAAAAAAAAAA.53:h:1", "AAAAAAAAAAA.51:h:0"]);
    assert_eq!(queue.list("dead_letter").await, [gone]);
    for (name, count) in [("sent", 1), ("retried", 2), ("dead_lettered", 1), ("stale_settles", 0)] {
        assert_eq!(queue.counter(name).await, count, "{name}");
    }
    assert_eq!(queue.state("d1", "state").await, "sent");
    assert!(near(queue.ttl("d1").await, RETENTION));
    assert_eq!(queue.state("d1·x", "state").await, "delayed");
    assert_eq!(queue.state("d1·x", "member").await, "AAAAAAAAAAA.51:h:0");
    assert!(near(queue.ttl("d1·x").await, RETENTION + 60_000));
    assert_eq!(queue.list("recent").await.len(), 1);
    account(&mut queue).await;

    assert_eq!(queue.texts(&call.again()).await, [t[0].clone()]);
    assert_eq!(queue.counter("stale_settles").await, 0);
    let next = a.claim(&mut queue, 5).await;
    assert_eq!(next.texts(), [part(53)]);
    account(&mut queue).await;
    let due = queue.command(&["ZADD", &key("delayed"), "XX", "CH", "1", "AAAAAAAAAAA.51:h:0"]).await;
    assert_eq!(due.int(), 1);
    let rest = a.claim_more(&mut queue, 5).await;
    assert_eq!(
        queue.texts(&begin(&[(rest.token(), "d1·x")])).await,
        ["go"],
        "a part is no duplicate of the original"
    );
    account(&mut queue).await;
}

#[tokio::test]
async fn a_split_of_a_message_without_id_writes_no_status() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    queue.settle(&split(&token, "", &[("dead", "AAAAAAAAAAA.9:p:0", 0, r#"{"n":9}"#, "")])).await;
    queue.pushed += 1;
    assert_eq!(queue.command(&["KEYS", "*status*"]).await.array(), []);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_split_that_served_nobody_counts_none_as_sent_and_keeps_the_id_in_hand() {
    let (mut queue, mut a, t) = begun(2).await;
    let bytes = [51, 52].map(|n| format!(r#"{{"id":"d1","n":{n}}}"#));
    let member = "AAAAAAAAAAA.51:p:0";
    let parts = [
        ("dead", "AAAAAAAAAAA.52:p:0", 0, bytes[1].as_str(), ""),
        ("retry", member, 60_000, bytes[0].as_str(), ""),
    ];
    queue.settle(&split_to("delayed", &t[0], "d1", &parts)).await;
    queue.pushed += 1;
    assert_eq!((queue.counter("sent").await, queue.counter("retried").await), (0, 1));
    assert_eq!(queue.list("recent").await.len(), 0, "it is not finished");
    assert_eq!(
        (queue.state("d1", "state").await, queue.state("d1", "member").await),
        ("delayed".into(), member.into())
    );
    assert!(near(queue.ttl("d1").await, RETENTION + 60_000));
    assert_eq!(queue.texts(&enqueue("p", &[("d1", "{}")])).await, ["exists"]);
    account(&mut queue).await;
    queue.command(&["ZADD", &key("delayed"), "XX", "1", member]).await;
    let rest = a.claim_more(&mut queue, 1).await;
    assert_eq!(queue.texts(&begin(&[(rest.token(), "d1")])).await, ["go"]);

    queue
        .settle(&split_to("dead", &t[1], "d2", &[("dead", "AAAAAAAAAAA.53:p:0", 0, &message(53), "")]))
        .await;
    assert_eq!((queue.counter("sent").await, queue.state("d2", "state").await), (0, "dead".into()));
    assert!(queue.list("recent").await[0].contains("dead"));
    assert!(near(queue.ttl("d2").await, RETENTION));
    assert_eq!(queue.texts(&enqueue("p", &[("d2", "{}")])).await, ["enqueued"]);
    queue.pushed += 1;
    account(&mut queue).await;
}

#[tokio::test]
async fn a_release_does_not_shorten_a_wait_until_somebody_resumes() {
    for until in ["-1", "nan", "until Monday"] {
        let (mut queue, mut a, t) = begun(1).await;
        queue.command(&["HSET", &key("control"), "throttled_until", until]).await;
        queue.settle(&release(5_000, &[(&t[0], "p", "", "d1")])).await;
        assert_eq!(queue.command(&["HGET", &key("control"), "throttled_until"]).await.text(), until);
        let claimed = a.claim(&mut queue, 1).await;
        assert_eq!((claimed.why.as_str(), claimed.wait < 0), ("throttled", true), "{until}");
        account(&mut queue).await;
    }
}
