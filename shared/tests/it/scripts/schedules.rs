//! fire and schedule_add: each firing once, whoever tries.

use redispatch_testkit::Reply;

use super::account::{account, dump};
use super::call::{self, Call, RETENTION};
use super::queue::{Queue, key, message, status};

const DEFINITION: &str = r#"{"pattern":"* * * * *","message":{}}"#;
const OTHER: &str = r#"{"pattern":"*/2 * * * *","message":{}}"#;

/// A queue with the schedule `tick`, whose last firing was two minutes ago.
async fn queue() -> (Queue, i64) {
    let mut queue = Queue::start().await;
    let last = queue.now().await - 120_000;
    set(&mut queue, DEFINITION, &last.to_string()).await;
    (queue, last)
}

async fn set(queue: &mut Queue, definition: &str, last: &str) {
    queue.command(&["HSET", &key("schedules"), "tick", definition, "tick:last", last]).await;
}

async fn last(queue: &mut Queue) -> String {
    queue.command(&["HGET", &key("schedules"), "tick:last"]).await.text().to_owned()
}

/// A firing `after` ms after the last one.
fn firing(last: i64, after: i64) -> Call {
    call::fire("tick", DEFINITION, &last.to_string(), last + after, "p", &message(after as u64))
}

/// The answer, and the last firing by now.
async fn run(queue: &mut Queue, call: &Call) -> (String, String) {
    let reply = queue.run(call).await;
    let [answer, now, last] = reply.array() else { panic!("{reply:?}") };
    let apart = queue.now().await - now.int();
    assert!((0..5_000).contains(&apart), "Redis's clock: {apart} ms");
    (answer.text().to_owned(), last.text().to_owned())
}

/// Expects `answer`, and that nothing changed.
async fn refused(queue: &mut Queue, call: &Call, answer: &str) {
    let before = dump(queue).await;
    assert_eq!(run(queue, call).await.0, answer);
    assert_eq!(dump(queue).await, before);
}

#[tokio::test]
async fn a_firing_waits_with_a_status_and_is_counted() {
    let (mut queue, from) = queue().await;
    let at = (from + 60_000).to_string();
    assert_eq!(run(&mut queue, &firing(from, 60_000)).await, ("fired".into(), at.clone()));
    queue.pushed += 1;
    assert_eq!(queue.list("pending").await, [message(60_000)]);
    assert_eq!(last(&mut queue).await, at);
    assert_eq!(queue.counter("enqueued").await, 1);
    let id = format!("cron:tick:{at}");
    assert_eq!(queue.state(&id, "state").await, "waiting");
    let enqueued_at: i64 = queue.state(&id, "enqueued_at").await.parse().unwrap();
    assert!((0..5_000).contains(&(queue.now().await - enqueued_at)));
    assert!((1..=RETENTION as i64).contains(&queue.ttl(&id).await));
    account(&mut queue).await;
}

#[tokio::test]
async fn every_lane_takes_firings() {
    for (letter, list) in [("h", "pending:high"), ("p", "pending"), ("l", "pending:low")] {
        let (mut queue, from) = queue().await;
        queue.push(list, &[message(1)]).await;
        let call = call::fire("tick", DEFINITION, &from.to_string(), from + 1, letter, &message(2));
        assert_eq!(run(&mut queue, &call).await.0, "fired");
        assert_eq!(queue.list(list).await, [message(2), message(1)], "behind what waits");
    }
}

#[tokio::test]
async fn of_two_workers_at_once_one_fires() {
    let (mut queue, from) = queue().await;
    let call = firing(from, 60_000);
    assert_eq!(run(&mut queue, &call).await.0, "fired");
    let before = dump(&mut queue).await;
    assert_eq!(run(&mut queue, &call).await, ("late".into(), (from + 60_000).to_string()));
    refused(&mut queue, &firing(from, 90_000), "late").await;
    assert_eq!(dump(&mut queue).await, before);
}

#[tokio::test]
async fn a_lost_reply_and_a_repetition_fire_once() {
    let (mut queue, from) = queue().await;
    for answer in ["fired", "late", "late"] {
        assert_eq!(run(&mut queue, &firing(from, 60_000)).await.0, answer);
    }
    assert_eq!(queue.list("pending").await.len(), 1);
    assert_eq!(queue.counter("enqueued").await, 1);
}

#[tokio::test]
async fn a_definition_changed_or_removed_meanwhile_fires_nothing() {
    let (mut queue, from) = queue().await;
    set(&mut queue, OTHER, &from.to_string()).await;
    refused(&mut queue, &firing(from, 60_000), "changed").await;
    queue.command(&["HDEL", &key("schedules"), "tick", "tick:last"]).await;
    refused(&mut queue, &firing(from, 60_000), "changed").await;
    // Only half of it removed, by somebody's hand.
    queue.command(&["HSET", &key("schedules"), "tick:last", &from.to_string()]).await;
    refused(&mut queue, &firing(from, 60_000), "changed").await;
}

#[tokio::test]
async fn a_schedule_removed_and_added_again_does_not_fire_for_its_former_life() {
    let (mut queue, from) = queue().await;
    queue.command(&["HDEL", &key("schedules"), "tick", "tick:last"]).await;
    assert_eq!(queue.run(&call::schedule_add("tick", DEFINITION)).await.text(), "added");
    refused(&mut queue, &firing(from, 60_000), "late").await;
}

#[tokio::test]
async fn a_clock_that_is_early_fires_nothing() {
    let (mut queue, from) = queue().await;
    refused(&mut queue, &firing(from, 150_000), "early").await;
}

#[tokio::test]
async fn nothing_fires_while_the_intake_is_paused() {
    let (mut queue, from) = queue().await;
    queue.command(&["HSET", &key("control"), "intake_paused", "1700000000000"]).await;
    refused(&mut queue, &firing(from, 60_000), "paused").await;
    let drop = call::fire("tick", DEFINITION, &from.to_string(), from + 1, "p", "");
    refused(&mut queue, &drop, "paused").await;
    queue.command(&["HDEL", &key("control"), "intake_paused"]).await;
    assert_eq!(run(&mut queue, &firing(from, 60_000)).await.0, "fired");
}

#[tokio::test]
async fn a_firing_that_is_dropped_moves_the_last_one_and_nothing_else() {
    let (mut queue, from) = queue().await;
    let call = call::fire("tick", DEFINITION, &from.to_string(), from + 60_000, "p", "");
    assert_eq!(run(&mut queue, &call).await.0, "fired");
    assert_eq!(last(&mut queue).await, (from + 60_000).to_string());
    assert_eq!(queue.list("pending").await, [""; 0]);
    assert_eq!(queue.counter("enqueued").await, 0);
    let status = status(&format!("cron:tick:{}", from + 60_000));
    assert_eq!(queue.command(&["EXISTS", &status]).await.int(), 0);
}

#[tokio::test]
async fn without_a_last_firing_it_counts_from_the_instant_given() {
    let (mut queue, from) = queue().await;
    queue.command(&["HDEL", &key("schedules"), "tick:last"]).await;
    refused(&mut queue, &firing(from, 60_000), "late").await;
    let call = call::fire("tick", DEFINITION, "", from, "p", "");
    assert_eq!(run(&mut queue, &call).await, ("fired".into(), from.to_string()));
}

/// As after a restore of an older backup, or where one firing was cancelled before it came.
#[tokio::test]
async fn a_status_that_is_there_stays() {
    for state in ["sent", "cancelled"] {
        let (mut queue, from) = queue().await;
        let id = format!("cron:tick:{}", from + 60_000);
        queue.command(&["HSET", &status(&id), "state", state, "at", "1"]).await;
        assert_eq!(run(&mut queue, &firing(from, 60_000)).await.0, "fired");
        assert_eq!(queue.state(&id, "state").await, state);
        assert_eq!(queue.ttl(&id).await, -1);
    }
}

#[tokio::test]
async fn adding_the_same_again_leaves_the_last_firing_alone() {
    let (mut queue, from) = queue().await;
    let before = dump(&mut queue).await;
    assert_eq!(queue.run(&call::schedule_add("tick", DEFINITION)).await.text(), "unchanged");
    assert_eq!(dump(&mut queue).await, before);
    let now = queue.now().await;
    assert_eq!(queue.run(&call::schedule_add("tick", OTHER)).await.text(), "replaced");
    let last: i64 = last(&mut queue).await.parse().unwrap();
    assert!(last >= now && last > from, "it counts from now");
    assert_eq!(queue.run(&call::schedule_add("tock", OTHER)).await.text(), "added");
    let fields = queue.command(&["HLEN", &key("schedules")]).await;
    assert_eq!(fields, Reply::Int(4));
}
