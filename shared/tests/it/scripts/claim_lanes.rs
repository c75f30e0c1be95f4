//! Which lane a claim takes from.

use super::account::account;
use super::call::Ask;
use super::queue::{Queue, key, message};
use super::worker::{Worker, two};

async fn fill(queue: &mut Queue, list: &str, from: u64, count: u64) {
    queue.push(list, &(from..from + count).map(message).collect::<Vec<_>>()).await;
}

fn lane(token: &str) -> &str {
    token.split(':').nth(1).expect("a lane")
}

#[tokio::test]
async fn high_goes_first_each_lane_oldest_first() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    fill(&mut queue, "pending:low", 1, 2).await;
    fill(&mut queue, "pending", 11, 2).await;
    fill(&mut queue, "pending:high", 21, 2).await;
    let claimed = a.claim(&mut queue, 10).await;
    assert_eq!(claimed.texts(), [21, 22, 11, 12, 1, 2].map(message));
    let lanes: Vec<_> = claimed.tokens().into_iter().map(lane).collect();
    assert_eq!(lanes, ["h", "h", "p", "p", "l", "l"]);
    account(&mut queue).await;
}

#[tokio::test]
async fn high_takes_all_the_room_it_can_use() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    fill(&mut queue, "pending:low", 1, 5).await;
    fill(&mut queue, "pending", 11, 5).await;
    fill(&mut queue, "pending:high", 21, 5).await;
    assert_eq!(a.claim(&mut queue, 5).await.texts(), [21, 22, 23, 24, 25].map(message));
    account(&mut queue).await;
}

#[tokio::test]
async fn pending_and_low_share_three_to_one_whatever_the_room() {
    for (room, calls) in [(1, 40), (3, 20), (4, 19), (7, 24), (100, 6)] {
        let (mut queue, mut a) = (Queue::start().await, Worker::new("AAAAAAAAAAA"));
        fill(&mut queue, "pending", 1, 1000).await;
        fill(&mut queue, "pending:low", 2001, 1000).await;
        let (mut low, mut all) = (0, 0);
        for _ in 0..calls {
            if (a.seq + 1).is_multiple_of(20) {
                a.seq += 1;
            }
            let claimed = a.claim_more(&mut queue, room).await;
            all += claimed.messages.len() as i64;
            low += claimed.tokens().iter().filter(|token| lane(token) == "l").count() as i64;
            assert!((low * 4 - all).abs() < 4, "room {room}: {low} of {all} from low");
        }
        assert_eq!(all as u64, room * calls);
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn room_that_one_lane_leaves_goes_to_the_other() {
    for (pending, low) in [(2, 50), (50, 2), (0, 50), (50, 0), (5, 5)] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        fill(&mut queue, "pending", 1, pending).await;
        fill(&mut queue, "pending:low", 101, low).await;
        let claimed = a.claim(&mut queue, 20).await;
        assert_eq!(claimed.messages.len() as u64, (pending + low).min(20), "{pending} and {low}");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn every_20th_call_starts_from_the_lowest_lane_that_holds_anything() {
    for (lanes, from) in [
        (["pending:high", "pending", "pending:low"].as_slice(), "l"),
        (&["pending:high", "pending"], "p"),
        (&["pending:high"], "h"),
    ] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        for (n, list) in lanes.iter().enumerate() {
            fill(&mut queue, list, n as u64 * 100, 40).await;
        }
        for _ in 1..20 {
            assert_eq!(lane(a.claim_more(&mut queue, 1).await.token()), "h");
        }
        assert_eq!(a.seq, 19);
        assert_eq!(lane(a.claim_more(&mut queue, 1).await.token()), from, "{lanes:?}");
        assert_eq!(lane(a.claim_more(&mut queue, 1).await.token()), "h");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn what_a_wake_up_brought_goes_first_with_the_lane_it_came_from() {
    for woken in ["h", "p", "l"] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        fill(&mut queue, "pending:high", 1, 3).await;
        fill(&mut queue, "claimed", 9, 1).await;
        let ask = Ask { woken, ..a.ask(1) };
        let claimed = queue.claim(&ask).await;
        assert_eq!(claimed.texts(), [message(9)]);
        assert_eq!(lane(claimed.token()), woken);
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn several_in_claimed_come_from_nobody_knows_which_lane() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    fill(&mut queue, "pending:high", 1, 1).await;
    fill(&mut queue, "claimed", 8, 2).await;
    let ask = Ask { woken: "h", seq: 20, ..a.ask(10) };
    let claimed = queue.claim(&ask).await;
    assert_eq!(claimed.texts(), [message(8), message(9), message(1)], "first at every call, the 20th too");
    assert_eq!(claimed.tokens().into_iter().map(lane).collect::<Vec<_>>(), ["p", "p", "h"]);
    assert_eq!(queue.list("claimed").await, Vec::<String>::new());
    account(&mut queue).await;
}

#[tokio::test]
async fn the_documented_pop_lands_in_claimed_and_is_claimed() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let popped = queue.command(&["BRPOPLPUSH", &key("pending"), &key("claimed"), "1"]).await;
    assert_eq!(popped.text(), message(1));
    account(&mut queue).await;
    assert_eq!(a.claim(&mut queue, 5).await.texts(), [message(1), message(2)]);
    account(&mut queue).await;
}

#[tokio::test]
async fn lane_and_reference_stay_through_takeover_and_retry() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    fill(&mut queue, "pending:low", 1, 1).await;
    let first = a.claim(&mut queue, 1).await;
    assert_eq!(first.token(), "AAAAAAAAAAA.1:l:0:AAAAAAAAAAA.1");
    queue.lapse(&first.tokens()).await;
    let taken = b.claim(&mut queue, 1).await;
    assert_eq!(taken.token(), "AAAAAAAAAAA.1:l:1:BBBBBBBBBBB.1");
    queue.settle(&super::call::retry("retry", 0, &[(taken.token(), "", "")])).await;
    let again = a.claim(&mut queue, 1).await;
    assert_eq!(again.token(), "AAAAAAAAAAA.1:l:1:AAAAAAAAAAA.2");
    account(&mut queue).await;
}
