//! Numbers, gates and locks of a claim.

use redispatch_testkit::Reply;

use super::account::{account, dump};
use super::call::{Ask, complete};
use super::queue::{Queue, key, message};
use super::worker::two;

#[tokio::test]
async fn a_lower_number_does_nothing() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(5).await;
    let first = a.ask(1);
    let second = a.ask(1);
    assert_eq!(queue.claim(&second).await.texts(), [message(1)]);
    let before = dump(&mut queue).await;
    for ask in [first.clone(), first.again()] {
        let late = queue.claim(&ask).await;
        assert_eq!((late.why.as_str(), late.wait, late.messages), ("late", -1, vec![]));
    }
    assert_eq!(dump(&mut queue).await, before);
    account(&mut queue).await;
}

#[tokio::test]
async fn an_equal_number_answers_only_what_is_still_in_hand() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(14).await;
    let earlier = a.claim(&mut queue, 1).await;
    let ask = Ask { alone: false, ..a.ask(11) };
    let claimed = queue.claim(&ask).await;
    let tokens = claimed.tokens();
    b.claim(&mut queue, 1).await;
    queue.settle(&complete(&[(tokens[1], "")])).await;
    queue.lapse(&[tokens[0], tokens[4]]).await;
    let rerun = queue.claim(&ask.again()).await;
    let left: Vec<_> = [&tokens[..1], &tokens[2..]].concat();
    assert_eq!(rerun.tokens(), left, "in the order of their numbers, 2 before 10");
    let now = queue.now().await;
    for token in left {
        let ends = queue.score("processing", token).await.expect("in hand");
        assert!(ends > now + 20_000, "the lease of {token} was renewed");
    }
    assert!(!rerun.tokens().contains(&earlier.token()));
    account(&mut queue).await;
}

#[tokio::test]
async fn an_empty_claim_leaves_a_number_only_as_a_repetition() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let empty = a.ask(5);
    let answer = queue.claim(&empty).await;
    assert_eq!((answer.why.as_str(), answer.wait, answer.messages), ("empty", -1, vec![]));
    assert_eq!(queue.command(&["EXISTS", &key("claims")]).await.int(), 0);
    queue.claim(&empty.again()).await;
    assert_eq!(queue.command(&["HGET", &key("claims"), a.start]).await.text(), "1");
    account(&mut queue).await;
}

#[tokio::test]
async fn a_token_that_exists_is_never_given_out_again() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(3).await;
    queue.push("pending:low", &[message(9)]).await;
    let ask = Ask { seq: 7, first: 2, ..a.ask(3) };
    let taken = "AAAAAAAAAAA.3:p:0:AAAAAAAAAAA.3";
    queue.command(&["HSET", &key("messages"), taken, "{}"]).await;
    queue.command(&["ZADD", &key("processing"), "9999999999999", taken]).await;
    queue.command(&["ZADD", &key("processing"), "1", "without bytes"]).await;
    queue.command(&["ZADD", &key("delayed"), "1", "BBBBBBBBBBB.1:p:0"]).await;
    let before = dump(&mut queue).await;
    let reply = queue.run(&ask.call()).await;
    assert!(matches!(&reply, Reply::Error(text) if text.contains("REDISPATCH token exists")), "{reply:?}");
    assert_eq!(dump(&mut queue).await, before);
}

#[tokio::test]
async fn workers_number_their_calls_apart() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(4).await;
    a.seq = 40;
    assert_eq!(a.claim(&mut queue, 1).await.texts(), [message(1)]);
    assert_eq!(b.claim(&mut queue, 2).await.texts(), [message(2), message(3)]);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_closed_gate_answers_why_and_how_long() {
    for (field, why) in [("paused_until", "paused"), ("throttled_until", "throttled")] {
        let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
        queue.push_many(2).await;
        let held = b.claim(&mut queue, 1).await;
        queue.lapse(&held.tokens()).await;
        queue.command(&["HSET", &key("control"), field, "-1"]).await;
        let before = dump(&mut queue).await;
        let answer = a.claim(&mut queue, 5).await;
        assert_eq!((answer.why.as_str(), answer.wait, answer.messages), (why, -1, vec![]));

        queue.command(&["HSET", &key("control"), field, "until Monday"]).await;
        let answer = a.claim(&mut queue, 5).await;
        assert_eq!((answer.why.as_str(), answer.wait), (why, -1), "what is no number closes it too");

        let until = queue.now().await + 60_000;
        queue.command(&["HSET", &key("control"), field, &until.to_string()]).await;
        let answer = a.claim(&mut queue, 5).await;
        assert_eq!((answer.why.as_str(), answer.messages.len()), (why, 0));
        assert!((50_000..=60_000).contains(&answer.wait), "{}", answer.wait);
        queue.command(&["HSET", &key("control"), field, "-1"]).await;
        assert_eq!(dump(&mut queue).await, before, "no takeover and no number either");

        let past = queue.now().await - 1;
        queue.command(&["HSET", &key("control"), field, &past.to_string()]).await;
        assert_eq!(a.claim(&mut queue, 5).await.takeovers, 1, "{field} in the past is open");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_pause_is_named_before_a_throttle() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.command(&["HSET", &key("control"), "throttled_until", "-1", "paused_until", "-1"]).await;
    assert_eq!(a.claim(&mut queue, 1).await.why, "paused");
}
