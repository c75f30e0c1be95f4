//! The rate limit: evenly spaced over all workers, by Redis's clock.

use std::collections::BTreeSet;

use redispatch_testkit::Reply;

use super::account::account;
use super::call::{Ask, release_second, retry};
use super::queue::{Claimed, Queue, key, message};
use super::worker::{Worker, two};

/// µs between two of ten a second.
const TENTH: u64 = 100_000;

async fn rate_due(queue: &mut Queue) -> f64 {
    match queue.command(&["HGET", &key("control"), "rate_due"]).await {
        Reply::Nil => 0.0,
        value => value.text().parse().expect("a number"),
    }
}

async fn limited(queue: &mut Queue, worker: &mut Worker, room: u64, interval: u64, used: i64) -> Claimed {
    let ask = Ask { interval, used, ..worker.ask(room) };
    queue.claim(&ask).await
}

/// However much room three workers have and however often they ask.
#[tokio::test]
async fn ten_a_second_are_never_more_than_eleven_in_any_second() {
    let mut queue = Queue::start().await;
    queue.push_many(100).await;
    let mut workers = ["AAAAAAAAAAA", "BBBBBBBBBBB", "CCCCCCCCCCC"].map(Worker::new);
    let (mut times, start) = (Vec::new(), queue.now().await);
    let mut now = start;
    while now < start + 2_000 {
        for worker in &mut workers {
            let reply = queue.run(&Ask { interval: TENTH, ..worker.ask(100) }.call()).await;
            let values = reply.array();
            now = values[3].int();
            let taken = (values.len() - 5) / 2;
            times.extend(std::iter::repeat_n(
                now,
                if values[0].text() == "limited" && taken == 0 { 0 } else { taken },
            ));
        }
    }
    assert!((20..=21).contains(&times.len()), "{} in two seconds", times.len());
    for (i, first) in times.iter().enumerate() {
        let within = times[i..].iter().filter(|at| **at < first + 1_000).count();
        assert!(within <= 11, "{within} within a second: {times:?}");
    }
    // Late ones are made up for, so the gaps are even but for that.
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 79), "{times:?}");
    account(&mut queue).await;
}

#[tokio::test]
async fn what_was_not_used_is_not_saved_up() {
    for (interval, burst) in [(TENTH, 1), (1_000, 21), (200, 100)] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push_many(200).await;
        let long_ago = (queue.now().await - 3_600_000) * 1000;
        queue.command(&["HSET", &key("control"), "rate_due", &long_ago.to_string()]).await;
        let claimed = limited(&mut queue, &mut a, 100, interval, 0).await;
        assert_eq!(claimed.messages.len(), burst, "every {interval} µs");
        assert_eq!(claimed.why, if burst < 100 { "limited" } else { "more" });
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn what_turned_out_not_to_be_sent_is_given_back() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(10).await;
    for _ in 0..3 {
        let claimed = limited(&mut queue, &mut a, 1, 60_000_000, -1).await;
        queue.settle(&retry("park", 9_999_999_999_999, &[(claimed.token(), "", "")])).await;
    }
    let none = limited(&mut queue, &mut b, 1, 60_000_000, 0).await;
    assert_eq!((none.why.as_str(), none.messages.len()), ("limited", 0));
    assert!((59_000..=60_000).contains(&none.wait), "{}", none.wait);
    // More than was taken is never given back.
    assert_eq!(limited(&mut queue, &mut b, 10, 60_000_000, -50).await.messages.len(), 1);
    account(&mut queue).await;
}

#[tokio::test]
async fn what_cost_more_is_charged_whatever_gate_is_shut() {
    for gate in ["paused_until", "throttled_until", "breaker", "none"] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push_many(3).await;
        let taken = limited(&mut queue, &mut a, 1, 1_000_000, 0).await;
        let before = rate_due(&mut queue).await;
        let later = (queue.now().await + 60_000).to_string();
        match gate {
            "none" => {}
            "breaker" => {
                queue.settle(&release_second(0, (taken.token(), "p", "", ""))).await;
                queue.command(&["HSET", &key("control"), gate, "open", "breaker_until", &later]).await;
            }
            gate => _ = queue.command(&["HSET", &key("control"), gate, &later]).await,
        }
        let ask = Ask { interval: 1_000_000, used: 2, ..a.ask(1) };
        assert_eq!(queue.claim(&ask).await.messages, [], "{gate}");
        assert_eq!(rate_due(&mut queue).await, before + 2e6, "{gate}");
        // The reply was lost.
        for _ in 0..2 {
            assert_eq!(queue.claim(&ask.again()).await.messages, [], "{gate}");
            assert_eq!(rate_due(&mut queue).await, before + 2e6, "{gate}");
        }
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_lost_reply_neither_charges_nor_gives_back_twice() {
    for used in [-3, 0, 5] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push_many(30).await;
        limited(&mut queue, &mut a, 10, 1_000, 0).await;
        let ask = Ask { interval: 1_000, used, ..a.ask(3) };
        let first = queue.claim(&ask).await;
        assert!(first.messages.len() > usize::from(used < 0), "{first:?}");
        let (due, waiting) = (rate_due(&mut queue).await, queue.list("pending").await);
        for _ in 0..3 {
            assert_eq!(queue.claim(&ask.again()).await.messages, first.messages);
            assert_eq!((rate_due(&mut queue).await, queue.list("pending").await), (due, waiting.clone()));
        }
        account(&mut queue).await;
    }
}

/// By a day: for 250 s, and not for a day.
#[tokio::test]
async fn a_clock_that_was_set_back_stops_the_queue_for_a_while_only() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(3).await;
    let tomorrow = (queue.now().await + 86_400_000) * 1000;
    queue.command(&["HSET", &key("control"), "rate_due", &tomorrow.to_string()]).await;
    let first = limited(&mut queue, &mut a, 1, TENTH, 0).await;
    assert!((249_000..=250_000).contains(&first.wait), "{}", first.wait);
    let due = rate_due(&mut queue).await;
    let now = queue.now().await as f64 * 1000.0;
    assert!((now..=now + 251e6).contains(&due), "it ends {} s from now", (due - now) / 1e6);
    limited(&mut queue, &mut a, 1, TENTH, 0).await;
    assert_eq!(rate_due(&mut queue).await, due, "and does not go on moving");
}

#[tokio::test]
async fn what_an_operator_writes_into_it_stops_nobody() {
    for value in ["-1", "nan", "-nan", "-inf", "x", "", "0"] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push_many(3).await;
        queue.command(&["HSET", &key("control"), "rate_due", value]).await;
        assert_eq!(limited(&mut queue, &mut a, 1, TENTH, 0).await.messages.len(), 1, "{value}");
        let next = limited(&mut queue, &mut a, 1, TENTH, 0).await;
        assert!((1..=100).contains(&next.wait), "{value}: {}", next.wait);
    }
    for value in ["inf", "9e99"] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push_many(3).await;
        queue.command(&["HSET", &key("control"), "rate_due", value]).await;
        assert!((1..=250_000).contains(&limited(&mut queue, &mut a, 1, TENTH, 0).await.wait), "{value}");
    }
}

#[tokio::test]
async fn a_takeover_waits_for_its_turn_too() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let held = limited(&mut queue, &mut a, 1, 60_000_000, 0).await;
    queue.lapse(&held.tokens()).await;
    assert_eq!(limited(&mut queue, &mut b, 5, 60_000_000, 0).await.why, "limited");
    queue.command(&["HDEL", &key("control"), "rate_due"]).await;
    assert_eq!(limited(&mut queue, &mut b, 5, 60_000_000, 0).await.takeovers, 1);
    account(&mut queue).await;
}

/// Fills `delayed` with `count` messages due at `score` and later.
async fn delay(queue: &mut Queue, count: u64, score: u64) {
    let fill = "for n = 1, ARGV[1] do local member = 'F' .. ARGV[2] .. '.' .. n .. ':p:0' \
                redis.call('ZADD', KEYS[1], ARGV[2] + n, member) redis.call('HSET', KEYS[2], member, '{}') end";
    let (count_text, score) = (count.to_string(), score.to_string());
    queue.command(&["EVAL", fill, "2", &key("delayed"), &key("messages"), &count_text, &score]).await;
    queue.pushed += count as i64;
}

#[tokio::test]
async fn with_room_for_one_due_and_fresh_take_turns_whoever_asks() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    delay(&mut queue, 10, 1).await;
    queue.push_many(10).await;
    let mut due = Vec::new();
    for i in 0..20 {
        let worker = if i % 3 == 0 { &mut a } else { &mut b };
        due.push(worker.claim_more(&mut queue, 1).await.token().starts_with('F'));
    }
    assert!(due.windows(2).all(|pair| pair[0] != pair[1]), "{due:?}");
    account(&mut queue).await;
}

#[tokio::test]
async fn an_urgent_message_passes_a_hundred_thousand_delayed_and_as_many_due() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    delay(&mut queue, 100_000, 1).await;
    delay(&mut queue, 100_000, 9_000_000_000_000).await;
    queue.push("pending", &(101..=150).map(message).collect::<Vec<_>>()).await;
    for n in 1..=5 {
        queue.push("pending:high", &[message(n)]).await;
        let mut claims = 0;
        loop {
            claims += 1;
            if a.claim_more(&mut queue, 1).await.texts() == [message(n)] {
                break;
            }
        }
        // At ten a second: within 200 ms. Every twentieth claim starts from the lowest lane.
        assert!(claims <= 3, "after {claims} claims");
    }
    let left: BTreeSet<_> = queue.list("pending:high").await.into_iter().collect();
    assert!(left.is_empty());
}
