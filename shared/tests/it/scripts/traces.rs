//! The traces of the model that broke earlier versions of the protocol, each under its number.

use super::account::account;
use super::call::{Ask, begin, complete, dead_letter, extend, member, release, retry};
use super::orders::{cancel, take_out};
use super::queue::{Queue, key, message};
use super::worker::two;

const D1: &str = r#"{"id":"d","n":1}"#;
const D2: &str = r#"{"id":"d","n":2}"#;

#[tokio::test]
async fn v01_claim_rerun_with_the_same_number() {
    for room in [1, 2] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push_many(1).await;
        let ask = a.ask(room);
        let lost = queue.claim(&ask).await;
        queue.push("pending", &[message(2)]).await;
        let rerun = queue.claim(&ask.again()).await;
        assert_eq!(rerun.messages, lost.messages, "room {room}");
        assert_eq!(rerun.texts(), [message(1)]);
        assert_eq!(queue.list("pending").await, [message(2)]);
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn v02_claim_rerun_after_its_message_was_taken_over() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let ask = a.ask(1);
    let lost = queue.claim(&ask).await.token().to_owned();
    queue.lapse(&[&lost]).await;
    let taken = b.claim(&mut queue, 1).await.token().to_owned();
    queue.push("pending", &[message(2)]).await;
    assert_eq!(queue.claim(&ask.again()).await.tokens(), Vec::<&str>::new());
    assert_eq!(queue.list("pending").await, [message(2)]);

    queue.lapse(&[&taken]).await;
    let back = a.claim(&mut queue, 1).await;
    assert_eq!(back.texts(), [message(1)]);
    assert_eq!(back.token(), "AAAAAAAAAAA.1:p:2:AAAAAAAAAAA.2");
    assert_eq!(a.claim_more(&mut queue, 1).await.texts(), [message(2)]);
    account(&mut queue).await;
}

#[tokio::test]
async fn v03_v19_a_lost_reply_is_asked_again_and_costs_no_crash() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(1).await;
    for round in 0..4 {
        let ask = a.ask(1);
        let lost = queue.claim(&ask).await.token().to_owned();
        queue.lapse(&[&lost]).await;
        let rerun = queue.claim(&ask.again()).await;
        assert_eq!(rerun.tokens(), [&lost], "round {round}");
        let early = b.claim(&mut queue, 1).await;
        assert_eq!(early.messages, [], "the repetition renewed the lease");
        assert_eq!(lost.split(':').nth(2), Some("0"));
        queue.settle(&release(0, &[(&lost, "p", "", "")])).await;
        account(&mut queue).await;
    }
    assert_eq!(queue.counter("taken_over").await, 0);
}

#[tokio::test]
async fn v04_takeover_rerun_counts_one_crash() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    queue.lapse(&[&token]).await;
    let ask = b.ask(1);
    let lost = queue.claim(&ask).await;
    assert_eq!((lost.token(), lost.takeovers), ("AAAAAAAAAAA.1:p:1:BBBBBBBBBBB.1", 1));
    queue.lapse(&[lost.token()]).await;
    assert_eq!(queue.claim(&ask.again()).await.messages, lost.messages);
    assert_eq!(queue.counter("taken_over").await, 1);
    assert_eq!(queue.members("processing").await, lost.tokens());
    account(&mut queue).await;
}

#[tokio::test]
async fn v05_begin_after_a_takeover_is_no_duplicate_of_itself() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push("pending", &[D1.into(), D2.into()]).await;
    let claimed = a.claim(&mut queue, 2).await;
    let [d1, d2] = claimed.tokens()[..] else { panic!("{claimed:?}") };
    assert_eq!(queue.texts(&begin(&[(d1, "d")])).await, ["go"]);
    assert_eq!(queue.texts(&begin(&[(d2, "d")])).await, ["duplicate"]);
    queue.lapse(&[d1]).await;
    let taken = b.claim(&mut queue, 1).await;
    assert_eq!(queue.texts(&begin(&[(taken.token(), "d")])).await, ["go"]);
    queue.settle(&complete(&[(taken.token(), "d")])).await;
    assert_eq!((queue.counter("sent").await, queue.counter("duplicates").await), (1, 1));
    account(&mut queue).await;
}

#[tokio::test]
async fn v06_begin_after_a_release_is_no_duplicate_of_itself() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push("pending", &[D1.into(), D2.into()]).await;
    let claimed = a.claim(&mut queue, 2).await;
    let [d1, d2] = claimed.tokens()[..] else { panic!("{claimed:?}") };
    assert_eq!(queue.texts(&begin(&[(d1, "d"), (d2, "d")])).await, ["go", "duplicate"]);
    queue.settle(&release(0, &[(d1, "p", "", "d")])).await;
    let next = b.claim(&mut queue, 1).await;
    assert_eq!(queue.texts(&begin(&[(next.token(), "d")])).await, ["go"]);
    queue.settle(&complete(&[(next.token(), "d")])).await;
    account(&mut queue).await;
}

#[tokio::test]
async fn v07_two_of_one_id_in_retry_never_overwrite_each_other() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push("pending", &[D1.into(), D2.into()]).await;
    let claimed = a.claim(&mut queue, 2).await;
    let [d1, d2] = claimed.tokens()[..] else { panic!("{claimed:?}") };
    assert_eq!(queue.texts(&begin(&[(d1, "d")])).await, ["go"]);
    queue.settle(&retry("retry", 60_000, &[(d1, "d", "")])).await;
    // even where begin is left out
    queue.settle(&retry("retry", 60_000, &[(d2, "d", "")])).await;
    for (token, bytes) in [(d1, D1), (d2, D2)] {
        let reply = queue.command(&["HGET", &key("messages"), &member(token)]).await;
        assert_eq!(reply.text(), bytes);
    }
    assert_eq!(queue.members("delayed").await, [member(d1), member(d2)]);
    account(&mut queue).await;
}

#[tokio::test]
async fn v07_begin_drops_what_waits_in_delayed_already() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push("pending", &[D1.into(), D2.into()]).await;
    let claimed = a.claim(&mut queue, 2).await;
    let [d1, d2] = claimed.tokens()[..] else { panic!("{claimed:?}") };
    queue.texts(&begin(&[(d1, "d")])).await;
    queue.settle(&retry("retry", 60_000, &[(d1, "d", "")])).await;
    assert_eq!(queue.texts(&begin(&[(d2, "d")])).await, ["duplicate"]);
    assert_eq!(queue.members("delayed").await, [member(d1)]);
    assert_eq!(queue.state("d", "state").await, "delayed");
    account(&mut queue).await;
}

#[tokio::test]
async fn v08_identical_messages_without_id_both_retry() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let same = r#"{"to":"a@example.com"}"#.to_owned();
    queue.push("pending", &[same.clone(), same.clone()]).await;
    let claimed = a.claim(&mut queue, 2).await;
    let [first, second] = claimed.tokens()[..] else { panic!("{claimed:?}") };
    queue.settle(&retry("retry", 0, &[(first, "", ""), (second, "", "")])).await;
    assert_eq!(queue.members("delayed").await, [member(first), member(second)]);
    account(&mut queue).await;
    assert_eq!(a.claim(&mut queue, 2).await.texts(), [same.clone(), same]);
    account(&mut queue).await;
}

#[tokio::test]
async fn v09_poison_passes_begin_first() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push("pending", &[D1.into(), D2.into()]).await;
    let claimed = a.claim(&mut queue, 2).await;
    let [d1, d2] = claimed.tokens()[..] else { panic!("{claimed:?}") };
    assert_eq!(queue.texts(&begin(&[(d1, "d")])).await, ["go"]);
    queue.settle(&complete(&[(d1, "d")])).await;
    queue.lapse(&[d2]).await;
    let taken = b.claim(&mut queue, 1).await;
    assert_eq!(queue.texts(&begin(&[(taken.token(), "d")])).await, ["duplicate"]);
    let verdict = dead_letter("poison", &[(taken.token(), "d", D2)]);
    assert_eq!(queue.texts(&verdict).await, [taken.token()]);
    assert_eq!(queue.state("d", "state").await, "sent");
    assert_eq!(queue.list("dead_letter").await, Vec::<String>::new());
    account(&mut queue).await;
}

#[tokio::test]
async fn v10_v11_what_was_edited_is_what_comes_back() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let first = a.claim(&mut queue, 1).await;
    queue.lapse(&[first.token()]).await;
    let taken = b.claim(&mut queue, 1).await;
    let crashed = r#"{"n":1,"_delivery":{"crashes":1}}"#;
    queue.settle(&release(0, &[(taken.token(), "p", crashed, "")])).await;
    let next = b.claim(&mut queue, 1).await;
    assert_eq!(next.texts(), [crashed]);
    account(&mut queue).await;

    let tried = r#"{"n":1,"_delivery":{"attempts":[1]}}"#;
    queue.settle(&retry("retry", 0, &[(next.token(), "", tried)])).await;
    assert_eq!(a.claim(&mut queue, 1).await.texts(), [tried]);
    account(&mut queue).await;
}

#[tokio::test]
async fn v12_a_lease_taken_over_is_not_renewed() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    queue.lapse(&[&token]).await;
    let taken = b.claim(&mut queue, 1).await;
    assert_eq!(queue.texts(&extend(30_000, &[&token])).await, [token]);
    assert_eq!(queue.members("processing").await, taken.tokens());
    account(&mut queue).await;
}

#[tokio::test]
async fn v13_the_status_of_a_message_in_hand_does_not_expire() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let first = super::orders::enqueue("p", &[("d", D1)]);
    assert_eq!(queue.texts(&first).await, ["enqueued"]);
    queue.pushed += 1;
    assert!(queue.ttl("d").await > 0, "while it waits the status ends by itself");
    let d1 = a.claim(&mut queue, 1).await.token().to_owned();
    queue.texts(&begin(&[(&d1, "d")])).await;
    assert_eq!(queue.ttl("d").await, -1);
    queue.settle(&complete(&[(&d1, "d")])).await;
    assert!(queue.ttl("d").await > 0);
    queue.push("pending", &[D2.into()]).await;
    let d2 = a.claim(&mut queue, 1).await;
    assert_eq!(queue.texts(&begin(&[(d2.token(), "d")])).await, ["duplicate"]);
    account(&mut queue).await;
}

#[tokio::test]
async fn v14_what_is_cancelled_stays_so_however_long_it_waits() {
    for known in [true, false] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        if known {
            queue.texts(&super::orders::enqueue("p", &[("d", D1)])).await;
            queue.pushed += 1;
        } else {
            queue.push("pending", &[D1.into()]).await;
        }
        let seen = if known { "" } else { "list" };
        assert_eq!(queue.run(&cancel("d", seen, 0)).await.text(), "cancelled");
        assert_eq!(queue.ttl("d").await, -1, "paused for longer than any TTL");
        let d1 = a.claim(&mut queue, 1).await.token().to_owned();
        assert_eq!(queue.ttl("d").await, -1);
        assert_eq!(queue.texts(&begin(&[(&d1, "d")])).await, ["cancelled"]);
        assert!(queue.ttl("d").await > 0, "nothing of it waits any more");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn v14_what_is_cancelled_leaves_its_list() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push("pending", &[D1.into()]).await;
    queue.run(&cancel("d", "list", 0)).await;
    assert_eq!(queue.run(&take_out("pending", "d", D1)).await.int(), 1);
    assert_eq!(queue.ttl("d").await, -1, "another copy may wait");
    queue.run(&cancel("d", "gone", super::call::RETENTION)).await;
    assert!(queue.ttl("d").await > 0);
    assert_eq!(a.claim(&mut queue, 1).await.messages, []);
    account(&mut queue).await;
}

#[tokio::test]
async fn v15_v20_nothing_is_taken_over_in_the_grace_after_an_outage() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(3).await;
    let held = a.claim(&mut queue, 2).await;
    queue.lapse(&held.tokens()).await;
    let ask = Ask { takeover: false, ..b.ask(10) };
    assert_eq!(queue.claim(&ask).await.texts(), [message(3)]);
    assert_eq!(queue.texts(&extend(30_000, &held.tokens())).await, Vec::<String>::new());
    assert_eq!(b.claim(&mut queue, 10).await.messages, []);
    assert_eq!(queue.counter("taken_over").await, 0);
    account(&mut queue).await;
}

#[tokio::test]
async fn v16_a_settle_repeated_until_answered_has_one_effect() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    let settle = complete(&[(&token, "")]);
    queue.settle(&settle).await;
    for _ in 0..3 {
        assert_eq!(queue.gone(&settle.again()).await, 1);
    }
    assert_eq!((queue.counter("sent").await, queue.counter("stale_settles").await), (1, 0));
    account(&mut queue).await;
}

#[tokio::test]
async fn v18_late_execution_of_a_claim_takes_nothing() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let ask = a.ask(2);
    let answered = queue.claim(&ask.again()).await;
    queue.push("pending", &[message(2), message(3)]).await;
    assert_eq!(queue.claim(&ask).await.messages, answered.messages, "the call it repeated, executed late");
    assert_eq!(a.claim_more(&mut queue, 1).await.texts(), [message(2)]);
    let late = queue.claim(&ask).await;
    assert_eq!((late.why.as_str(), late.messages.len()), ("late", 0));
    assert_eq!(queue.list("pending").await, [message(3)]);
    account(&mut queue).await;
}

#[tokio::test]
async fn v18_late_execution_after_a_repetition_that_found_nothing() {
    for gate in ["", "paused_until", "throttled_until"] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        if !gate.is_empty() {
            queue.push_many(1).await;
            queue.command(&["HSET", &key("control"), gate, "-1"]).await;
        }
        let ask = a.ask(2);
        assert_eq!(queue.claim(&ask.again()).await.messages, []);
        queue.command(&["DEL", &key("control")]).await;
        queue.push("pending", &[message(2)]).await;
        assert_eq!(queue.claim(&ask).await.messages, [], "nobody waits for this answer; gate {gate:?}");
        assert_eq!(queue.members("processing").await, Vec::<String>::new());
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn v21_the_check_before_the_send_keeps_others_away() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    queue.lapse(&[&token]).await;
    assert_eq!(queue.texts(&extend(30_000, &[&token])).await, Vec::<String>::new());
    assert_eq!(b.claim(&mut queue, 1).await.messages, [], "a lease that was checked is not up for takeover");

    queue.lapse(&[&token]).await;
    assert_eq!(b.claim(&mut queue, 1).await.messages.len(), 1);
    assert_eq!(queue.texts(&extend(30_000, &[&token])).await, [token]);
    account(&mut queue).await;
}

#[tokio::test]
async fn v23_what_is_cancelled_in_hand_is_not_released_into_a_list() {
    for known in [true, false] {
        let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
        if known {
            queue.texts(&super::orders::enqueue("p", &[("d", D1)])).await;
            queue.pushed += 1;
        } else {
            queue.push("pending", &[D1.into()]).await;
        }
        let d1 = a.claim(&mut queue, 1).await.token().to_owned();
        let seen = if known { "" } else { "list" };
        assert_eq!(queue.run(&cancel("d", seen, 0)).await.text(), "cancelled");
        let leave = release(0, &[(&d1, "p", "", "d")]);
        queue.settle(&leave).await;
        assert_eq!(queue.list("pending").await, [""; 0]);
        assert_eq!(queue.state("d", "state").await, "cancelled");
        assert!(queue.ttl("d").await > 0, "nothing of it is left that could be sent once this is over");
        assert_eq!(queue.gone(&leave.again()).await, 1);
        assert_eq!(b.claim(&mut queue, 1).await.messages, []);
        account(&mut queue).await;
    }
}
