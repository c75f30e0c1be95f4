//! The mark of a send that must not be repeated.

use super::account::account;
use super::call::{self, extend, extend_marked, sweep};
use super::queue::{Queue, key, message};
use super::worker::{Worker, two};

async fn score(queue: &mut Queue, token: &str) -> f64 {
    queue.command(&["ZSCORE", &key("processing"), token]).await.text().parse().expect("a number")
}

async fn is_marked(queue: &mut Queue, token: &str) -> bool {
    score(queue, token).await.fract() == 0.5
}

/// Ends the lease as time does: by so many whole ms.
async fn pass(queue: &mut Queue, token: &str) {
    let past = 1.0 + score(queue, token).await.fract();
    queue.command(&["ZADD", &key("processing"), "XX", &past.to_string(), token]).await;
}

/// The crash count of a token, as it stands there.
fn crashes(token: &str) -> &str {
    token.split(':').nth(2).expect("a token")
}

async fn marked(queue: &mut Queue, worker: &mut Worker) -> String {
    queue.push_many(1).await;
    let token = worker.claim(queue, 1).await.token().to_owned();
    queue.settle(&extend_marked(30_000, 1, &[&token])).await;
    assert!(is_marked(queue, &token).await);
    token
}

#[tokio::test]
async fn a_marked_message_says_so_to_every_further_taker() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    let mut token = marked(&mut queue, &mut a).await;
    for n in 1..=3 {
        pass(&mut queue, &token).await;
        let taken = b.claim(&mut queue, 5).await;
        assert_eq!((taken.takeovers, crashes(taken.token())), (1, &*format!("{n}!")));
        token = taken.token().to_owned();
        // Neither its renewal nor a lost reply takes it away.
        queue.settle(&extend(30_000, &[&token])).await;
    }
    queue.settle(&call::dead_letter("in_doubt", &[(&token, "", &message(1))])).await;
    account(&mut queue).await;
}

#[tokio::test]
async fn what_is_not_marked_is_sent_again() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(3).await;
    let held = a.claim(&mut queue, 3).await;
    // In one call with a marked one, and with scores of an operator's hand.
    queue.settle(&extend_marked(30_000, 1, &held.tokens())).await;
    queue.command(&["ZADD", &key("processing"), "1.25", held.tokens()[1], "-inf", held.tokens()[2]]).await;
    pass(&mut queue, held.tokens()[0]).await;
    let mut taken = Vec::new();
    for _ in 0..3 {
        let claimed = b.claim(&mut queue, 1).await;
        taken.push((claimed.texts().remove(0), crashes(claimed.token()).to_owned()));
    }
    taken.sort();
    let expected = [(1, "1!"), (2, "1"), (3, "1")].map(|(n, crashes)| (message(n), crashes.to_owned()));
    assert_eq!(taken, expected);
    account(&mut queue).await;
}

/// The keeper has a connection of its own: what it sent before the mark may come after it.
#[tokio::test]
async fn a_renewal_that_was_sent_before_the_mark_and_comes_after_it_leaves_it() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let token = marked(&mut queue, &mut a).await;
    queue.settle(&extend(60_000, &[&token])).await;
    assert!(is_marked(&mut queue, &token).await);
    let now = queue.now().await as f64;
    assert!(score(&mut queue, &token).await > now + 50_000.0, "renewed all the same");
}

/// An early copy of the claim that brought it, executed late.
#[tokio::test]
async fn a_late_copy_of_the_claim_leaves_the_mark() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let ask = a.ask(2);
    let claimed = queue.claim(&ask).await;
    queue.settle(&extend_marked(1, 1, &claimed.tokens())).await;
    assert_eq!(queue.claim(&ask).await.tokens(), claimed.tokens());
    let marks =
        [is_marked(&mut queue, claimed.tokens()[0]).await, is_marked(&mut queue, claimed.tokens()[1]).await];
    assert_eq!(marks, [true, false]);
    let now = queue.now().await as f64;
    for token in claimed.tokens() {
        assert!(score(&mut queue, token).await > now + 20_000.0, "renewed all the same");
    }
}

#[tokio::test]
async fn a_lease_that_is_brought_back_keeps_its_mark() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let token = marked(&mut queue, &mut a).await;
    queue.settle(&extend_marked(999_999_999, 1, &[&token])).await;
    queue.run(&sweep("0", 30_000, 3_600_000)).await;
    let now = queue.now().await as f64;
    assert!(is_marked(&mut queue, &token).await);
    assert!(score(&mut queue, &token).await <= now + 3_600_000.0);
}

/// Its owner still knows, and says so with the next renewal.
#[tokio::test]
async fn a_mark_deleted_by_hand_comes_back_with_the_next_renewal() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let token = marked(&mut queue, &mut a).await;
    queue.command(&["DEL", &key("processing")]).await;
    queue.settle(&extend_marked(30_000, 1, &[&token])).await;
    assert!(is_marked(&mut queue, &token).await);
    account(&mut queue).await;
}

/// After a takeover the mark is in the name, which nobody's hand takes off.
#[tokio::test]
async fn a_taken_over_member_deleted_by_hand_comes_back_with_its_mark() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    let token = marked(&mut queue, &mut a).await;
    pass(&mut queue, &token).await;
    let taken = b.claim(&mut queue, 1).await.token().to_owned();
    queue.command(&["DEL", &key("processing")]).await;
    assert_eq!(queue.run(&sweep("0", 30_000, 3_600_000)).await.array()[1].int(), 1);
    assert_eq!(queue.members("processing").await, [taken.as_str()], "and not as one that is delayed");
    pass(&mut queue, &taken).await;
    assert_eq!(crashes(a.claim(&mut queue, 1).await.token()), "2!");
    account(&mut queue).await;
}
