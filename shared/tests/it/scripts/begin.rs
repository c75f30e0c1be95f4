//! Every answer of `begin`.

use super::account::{account, dump};
use super::call::{begin, complete, dead_letter, retry};
use super::queue::{Queue, key, status};
use super::worker::two;

fn d(n: u64) -> String {
    format!(r#"{{"id":"d","n":{n}}}"#)
}

/// A queue with `count` messages of the id `d` in the hands of one worker.
async fn in_hand(count: u64) -> (Queue, Vec<String>) {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push("pending", &(1..=count).map(d).collect::<Vec<_>>()).await;
    let claimed = a.claim(&mut queue, count).await;
    let tokens = claimed.tokens().into_iter().map(str::to_owned).collect();
    (queue, tokens)
}

#[tokio::test]
async fn a_new_id_is_taken_and_its_status_has_no_end() {
    let (mut queue, t) = in_hand(1).await;
    for _ in 0..2 {
        assert_eq!(queue.texts(&begin(&[(&t[0], "d")])).await, ["go"]);
        assert_eq!(queue.state("d", "state").await, "sending");
        assert_eq!(queue.state("d", "token").await, t[0]);
        assert_eq!(queue.ttl("d").await, -1);
    }
    assert_eq!(queue.counter("duplicates").await, 0);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_status_that_is_no_hash_is_replaced_and_stops_nobody() {
    let (mut queue, t) = in_hand(2).await;
    queue.command(&["SET", &status("d"), "junk"]).await;
    assert_eq!(queue.texts(&begin(&[(&t[0], "d"), (&t[1], "d")])).await, ["go", "duplicate"]);
    assert_eq!(queue.state("d", "token").await, t[0]);
    queue.settle(&complete(&[(&t[0], "d")])).await;
    account(&mut queue).await;
}

#[tokio::test]
async fn states_that_block_nobody_are_taken_over() {
    for (state, more) in [
        ("waiting", ["at", "1"]),
        ("dead", ["reason", "reject"]),
        ("sending", ["token", "nobody's"]),
        ("delayed", ["member", "nobody's"]),
        ("sending", ["at", "1"]),
        ("delayed", ["at", "1"]),
        ("", ["at", "1"]),
        ("no such state", ["at", "1"]),
    ] {
        let (mut queue, t) = in_hand(1).await;
        queue.command(&["HSET", &status("d"), "state", state, more[0], more[1]]).await;
        queue.command(&["PEXPIRE", &status("d"), "60000"]).await;
        assert_eq!(queue.texts(&begin(&[(&t[0], "d")])).await, ["go"], "{state} {more:?}");
        assert_eq!(queue.state("d", "token").await, t[0]);
        assert_eq!(queue.ttl("d").await, -1, "{state}");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn sent_in_hand_or_delayed_elsewhere_is_a_duplicate() {
    for how in ["sent", "sending", "delayed"] {
        let (mut queue, t) = in_hand(2).await;
        assert_eq!(queue.texts(&begin(&[(&t[0], "d")])).await, ["go"]);
        match how {
            "sent" => queue.settle(&complete(&[(&t[0], "d")])).await,
            "delayed" => queue.settle(&retry("retry", 60_000, &[(&t[0], "d", "")])).await,
            _ => {}
        }
        let before = dump(&mut queue).await;
        assert_eq!(queue.texts(&begin(&[(&t[1], "d")])).await, ["duplicate"], "{how}");
        assert_eq!(dump(&mut queue).await[&status("d")], before[&status("d")], "{how}");
        assert_eq!(queue.counter("duplicates").await, 1);
        assert_eq!(queue.score("processing", &t[1]).await, None);
        assert_eq!(queue.texts(&begin(&[(&t[1], "d")])).await, ["gone"], "{how}: a repetition");
        assert_eq!(queue.counter("duplicates").await, 1);
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_dead_letter_of_the_id_blocks_nobody() {
    let (mut queue, t) = in_hand(2).await;
    queue.texts(&begin(&[(&t[0], "d")])).await;
    queue.settle(&dead_letter("reject", &[(&t[0], "d", &d(1))])).await;
    assert_eq!(queue.texts(&begin(&[(&t[1], "d")])).await, ["go"]);
    queue.settle(&complete(&[(&t[1], "d")])).await;
    account(&mut queue).await;
}

#[tokio::test]
async fn a_dead_letter_of_an_id_sent_meanwhile_is_dropped_when_requeued_by_hand() {
    let (mut queue, t) = in_hand(2).await;
    queue.texts(&begin(&[(&t[0], "d")])).await;
    queue.settle(&dead_letter("reject", &[(&t[0], "d", &d(1))])).await;
    queue.texts(&begin(&[(&t[1], "d")])).await;
    queue.settle(&complete(&[(&t[1], "d")])).await;
    queue.command(&["RPOPLPUSH", &key("dead_letter"), &key("pending")]).await;
    let back = super::worker::Worker::new("CCCCCCCCCCC").claim(&mut queue, 1).await;
    assert_eq!(queue.texts(&begin(&[(back.token(), "d")])).await, ["duplicate"]);
    account(&mut queue).await;
}

#[tokio::test]
async fn of_one_id_in_one_batch_the_first_goes() {
    let (mut queue, t) = in_hand(3).await;
    let batch = begin(&[(&t[0], "d"), (&t[1], "d"), (&t[2], "d")]);
    assert_eq!(queue.texts(&batch).await, ["go", "duplicate", "duplicate"]);
    assert_eq!(queue.texts(&batch).await, ["go", "gone", "gone"]);
    assert_eq!(queue.members("processing").await, [t[0].clone()]);
    assert_eq!(queue.counter("duplicates").await, 2);
    account(&mut queue).await;
}

#[tokio::test]
async fn of_one_id_in_one_batch_a_token_that_is_gone_takes_nothing() {
    let (mut queue, t) = in_hand(2).await;
    queue.settle(&complete(&[(&t[0], "")])).await;
    assert_eq!(queue.texts(&begin(&[(&t[0], "d"), (&t[1], "d")])).await, ["gone", "go"]);
    assert_eq!(queue.state("d", "token").await, t[1]);
    account(&mut queue).await;
}

#[tokio::test]
async fn ids_apart_are_answered_in_order() {
    let (mut queue, t) = in_hand(4).await;
    queue.command(&["HSET", &status("b"), "state", "sent"]).await;
    queue.command(&["HDEL", &key("messages"), &t[2]]).await;
    queue.command(&["ZREM", &key("processing"), &t[2]]).await;
    queue.pushed -= 1;
    let answer = queue.texts(&begin(&[(&t[0], "a"), (&t[1], "b"), (&t[2], "c"), (&t[3], "e")])).await;
    assert_eq!(answer, ["go", "duplicate", "gone", "go"]);
    assert_eq!(queue.state("c", "state").await, "", "what is gone writes nothing");
    account(&mut queue).await;
}

#[tokio::test]
async fn a_holder_whose_member_was_deleted_still_holds_its_id() {
    let (mut queue, t) = in_hand(2).await;
    queue.texts(&begin(&[(&t[0], "d")])).await;
    queue.command(&["ZREM", &key("processing"), &t[0]]).await;
    assert_eq!(queue.texts(&begin(&[(&t[1], "d")])).await, ["duplicate"], "the bytes are the truth");
}

#[tokio::test]
async fn a_holder_without_bytes_holds_nothing() {
    for set in ["processing", "delayed"] {
        let (mut queue, t) = in_hand(1).await;
        let state = if set == "processing" { ["sending", "token"] } else { ["delayed", "member"] };
        queue.command(&["ZADD", &key(set), "9999999999999", "left behind"]).await;
        queue.command(&["HSET", &status("d"), "state", state[0], state[1], "left behind"]).await;
        assert_eq!(queue.texts(&begin(&[(&t[0], "d")])).await, ["go"], "{set}");
    }
}
