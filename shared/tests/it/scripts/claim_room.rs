//! How much a claim takes.

use super::account::account;
use super::call::Ask;
use super::queue::{Queue, message};
use super::worker::two;

/// A message of this many bytes.
fn sized(n: u64, bytes: usize) -> String {
    let frame = format!(r#"{{"n":{n},"body":""}}"#).len();
    format!(r#"{{"n":{n},"body":"{}"}}"#, "x".repeat(bytes - frame))
}

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_hundred_at_once_oldest_first() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let pushed: Vec<_> = (1..=120).map(|n| sized(n, 300)).collect();
    queue.push("pending", &pushed).await;
    let claimed = a.claim(&mut queue, 100).await;
    assert_eq!((claimed.why.as_str(), claimed.wait), ("more", -1));
    assert_eq!(claimed.texts(), pushed[..100]);
    for (n, token) in (1..).zip(claimed.tokens()) {
        assert_eq!(token, format!("AAAAAAAAAAA.{n}:p:0:AAAAAAAAAAA.{n}"));
    }
    account(&mut queue).await;
    let rest = a.claim_more(&mut queue, 100).await;
    assert_eq!((rest.why.as_str(), rest.texts()), ("empty", pushed[100..].to_vec()));
    account(&mut queue).await;
}

#[tokio::test]
async fn the_lease_ends_when_it_should_by_the_clock_of_redis() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let ask = Ask { lease: 5_000, ..a.ask(1) };
    let before = queue.now().await;
    let token = queue.claim(&ask).await.token().to_owned();
    let after = queue.now().await;
    let ends = queue.score("processing", &token).await.expect("in hand");
    assert!((before + 5_000..=after + 5_000).contains(&ends));
}

#[tokio::test]
async fn eight_mebibytes_at_most() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push("pending", &(1..=12).map(|n| sized(n, MIB)).collect::<Vec<_>>()).await;
    let claimed = a.claim(&mut queue, 100).await;
    assert_eq!((claimed.messages.len(), claimed.why.as_str()), (8, "more"));
    assert_eq!(a.claim_more(&mut queue, 100).await.messages.len(), 4);
    account(&mut queue).await;
}

#[tokio::test]
async fn the_first_is_taken_whatever_its_size_and_alone() {
    for list in ["pending", "claimed", "pending:low"] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push(list, &[sized(1, 20 * MIB), message(2), String::new(), message(3)]).await;
        let claimed = a.claim(&mut queue, 100).await;
        assert_eq!((claimed.messages.len(), claimed.why.as_str()), (1, "more"));
        assert_eq!(claimed.messages[0].1.len(), 20 * MIB);
        assert_eq!(a.claim_more(&mut queue, 100).await.texts(), [message(2), String::new(), message(3)]);
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_large_one_in_the_middle_waits_for_the_next_claim() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let pushed: Vec<_> = (1..=40).map(|n| sized(n, if n == 20 { 9 * MIB } else { 300 })).collect();
    queue.push("pending", &pushed).await;
    queue.push("pending:low", &[message(50)]).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        let claimed = a.claim_more(&mut queue, 100).await;
        let bytes: usize = claimed.messages.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(bytes <= 8 * MIB || claimed.messages.len() == 1, "{bytes}");
        all.extend(claimed.texts());
    }
    all.retain(|text| *text != message(50));
    assert_eq!(all, pushed, "in order");
    account(&mut queue).await;
}

#[tokio::test]
async fn a_large_due_one_waits_for_the_next_claim() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push("pending", &[message(1), sized(2, 9 * MIB)]).await;
    let claimed = a.claim(&mut queue, 1).await;
    let large = a.claim(&mut queue, 1).await;
    let due = [(claimed.token(), "", ""), (large.token(), "", "")];
    queue.settle(&super::call::retry("park", 1, &due)).await;
    let first = a.claim(&mut queue, 10).await;
    assert_eq!((first.texts(), first.why.as_str()), (vec![message(1)], "more"));
    assert_eq!(a.claim_more(&mut queue, 10).await.messages[0].1.len(), 9 * MIB);
    account(&mut queue).await;
}

#[tokio::test]
async fn bytes_that_are_no_text_come_back_as_they_are() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let bytes = b"\xff\xfe\0\r\n:p:0".as_slice();
    let list = super::queue::key("pending");
    queue.command(&[b"LPUSH".as_slice(), list.as_bytes(), bytes]).await;
    queue.pushed += 1;
    assert_eq!(a.claim(&mut queue, 3).await.messages[0].1, bytes);
    account(&mut queue).await;
}
