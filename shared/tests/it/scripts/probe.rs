//! Half open: which message tries the provider, one at a time.

use super::account::account;
use super::breaker::{fail, field, opened_by_the_first, probe, set};
use super::call::{self, Ask, release, retry};
use super::queue::{Queue, key, message};
use super::worker::{Worker, two};

#[tokio::test]
async fn the_one_that_opened_it_never_tries_where_there_is_another_in_its_lane() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let mut bad = opened_by_the_first(&mut queue, &mut a, 2, "p").await.texts().remove(0);
    for _ in 0..4 {
        let claimed = probe(&mut queue, &mut a).await;
        assert_ne!(claimed.texts(), [bad]);
        bad = claimed.texts().remove(0);
        assert_eq!(fail(&mut queue, claimed.token(), "config").await, "kept");
        queue.settle(&release(0, &[(claimed.token(), "p", "", "")])).await;
    }
    account(&mut queue).await;
}

#[tokio::test]
async fn the_one_that_opened_it_never_tries_where_there_is_another_in_any_lane() {
    for list in ["claimed", "pending", "pending:low"] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push_many(1).await;
        opened_by_the_first(&mut queue, &mut a, 1, "h").await;
        queue.push(list, &[message(2)]).await;
        assert_eq!(probe(&mut queue, &mut a).await.texts(), [message(2)], "{list}");
        account(&mut queue).await;
    }
    // Due ones count too.
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let held = a.claim(&mut queue, 2).await;
    queue.settle(&retry("park", 1, &[(held.tokens()[1], "", "")])).await;
    assert_eq!(fail(&mut queue, held.tokens()[0], "config").await, "opened");
    queue.settle(&release(0, &[(held.tokens()[0], "p", "", "")])).await;
    assert_eq!(probe(&mut queue, &mut a).await.texts(), [message(2)]);
    account(&mut queue).await;
}

/// It waits in `delayed`, where a refused default sender puts it.
#[tokio::test]
async fn the_one_that_opened_it_never_tries_when_it_is_due() {
    for others in ["fresh", "due", "none"] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push_many(2).await;
        let held = a.claim(&mut queue, 2).await;
        assert_eq!(fail(&mut queue, held.tokens()[0], "config").await, "opened");
        queue.settle(&retry("wait", 0, &[(held.tokens()[0], "", "")])).await;
        queue.command(&["ZADD", &key("delayed"), "1", &call::member(held.tokens()[0])]).await;
        match others {
            "fresh" => queue.settle(&release(0, &[(held.tokens()[1], "l", "", "")])).await,
            "due" => queue.settle(&retry("park", 2, &[(held.tokens()[1], "", "")])).await,
            _ => {}
        }
        // Due and fresh take turns, and no turn is its.
        set(&mut queue, "due_turn", "1").await;
        let tries = if others == "none" { 1 } else { 2 };
        assert_eq!(probe(&mut queue, &mut a).await.texts(), [message(tries)], "{others}");
        account(&mut queue).await;
    }
}

/// Its worker died between the two scripts that put it back.
#[tokio::test]
async fn the_one_that_opened_it_never_tries_when_it_is_taken_over() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let held = a.claim(&mut queue, 1).await;
    assert_eq!(fail(&mut queue, held.token(), "config").await, "opened");
    queue.lapse(&held.tokens()).await;
    let other = probe(&mut queue, &mut b).await;
    assert_eq!((other.texts(), other.takeovers), (vec![message(2)], 0));
    queue.settle(&call::complete(&[(other.token(), "")])).await;
    let closed = b.claim(&mut queue, 10).await;
    assert_eq!((closed.texts(), closed.takeovers), (vec![message(1)], 1));
    account(&mut queue).await;
}

#[tokio::test]
async fn the_one_that_opened_it_tries_where_it_is_alone() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    opened_by_the_first(&mut queue, &mut a, 1, "p").await;
    let claimed = probe(&mut queue, &mut a).await;
    assert_eq!(claimed.texts(), [message(1)]);
    account(&mut queue).await;
    // So it does where it is the only one whose worker died.
    queue.lapse(&claimed.tokens()).await;
    assert_eq!(fail(&mut queue, claimed.token(), "config").await, "kept");
    assert_eq!(probe(&mut queue, &mut Worker::new("CCCCCCCCCCC")).await.takeovers, 1);
    account(&mut queue).await;
}

#[tokio::test]
async fn two_bad_ones_at_the_front_do_not_keep_it_open_for_ever() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(10).await;
    opened_by_the_first(&mut queue, &mut a, 2, "p").await;
    let bad = [message(1), message(2)];
    let mut tries = 0;
    let good = loop {
        tries += 1;
        assert!(tries < 100, "these two try in turn");
        let claimed = probe(&mut queue, &mut a).await;
        if !bad.contains(&claimed.texts()[0]) {
            break claimed;
        }
        assert_eq!(fail(&mut queue, claimed.token(), "config").await, "kept");
        queue.settle(&release(0, &[(claimed.token(), "p", "", "")])).await;
    };
    // Nobody else has changed places.
    let mut waiting: Vec<_> =
        queue.list("pending").await.into_iter().rev().filter(|text| !bad.contains(text)).collect();
    waiting.push(good.texts().remove(0));
    let mut sorted: Vec<_> = (3..=10).map(message).collect();
    sorted.retain(|text| *text != good.texts()[0]);
    sorted.push(good.texts().remove(0));
    assert_eq!(waiting, sorted);
    account(&mut queue).await;
}

#[tokio::test]
async fn one_message_tries_and_its_place_is_free_when_it_is_gone_however_it_went() {
    for gone in ["lapsed", "parked", "released", "dead", "duplicate", "deleted"] {
        let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
        queue
            .push("pending", &(1..=4).map(|n| format!(r#"{{"id":"m{n}","n":{n}}}"#)).collect::<Vec<_>>())
            .await;
        opened_by_the_first(&mut queue, &mut a, 1, "p").await;
        let claimed = probe(&mut queue, &mut a).await;
        let token = claimed.token();
        let taken = b.claim(&mut queue, 10).await;
        assert_eq!((taken.why.as_str(), taken.messages.len()), ("open", 0), "one at a time");
        assert!((20_000..=30_000).contains(&taken.wait), "as long as its lease: {}", taken.wait);
        match gone {
            "lapsed" => queue.lapse(&[token]).await,
            "parked" => queue.settle(&retry("park", 9_999_999_999_999, &[(token, "", "")])).await,
            "released" => queue.settle(&release(0, &[(token, "p", "", "")])).await,
            "dead" => queue.settle(&call::dead_letter("malformed", &[(token, "", "{}")])).await,
            "duplicate" => {
                queue.command(&["HSET", &super::queue::status("x"), "state", "sent"]).await;
                assert_eq!(queue.texts(&call::begin(&[(token, "x")])).await, ["duplicate"]);
            }
            _ => {
                queue.command(&["HDEL", &key("messages"), token]).await;
                queue.command(&["ZREM", &key("processing"), token]).await;
                queue.pushed -= 1;
            }
        }
        let next = b.claim(&mut queue, 10).await;
        assert_eq!((next.why.as_str(), next.messages.len()), ("probing", 1), "{gone}");
        assert_eq!(next.takeovers, i64::from(gone == "lapsed"));
        assert_eq!(field(&mut queue, "breaker_probe").await, next.token());
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_worker_just_started_tries_at_once_but_not_beside_another() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(2).await;
    opened_by_the_first(&mut queue, &mut a, 1, "p").await;
    let fresh = Ask { fresh: true, ..b.ask(10) };
    let claimed = queue.claim(&fresh).await;
    assert_eq!((claimed.why.as_str(), claimed.texts()), ("probing", vec![message(2)]));
    let other = Ask { fresh: true, ..Worker::new("CCCCCCCCCCC").ask(10) };
    assert_eq!(queue.claim(&other).await.why, "open");
    // Its reply is lost: the same message is answered again.
    assert_eq!(queue.claim(&fresh.again()).await.tokens(), claimed.tokens());
    account(&mut queue).await;
}
