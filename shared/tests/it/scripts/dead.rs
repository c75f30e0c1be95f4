//! What was given up is moved whole, in order, by one operator at a time.

use redispatch_testkit::Reply;

use super::account::{account, dump};
use super::call::{self, Call, OWNER};
use super::queue::{Queue, key, message, status};

/// A queue with the dead letters 1 to `count`, 1 being the oldest.
async fn dead(count: u64) -> (Queue, Vec<String>) {
    let mut queue = Queue::start().await;
    let letters: Vec<_> = (1..=count).map(message).collect();
    queue.push("dead_letter", &letters).await;
    (queue, letters)
}

/// The dead letters, the oldest first.
async fn oldest_first(queue: &mut Queue) -> Vec<String> {
    let mut letters = queue.list("dead_letter").await;
    letters.reverse();
    letters
}

/// What a turn answered.
async fn turn(queue: &mut Queue, call: &Call) -> (String, i64) {
    let reply = queue.run(call).await;
    (reply.array()[0].text().to_owned(), reply.array()[1].int())
}

fn owned_by(call: &Call, owner: &str) -> Call {
    let mut other = call.clone();
    other.args[0] = owner.into();
    other
}

/// The last call of a turn.
async fn close(queue: &mut Queue, step: i64) {
    assert_eq!(turn(queue, &call::dead_turn(step, &[], &[])).await.0, "turned");
    assert_eq!(queue.command(&["EXISTS", &key("control")]).await.int(), 0, "nothing is left of the turn");
}

#[tokio::test]
async fn a_turn_takes_the_chosen_and_keeps_the_order_of_the_others() {
    let (mut queue, letters) = dead(5).await;
    assert_eq!(turn(&mut queue, &call::dead_turn(0, &[], &[])).await, ("turned".into(), 5));
    let first = call::dead_turn(1, &letters[..2], &[(2, "h", "")]);
    assert_eq!(turn(&mut queue, &first).await, ("turned".into(), 3));
    let second = call::dead_turn(2, &letters[2..4], &[(1, "x", ""), (2, "p", "m4")]);
    assert_eq!(turn(&mut queue, &second).await, ("turned".into(), 1));
    assert_eq!(turn(&mut queue, &call::dead_turn(3, &letters[4..], &[])).await, ("turned".into(), 0));
    close(&mut queue, 4).await;
    assert_eq!(oldest_first(&mut queue).await, [message(1), message(5)]);
    assert_eq!(queue.list("pending:high").await, [message(2)]);
    assert_eq!(queue.list("pending").await, [message(4)]);
    assert_eq!(queue.command(&["HGET", &status("m4"), "state"]).await.text(), "waiting");
    assert_eq!(queue.counter("dead_turns").await, 1);
    queue.pushed -= 1;
    account(&mut queue).await;
}

#[tokio::test]
async fn a_step_that_runs_again_is_answered_and_not_done_again() {
    let (mut queue, letters) = dead(5).await;
    for (call, left) in [
        (call::dead_turn(1, &letters[..2], &[(1, "p", "")]), 3),
        (call::dead_turn(2, &letters[2..3], &[]), 2),
        (call::dead_turn(3, &letters[3..], &[(2, "l", "")]), 0),
    ] {
        assert_eq!(turn(&mut queue, &call).await, ("turned".into(), left));
        let once = dump(&mut queue).await;
        assert_eq!(turn(&mut queue, &call).await, ("turned".into(), left), "{call:?}");
        assert_eq!(dump(&mut queue).await, once, "{call:?}");
    }
    close(&mut queue, 4).await;
    close(&mut queue, 4).await;
    account(&mut queue).await;
}

#[tokio::test]
async fn what_an_id_means_by_now_stays() {
    let (mut queue, letters) = dead(3).await;
    for (id, state) in [("sent", "sent"), ("held", "sending"), ("dead", "dead")] {
        queue.command(&["HSET", &status(id), "state", state, "at", "1"]).await;
    }
    let chosen = [(1, "p", "sent"), (2, "p", "held"), (3, "p", "dead")];
    assert_eq!(turn(&mut queue, &call::dead_turn(1, &letters, &chosen)).await.0, "turned");
    queue.push("dead_letter", &[message(9)]).await;
    assert_eq!(queue.run(&call::dead_take(1, &message(9), "requeue", "held")).await.text(), "taken");
    for (id, state) in [("sent", "sent"), ("held", "sending"), ("dead", "waiting")] {
        assert_eq!(queue.command(&["HGET", &status(id), "state"]).await.text(), state, "{id}");
    }
}

#[tokio::test]
async fn two_operators_do_not_turn_at_once() {
    let (mut queue, letters) = dead(4).await;
    turn(&mut queue, &call::dead_turn(1, &letters[..2], &[])).await;
    let before = dump(&mut queue).await;
    for step in [0, 1] {
        let second = owned_by(&call::dead_turn(step, &letters[2..], &[(1, "p", "")]), "PPPPPPPPPPP");
        assert_eq!(turn(&mut queue, &second).await.0, "busy");
    }
    let take = call::dead_take(1, &letters[2], "requeue", "");
    assert_eq!(queue.run(&take).await.text(), "busy");
    assert_eq!(dump(&mut queue).await, before);
}

/// Makes the turn of `OWNER` look as if its owner had died.
async fn abandon(queue: &mut Queue) {
    let state = queue.command(&["HGET", &key("control"), "dead_turn"]).await.text().to_owned();
    let mut parts: Vec<&str> = state.split(':').collect();
    assert_eq!(parts[0], OWNER);
    parts[1] = "1000";
    queue.command(&["HSET", &key("control"), "dead_turn", &parts.join(":")]).await;
}

#[tokio::test]
async fn an_operator_that_died_half_way_leaves_a_turn_to_be_finished() {
    let (mut queue, letters) = dead(5).await;
    turn(&mut queue, &call::dead_turn(1, &letters[..2], &[(1, "p", "")])).await;
    abandon(&mut queue).await;
    let other = |call: &Call| owned_by(call, "PPPPPPPPPPP");
    assert_eq!(turn(&mut queue, &other(&call::dead_turn(1, &letters[2..3], &[]))).await.0, "busy");
    for _ in 0..2 {
        let begin = other(&call::dead_turn(0, &[], &[]));
        assert_eq!(turn(&mut queue, &begin).await, ("adopted".into(), 3), "again too");
    }
    assert_eq!(oldest_first(&mut queue).await, [3, 4, 5, 2].map(message), "as the first one left it");
    let rest = other(&call::dead_turn(1, &letters[2..], &[]));
    assert_eq!(turn(&mut queue, &rest).await, ("turned".into(), 0));
    assert_eq!(oldest_first(&mut queue).await, [2, 3, 4, 5].map(message));
    let late = call::dead_turn(2, &letters[2..3], &[(1, "p", "")]);
    assert_eq!(turn(&mut queue, &late).await, ("lost".into(), 0), "the first one wakes up");
    account(&mut queue).await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_nobody_out() {
    let (mut queue, _) = dead(2).await;
    let state = format!("{OWNER}:99999999999999:1:1:2");
    queue.command(&["HSET", &key("control"), "dead_turn", &state]).await;
    let call = owned_by(&call::dead_turn(0, &[], &[]), "PPPPPPPPPPP");
    assert_eq!(turn(&mut queue, &call).await, ("adopted".into(), 1));
}

#[tokio::test]
async fn what_is_requeued_by_hand_meanwhile_need_not_be_turned() {
    let (mut queue, letters) = dead(5).await;
    turn(&mut queue, &call::dead_turn(1, &letters[..2], &[])).await;
    queue.command(&["RPOPLPUSH", &key("dead_letter"), &key("pending")]).await;
    let next = call::dead_turn(2, &letters[2..4], &[(2, "p", "")]);
    assert_eq!(turn(&mut queue, &next).await, ("moved".into(), 2), "3 is gone");
    assert_eq!(turn(&mut queue, &call::dead_turn(2, &letters[3..], &[])).await, ("turned".into(), 0));
    assert_eq!(oldest_first(&mut queue).await, [1, 2, 4, 5].map(message));
    account(&mut queue).await;
}

#[tokio::test]
async fn what_is_dead_lettered_meanwhile_stays_and_is_not_looked_at() {
    let (mut queue, letters) = dead(3).await;
    turn(&mut queue, &call::dead_turn(1, &letters[..2], &[])).await;
    queue.push("dead_letter", &[message(9)]).await;
    assert_eq!(turn(&mut queue, &call::dead_turn(2, &letters[2..], &[])).await, ("turned".into(), 0));
    let mut there = oldest_first(&mut queue).await;
    there.sort();
    assert_eq!(there, [1, 2, 3, 9].map(message));
    account(&mut queue).await;
}

#[tokio::test]
async fn other_bytes_than_were_read_move_nothing() {
    let (mut queue, letters) = dead(3).await;
    let mut other = letters.clone();
    other[1] = message(7);
    for call in [
        call::dead_turn(1, &other, &[(2, "p", "")]),
        call::dead_turn(1, &other[..2], &[]),
        call::dead_turn(1, &[letters.clone(), letters.clone()].concat(), &[]),
        call::dead_take(2, &other[1], "purge", ""),
        call::dead_take(9, &letters[0], "requeue", ""),
    ] {
        let before = dump(&mut queue).await;
        let reply = queue.run(&call).await;
        let word = if let Reply::Array(values) = &reply { values[0].text() } else { reply.text() };
        assert_eq!(word, "moved", "{call:?}");
        assert_eq!(dump(&mut queue).await, before, "{call:?}");
    }
}

#[tokio::test]
async fn one_letter_leaves_from_anywhere() {
    let (mut queue, letters) = dead(5).await;
    let words = [(1, 1, "requeue"), (2, 3, "purge"), (2, 4, "requeue")];
    for (number, (place, letter, action)) in words.into_iter().enumerate() {
        let mut call = call::dead_take(place, &letters[letter - 1], action, "m1");
        call.args[0] = format!("mark{number}");
        for _ in 0..2 {
            assert_eq!(queue.run(&call).await.text(), "taken", "again too: {call:?}");
        }
        call.args[0] = "other".into();
        assert_eq!(queue.run(&call).await.text(), "moved", "it is gone: {call:?}");
    }
    assert_eq!(oldest_first(&mut queue).await, [2, 5].map(message));
    assert_eq!(queue.list("pending").await, [4, 1].map(message));
    queue.pushed -= 1;
    account(&mut queue).await;
}

#[tokio::test]
async fn a_letter_is_edited_in_its_place() {
    let (mut queue, letters) = dead(3).await;
    let call = call::dead_take(2, &letters[1], "edit", "");
    assert_eq!(queue.run(&call).await.text(), "taken");
    assert_eq!(
        oldest_first(&mut queue).await,
        [letters[0].as_str(), r#"{"n":8,"edited":true}"#, &letters[2]]
    );
    assert_eq!(queue.run(&call).await.text(), "taken", "again too");
}

#[tokio::test]
async fn deep_inside_a_long_list_the_oldest_takes_the_place() {
    let (mut queue, letters) = dead(70_001).await;
    let call = call::dead_take(35_000, &letters[34_999], "requeue", "");
    assert_eq!(queue.run(&call).await.text(), "taken");
    let there = oldest_first(&mut queue).await;
    assert_eq!(there.len(), 70_000);
    assert_eq!(there[..34_998], letters[1..34_999]);
    assert_eq!(there[34_998], letters[0], "the oldest");
    assert_eq!(there[34_999..], letters[35_000..]);
    assert_eq!(queue.list("pending").await, letters[34_999..35_000]);
}
