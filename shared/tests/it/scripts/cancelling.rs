//! Cancel, reschedule and enqueue where a reply is lost, a caller dies halfway, or another worker has taken over.

use super::account::{account, dump, timeless};
use super::call::{begin, complete, dead_letter, member, release, retry};
use super::orders::{cancel, enqueue, reschedule, stamp, take_out};
use super::queue::{Queue, key};
use super::worker::two;

const OLD: &str = r#"{"id":"d","n":1,"_delivery":{"stamp":"old"}}"#;
const NEW: &str = r#"{"id":"d","n":2,"_delivery":{"stamp":"new"}}"#;

/// A queue with one message of the id `d`, enqueued by the library.
async fn enqueued() -> Queue {
    let mut queue = Queue::start().await;
    assert_eq!(queue.texts(&enqueue("p", &[("d", OLD)])).await, ["enqueued"]);
    queue.pushed += 1;
    queue
}

/// Begins with the stamp that [`enqueue`] gives these bytes.
fn begin_stamped(token: &str, bytes: &str) -> super::call::Call {
    let mut call = begin(&[(token, "d")]);
    *call.args.last_mut().expect("its stamp") = stamp(bytes);
    call
}

#[tokio::test]
async fn a_cancel_whose_reply_was_lost_is_done_once_wherever_the_message_is() {
    for (place, answer) in [("waiting", "cancelled"), ("in hand", "cancelled"), ("delayed", "cancelled")] {
        let (mut queue, (mut a, _)) = (enqueued().await, two());
        if place != "waiting" {
            let token = a.claim(&mut queue, 1).await.token().to_owned();
            if place == "delayed" {
                queue.texts(&begin_stamped(&token, OLD)).await;
                queue.settle(&retry("retry", 60_000, &[(&token, "d", "")])).await;
            }
        }
        assert_eq!(queue.run(&cancel("d", "", 0)).await.text(), answer, "{place}");
        let once = timeless(&mut queue).await;
        for seen in ["", "list", "hand"] {
            assert_eq!(queue.run(&cancel("d", seen, 5_000)).await.text(), "again", "{place}");
            assert_eq!(timeless(&mut queue).await, once, "{place} {seen}");
        }
        assert_eq!(queue.counter("cancelled").await, 1, "{place}");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn what_was_begun_is_not_cancelled_even_after_its_worker_died() {
    let (mut queue, (mut a, mut b)) = (enqueued().await, two());
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    assert_eq!(queue.texts(&begin_stamped(&token, OLD)).await, ["go"]);
    let before = dump(&mut queue).await;
    for seen in ["", "list", "hand"] {
        assert_eq!(queue.run(&cancel("d", seen, 5_000)).await.text(), "in_hand", "{seen}");
    }
    assert_eq!(dump(&mut queue).await, before);

    // Taken over and not begun again: the first one may have sent it.
    queue.lapse(&[&token]).await;
    let taken = b.claim(&mut queue, 1).await.token().to_owned();
    assert_eq!(queue.run(&cancel("d", "hand", 0)).await.text(), "in_hand");
    assert_eq!(queue.texts(&begin_stamped(&taken, OLD)).await, ["go"]);
    queue.settle(&complete(&[(&taken, "d")])).await;
    assert_eq!(queue.run(&cancel("d", "", 0)).await.text(), "sent");
    account(&mut queue).await;
}

#[tokio::test]
async fn what_was_cancelled_in_hand_is_dropped_by_whoever_takes_it_over() {
    let (mut queue, (mut a, mut b)) = (enqueued().await, two());
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    assert_eq!(queue.run(&cancel("d", "", 0)).await.text(), "cancelled");
    queue.lapse(&[&token]).await;
    let taken = b.claim(&mut queue, 1).await.token().to_owned();
    assert_eq!(queue.texts(&begin_stamped(&taken, OLD)).await, ["cancelled"]);
    assert_eq!(queue.texts(&begin_stamped(&token, OLD)).await, ["gone"]);
    assert_eq!(queue.members("processing").await, [""; 0]);
    account(&mut queue).await;
}

/// Whoever cancelled died before the copies were taken out, and the id was enqueued anew.
#[tokio::test]
async fn after_a_cancel_only_the_new_copy_is_sent_whatever_becomes_of_it_meanwhile() {
    for meanwhile in ["nothing", "begun", "released", "delayed", "taken over", "dead", "sent"] {
        let (mut queue, (mut a, mut b)) = (enqueued().await, two());
        let old = a.claim(&mut queue, 1).await.token().to_owned();
        assert_eq!(queue.run(&cancel("d", "", 0)).await.text(), "cancelled");
        assert_eq!(queue.texts(&enqueue("p", &[("d", NEW)])).await, ["enqueued"]);
        queue.pushed += 1;
        let mut new = b.claim_more(&mut queue, 1).await.token().to_owned();
        if meanwhile != "nothing" {
            assert_eq!(queue.texts(&begin_stamped(&new, NEW)).await, ["go"], "{meanwhile}");
        }
        match meanwhile {
            "released" => queue.settle(&release(0, &[(&new, "p", "", "d")])).await,
            "delayed" => queue.settle(&retry("retry", 60_000, &[(&new, "d", "")])).await,
            "taken over" => {
                queue.lapse(&[&new]).await;
                new = b.claim(&mut queue, 1).await.token().to_owned();
            }
            "dead" => queue.settle(&dead_letter("reject", &[(&new, "d", NEW)])).await,
            "sent" => queue.settle(&complete(&[(&new, "d")])).await,
            _ => {}
        }
        assert_eq!(queue.texts(&begin_stamped(&old, OLD)).await, ["duplicate"], "{meanwhile}");
        match meanwhile {
            "dead" => {
                queue.command(&["RPOPLPUSH", &key("dead_letter"), &key("pending")]).await;
                new = b.claim(&mut queue, 1).await.token().to_owned();
            }
            "released" => new = b.claim(&mut queue, 1).await.token().to_owned(),
            "delayed" => {
                queue.command(&["ZADD", &key("delayed"), "1", &member(&new)]).await;
                new = b.claim(&mut queue, 1).await.token().to_owned();
            }
            _ => {}
        }
        if meanwhile != "sent" {
            assert_eq!(queue.texts(&begin_stamped(&new, NEW)).await, ["go"], "{meanwhile}");
            queue.settle(&complete(&[(&new, "d")])).await;
        }
        assert_eq!(queue.state("d", "state").await, "sent");
        assert_eq!((queue.counter("sent").await, queue.counter("duplicates").await), (1, 1), "{meanwhile}");
        // Among the cancelled and the duplicates it is counted twice.
        queue.pushed += 1;
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn an_enqueue_asked_again_after_its_message_was_cancelled_brings_nothing_back() {
    let (mut queue, (mut a, _)) = (enqueued().await, two());
    assert_eq!(queue.run(&cancel("d", "", 0)).await.text(), "cancelled");
    assert_eq!(queue.run(&take_out("pending", "d", OLD)).await.int(), 1);
    let before = dump(&mut queue).await;
    assert_eq!(queue.texts(&enqueue("p", &[("d", OLD)])).await, ["enqueued"], "it was, by the first call");
    assert_eq!(dump(&mut queue).await, before);
    assert_eq!(a.claim(&mut queue, 1).await.messages, []);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_reschedule_whose_reply_was_lost_is_done_once_wherever_the_message_is() {
    let new = OLD.replace("\"n\":1", "\"n\":1,\"send_at\":9999999999999");
    for place in ["waiting", "delayed"] {
        let (mut queue, (mut a, _)) = (enqueued().await, two());
        let (mut name, mut index) = ("S.1:p:0".to_owned(), 0);
        if place == "delayed" {
            let token = a.claim(&mut queue, 1).await.token().to_owned();
            queue.texts(&begin_stamped(&token, OLD)).await;
            queue.settle(&retry("retry", 60_000, &[(&token, "d", "")])).await;
            (name, index) = (member(&token), -1);
        }
        let call = reschedule("d", "pending", index, &name, OLD, &new, 9_999_999_999_999);
        assert_eq!(queue.run(&call).await.text(), "done", "{place}");
        let once = timeless(&mut queue).await;
        for _ in 0..2 {
            assert_eq!(queue.run(&call).await.text(), "moved", "{place}");
            assert_eq!(timeless(&mut queue).await, once, "{place}");
        }
        assert_eq!(queue.score("delayed", &name).await, Some(9_999_999_999_999));
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_reschedule_that_comes_too_late_changes_nothing() {
    let new = OLD.replace("\"n\":1", "\"n\":1,\"send_at\":9999999999999");
    for place in ["in hand", "begun", "sent", "cancelled", "taken over"] {
        let (mut queue, (mut a, mut b)) = (enqueued().await, two());
        if place == "cancelled" {
            queue.run(&cancel("d", "", 0)).await;
        } else {
            let token = a.claim(&mut queue, 1).await.token().to_owned();
            if place != "in hand" {
                queue.texts(&begin_stamped(&token, OLD)).await;
            }
            if place == "sent" {
                queue.settle(&complete(&[(&token, "d")])).await;
            }
            if place == "taken over" {
                queue.lapse(&[&token]).await;
                b.claim(&mut queue, 1).await;
            }
        }
        let before = dump(&mut queue).await;
        let call = reschedule("d", "pending", 0, "S.1:p:0", OLD, &new, 9_999_999_999_999);
        assert_eq!(queue.run(&call).await.text(), "moved", "{place}");
        assert_eq!(dump(&mut queue).await, before, "{place}");
        account(&mut queue).await;
    }
}

/// Two equal messages of one id: one is put off, so the other one is a duplicate, before and after its claim.
#[tokio::test]
async fn of_two_equal_messages_of_one_id_the_one_put_off_is_the_one_sent() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    let same = r#"{"id":"d"}"#;
    queue.push("pending", &[same.into(), same.into()]).await;
    let held = a.claim(&mut queue, 1).await.token().to_owned();
    let call = reschedule("d", "pending", 0, "S.1:p:0", same, r#"{"id":"d","send_at":1}"#, 1);
    assert_eq!(queue.run(&call).await.text(), "done");
    assert_eq!(queue.texts(&begin(&[(&held, "d")])).await, ["duplicate"]);
    let due = b.claim(&mut queue, 1).await.token().to_owned();
    assert_eq!(queue.texts(&begin(&[(&due, "d")])).await, ["go"]);
    queue.settle(&complete(&[(&due, "d")])).await;
    account(&mut queue).await;
}
