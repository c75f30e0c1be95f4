//! Which copy of an id may be sent once another one was cancelled or replaced, whatever becomes of it.

use super::account::account;
use super::call::{self, RETENTION, begin, begin_stamped, dead_letter, dead_take, dead_turn, release, retry};
use super::orders::{cancel, enqueue, enqueue_as, reschedule, seek, stamp};
use super::queue::{Queue, key, status};
use super::worker::{Worker, two};

const OLD: &str = r#"{"id":"d","n":1,"_delivery":{"stamp":"old"}}"#;
const NEW: &str = r#"{"id":"d","n":2,"_delivery":{"stamp":"new"}}"#;
/// A dead letter has no stamp.
const LETTER: &str = r#"{"id":"d","n":2,"_delivery":{"dead_at":"2026-01-01T00:00:00Z"}}"#;

/// Enqueued, cancelled in `lane`, and enqueued again in `high`; the old copy waits deep in its lane.
async fn enqueued_again(lane: &str) -> Queue {
    let mut queue = Queue::start().await;
    queue.texts(&enqueue(lane, &[("d", OLD)])).await;
    assert_eq!(queue.run(&cancel("d", "", 0)).await.text(), "cancelled");
    assert_eq!(queue.texts(&enqueue("h", &[("d", NEW)])).await, ["enqueued"]);
    queue.command(&["HSET", &key("counters"), "cancelled", "0"]).await;
    queue.pushed += 2;
    queue
}

async fn claim_begun(queue: &mut Queue, worker: &mut Worker, bytes: &str) -> (String, String) {
    let token = worker.claim(queue, 1).await.token().to_owned();
    let verdict = queue.texts(&begin_stamped(&[(&token, "d", bytes)])).await.remove(0);
    (token, verdict)
}

#[tokio::test]
async fn a_dead_letter_requeued_by_hand_is_sent_though_it_fails_once_more() {
    for again in ["retry", "released"] {
        let (mut queue, (mut a, _)) = (enqueued_again("l").await, two());
        let (token, _) = claim_begun(&mut queue, &mut a, &stamp(NEW)).await;
        queue.settle(&dead_letter("reject", &[(&token, "d", LETTER)])).await;
        queue.command(&["RPOPLPUSH", &key("dead_letter"), &key("pending:high")]).await;
        let (token, verdict) = claim_begun(&mut queue, &mut a, "").await;
        assert_eq!(verdict, "go");
        if again == "retry" {
            queue.settle(&retry("retry", 0, &[(&token, "d", LETTER)])).await;
        } else {
            queue.settle(&release(0, &[(&token, "h", LETTER, "d")])).await;
        }
        let (_, verdict) = claim_begun(&mut queue, &mut a, "").await;
        assert_eq!(verdict, "go", "{again}");
        let (_, verdict) = claim_begun(&mut queue, &mut a, &stamp(OLD)).await;
        assert_eq!(verdict, "duplicate", "the cancelled one, {again}");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn what_an_operator_requeues_is_sent_and_the_cancelled_copy_is_not() {
    for how in ["take", "turn"] {
        let (mut queue, (mut a, _)) = (enqueued_again("l").await, two());
        let (token, _) = claim_begun(&mut queue, &mut a, &stamp(NEW)).await;
        queue.settle(&dead_letter("reject", &[(&token, "d", LETTER)])).await;
        match how {
            "take" => assert_eq!(queue.run(&dead_take(1, LETTER, "requeue", "d")).await.text(), "taken"),
            _ => _ = queue.run(&dead_turn(1, &[LETTER.into()], &[(1, "p", "d")])).await,
        }
        // The cancelled one comes first.
        queue.command(&["RPOPLPUSH", &key("pending:low"), &key("pending:high")]).await;
        let (_, verdict) = claim_begun(&mut queue, &mut a, &stamp(OLD)).await;
        assert_eq!(verdict, "duplicate", "{how}");
        let (_, verdict) = claim_begun(&mut queue, &mut a, "").await;
        assert_eq!(verdict, "go", "{how}");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_dead_letter_is_requeued_although_another_copy_of_its_id_was_cancelled_since() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.texts(&enqueue("p", &[("d", OLD)])).await;
    let (token, _) = claim_begun(&mut queue, &mut a, &stamp(OLD)).await;
    queue.settle(&dead_letter("reject", &[(&token, "d", LETTER)])).await;
    queue.texts(&enqueue("l", &[("d", NEW)])).await;
    assert_eq!(queue.run(&cancel("d", "", 0)).await.text(), "cancelled");
    assert_eq!(queue.run(&dead_take(1, LETTER, "requeue", "d")).await.text(), "taken");
    let (_, verdict) = claim_begun(&mut queue, &mut a, "").await;
    assert_eq!(verdict, "go");
    let (_, verdict) = claim_begun(&mut queue, &mut a, &stamp(NEW)).await;
    assert_eq!(verdict, "duplicate", "the cancelled one");
}

#[tokio::test]
async fn a_cancel_that_ends_late_leaves_what_was_enqueued_meanwhile_alone() {
    for due in [0, 9_999_999_999_999] {
        let mut queue = Queue::start().await;
        queue.texts(&enqueue("p", &[("d", OLD)])).await;
        queue.run(&cancel("d", "", 0)).await;
        assert_eq!(queue.texts(&enqueue_as("p", false, &[("d", "S.2", due, NEW)])).await, ["enqueued"]);
        let state = queue.state("d", "state").await;
        assert_eq!(queue.run(&cancel("d", "gone", RETENTION)).await.text(), "again");
        assert_eq!(queue.state("d", "state").await, state);
    }
}

#[tokio::test]
async fn a_mark_that_is_laid_twice_lasts_as_long_as_the_first_time() {
    let mut queue = Queue::start().await;
    assert_eq!(queue.run(&cancel("d", "", 100 * RETENTION)).await.text(), "unknown");
    assert_eq!(queue.run(&cancel("d", "", 5)).await.text(), "again");
    queue.run(&cancel("d", "gone", RETENTION)).await;
    assert!(queue.ttl("d").await > 90 * RETENTION as i64);
}

#[tokio::test]
async fn a_copy_that_was_replaced_meanwhile_is_not_put_off() {
    let mut queue = Queue::start().await;
    queue.texts(&enqueue("p", &[("d", OLD)])).await;
    queue.texts(&enqueue_as("p", true, &[("d", "S.2", 0, NEW)])).await;
    let mut late = reschedule("d", "pending", 1, "S.9:p:0", OLD, OLD, 9_999_999_999_999);
    *late.args.last_mut().expect("its stamp") = stamp(OLD);
    assert_eq!(queue.run(&late).await.text(), "moved");
    *late.args.last_mut().expect("its stamp") = "S.2".to_owned();
    assert_eq!(queue.run(&late).await.text(), "done");
}

#[tokio::test]
async fn while_a_cancelled_copy_may_wait_the_next_ones_status_outlives_the_retention() {
    let mut queue = enqueued_again("l").await;
    let month = 30 * 86_400_000;
    assert!(queue.ttl("d").await > month - 20_000);
    queue.command(&["DEL", &status("d")]).await;
    queue.texts(&enqueue("p", &[("d", OLD)])).await;
    assert!(queue.ttl("d").await <= RETENTION as i64);
}

#[tokio::test]
async fn a_search_reads_large_messages_a_few_at_a_time_and_misses_none() {
    let mut queue = Queue::start().await;
    let large = |n: usize| format!(r#"{{"id":"order-{n}","body":"{}"}}"#, "x".repeat(200 << 10));
    let small = |n: usize| format!(r#"{{"id":"order-{n}"}}"#);
    queue.push("pending", &(0..20).map(large).collect::<Vec<_>>()).await;
    queue.push("pending", &(20..400).map(small).collect::<Vec<_>>()).await;
    let (mut from, mut found) = (0, 0);
    loop {
        let reply = queue.run(&seek("pending", from, 1000, "order-")).await;
        let answer = reply.array();
        let (looked, size) = (answer[0].int(), answer[1].int());
        if looked == 0 {
            break;
        }
        assert!(size < (524_288 + 16 * (200 << 10)), "{looked} messages, {size} bytes");
        found += (answer.len() - 2) / 2;
        from += looked as u64;
    }
    assert_eq!((from, found), (400, 400));
}

#[tokio::test]
async fn what_was_begun_by_a_plain_push_keeps_no_mark_of_an_older_life() {
    let (mut queue, (mut a, _)) = (enqueued_again("l").await, two());
    let (token, _) = claim_begun(&mut queue, &mut a, &stamp(NEW)).await;
    queue.settle(&dead_letter("reject", &[(&token, "d", LETTER)])).await;
    let plain = r#"{"id":"d","n":3}"#;
    queue.push("pending:high", &[plain.to_owned()]).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    assert_eq!(queue.texts(&begin(&[(&token, "d")])).await, ["go"]);
    queue.settle(&call::retry("park", 1, &[(&token, "d", "")])).await;
    let (_, verdict) = claim_begun(&mut queue, &mut a, "").await;
    assert_eq!(verdict, "go", "it waited for its time, and is the only one that may be sent");
}
