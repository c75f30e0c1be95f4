//! What is due, what has lapsed, what is suspect, and what was left behind.

use super::account::account;
use super::call::{Ask, member, retry};
use super::queue::{Queue, key, message};
use super::worker::{Worker, two};

/// Parks messages `from..from + count`, due since `due` ms after 1970.
async fn park(queue: &mut Queue, from: u64, count: u64, due: u64) {
    let mut parker = Worker::new("PPPPPPPPPPP");
    parker.start = Box::leak(format!("P{from:010}").into_boxed_str());
    for n in from..from + count {
        queue.push("claimed", &[message(n)]).await;
        let token = parker.claim_more(queue, 1).await.token().to_owned();
        queue.settle(&retry("park", due, &[(&token, "", "")])).await;
    }
}

/// A delayed message that crashed a worker `crashes` times, put there by hand.
async fn suspect(queue: &mut Queue, n: u64, crashes: u64, due: u64) {
    let member = format!("SSSSSSSSSSS.{n}:p:{crashes}");
    queue.command(&["HSET", &key("messages"), &member, &message(n)]).await;
    queue.command(&["ZADD", &key("delayed"), &due.to_string(), &member]).await;
    queue.pushed += 1;
}

#[tokio::test]
async fn at_most_half_of_the_room_is_for_what_is_due_while_fresh_ones_wait() {
    for (room, due) in [(1, 1), (2, 1), (5, 3), (10, 5), (100, 20)] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        park(&mut queue, 1, 20, 1).await;
        queue.push("pending", &(101..=300).map(message).collect::<Vec<_>>()).await;
        let claimed = a.claim_more(&mut queue, room).await;
        let old = claimed.tokens().iter().filter(|token| token.starts_with('P')).count();
        assert_eq!((claimed.messages.len(), old), (room as usize, due), "room {room}");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn all_of_the_room_is_for_what_is_due_where_nothing_fresh_waits() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    park(&mut queue, 1, 20, 1).await;
    let claimed = a.claim_more(&mut queue, 15).await;
    assert_eq!((claimed.messages.len(), claimed.why.as_str()), (15, "more"));
    assert_eq!(a.claim_more(&mut queue, 15).await.messages.len(), 5);
    account(&mut queue).await;
}

#[tokio::test]
async fn what_is_not_due_stays_and_says_when() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    let now = queue.now().await as u64;
    park(&mut queue, 1, 1, now + 60_000).await;
    park(&mut queue, 2, 1, now + 90_000).await;
    for round in 0..2 {
        let claimed = a.claim(&mut queue, 5).await;
        assert_eq!((claimed.messages.len(), claimed.why.as_str()), (round, "empty"));
        assert!((50_000..=60_000).contains(&claimed.wait), "{}", claimed.wait);
        park(&mut queue, 3 + round as u64, 1, 1).await;
    }
    account(&mut queue).await;
}

#[tokio::test]
async fn a_delay_that_passes_by_the_clock_of_redis_makes_it_due() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    queue.settle(&retry("retry", 30, &[(&token, "", "")])).await;
    let due = queue.score("delayed", &member(&token)).await.expect("delayed");
    let server = &queue.server;
    let args = ["EVAL", "return redis.call('TIME')[1] * 1000 + redis.call('TIME')[2] / 1000", "0"];
    server.wait_until(&args, |now| now.int() > due, redispatch_testkit::LIMIT).await;
    assert_eq!(a.claim(&mut queue, 1).await.texts(), [message(1)]);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_lapsed_lease_is_taken_over_only_alone_and_only_when_allowed() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(9).await;
    let held = a.claim(&mut queue, 3).await;
    queue.lapse(&held.tokens()).await;
    for (alone, takeover, suspect) in [(false, true, 1), (true, false, 0), (false, false, 0)] {
        let ask = Ask { alone, takeover, ..b.ask(1) };
        let claimed = queue.claim(&ask).await;
        assert_eq!((claimed.messages.len(), claimed.takeovers, claimed.suspect), (1, 0, suspect));
        assert!(claimed.token().starts_with('B'), "a fresh one");
    }
    for left in (0..3).rev() {
        let claimed = b.claim(&mut queue, 100).await;
        assert_eq!((claimed.messages.len(), claimed.takeovers), (1, 1), "exactly one, though more wait");
        assert_eq!(claimed.why, "more");
        assert_eq!(claimed.suspect, i64::from(left > 0));
        assert!(held.tokens().iter().all(|token| *token != claimed.token()));
    }
    assert_eq!(b.claim(&mut queue, 100).await.takeovers, 0);
    assert_eq!(queue.counter("taken_over").await, 3);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_claim_that_waited_past_its_deadline_takes_nothing_over() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let held = a.claim(&mut queue, 1).await;
    queue.lapse(&held.tokens()).await;
    for (deadline, takeovers) in [(-1, 0), (60_000, 1)] {
        let mut call = b.ask(1).call();
        call.args[7] = (queue.now().await + deadline).to_string();
        assert_eq!(queue.run(&call).await.array()[4].int(), takeovers, "{deadline} ms from now");
    }
    account(&mut queue).await;
}

#[tokio::test]
async fn a_lease_that_has_not_lapsed_is_nobody_elses() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let held = a.claim(&mut queue, 1).await;
    let answer = b.claim(&mut queue, 1).await;
    assert_eq!((answer.messages.len(), answer.suspect), (0, 0));
    assert_eq!(queue.members("processing").await, held.tokens());
}

#[tokio::test]
async fn workers_of_different_leases_do_not_rob_each_other() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let long = Ask { lease: 3_600_000, ..a.ask(1) };
    let held = queue.claim(&long).await;
    let short = Ask { lease: 1, ..b.ask(1) };
    let brief = queue.claim(&short).await;
    let server = &queue.server;
    let past = "return redis.call('TIME')[1] * 1000 + redis.call('TIME')[2] / 1000 - 1";
    let ends = queue.client.command(&["ZSCORE", &key("processing"), brief.token()]).await.expect("answer");
    let ends: i64 = ends.text().parse().expect("a number");
    server.wait_until(&["EVAL", past, "0"], |now| now.int() > ends, redispatch_testkit::LIMIT).await;
    assert_eq!(b.claim(&mut queue, 5).await.texts(), [message(2)]);
    assert_eq!(b.claim(&mut queue, 5).await.messages, []);
    assert!(queue.members("processing").await.contains(&held.token().to_owned()));
    account(&mut queue).await;
}

#[tokio::test]
async fn a_due_suspect_comes_alone() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    suspect(&mut queue, 1, 2, 1).await;
    suspect(&mut queue, 2, 1, 2).await;
    park(&mut queue, 3, 1, 3).await;
    queue.push("pending", &(11..=20).map(message).collect::<Vec<_>>()).await;
    let more = a.claim_more(&mut queue, 4).await;
    assert_eq!(more.suspect, 1);
    let texts = more.texts();
    assert_eq!(texts.len(), 4);
    assert!(texts.contains(&message(3)) && !texts.contains(&message(1)) && !texts.contains(&message(2)));
    for (n, crashes) in [(1, 2), (2, 1)] {
        let alone = a.claim(&mut queue, 100).await;
        assert_eq!(alone.texts(), [message(n)], "nothing beside it");
        assert_eq!(alone.token().split(':').nth(2), Some(crashes.to_string().as_str()));
        assert_eq!((alone.takeovers, alone.why.as_str()), (0, "more"), "waiting is no crash");
    }
    account(&mut queue).await;
}

#[tokio::test]
async fn suspects_ahead_do_not_keep_back_what_is_due_for_ever() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    for n in 1..=6 {
        suspect(&mut queue, n, 1, n).await;
    }
    park(&mut queue, 10, 3, 100).await;
    let mut seen = Vec::new();
    for _ in 0..12 {
        seen.extend(a.claim(&mut queue, 2).await.texts());
    }
    assert_eq!(seen.len(), 9);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_token_without_bytes_is_removed_and_stops_nobody() {
    for alone in [true, false] {
        let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
        queue.push_many(3).await;
        let held = a.claim(&mut queue, 2).await;
        queue.lapse(&held.tokens()).await;
        queue.command(&["HDEL", &key("messages"), held.tokens()[0]]).await;
        queue.pushed -= 1;
        for n in 0..40 {
            queue.command(&["ZADD", &key("processing"), "0", &format!("left behind {n}")]).await;
        }
        let mut got = Vec::new();
        for _ in 0..5 {
            let ask = Ask { alone, ..b.ask(5) };
            got.extend(queue.claim(&ask).await.texts());
        }
        let expected = if alone { vec![message(2), message(3)] } else { vec![message(3)] };
        got.sort();
        assert_eq!(got, expected, "alone: {alone}");
        assert_eq!(queue.counter("orphans").await, 41, "alone: {alone}");
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn a_delayed_member_without_bytes_is_removed_and_claims_go_on() {
    for alone in [true, false] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        for n in 0..30 {
            let crashes = n % 2;
            queue.command(&["ZADD", &key("delayed"), "1", &format!("XXXXXXXXXXX.{n}:p:{crashes}")]).await;
        }
        park(&mut queue, 1, 3, 5).await;
        queue.push("pending", &[message(9)]).await;
        let mut got = Vec::new();
        for _ in 0..20 {
            let ask = Ask { alone, ..a.ask(4) };
            got.extend(queue.claim(&ask).await.texts());
        }
        got.sort();
        assert_eq!(got, [1, 2, 3, 9].map(message), "alone: {alone}");
        assert_eq!(queue.counter("orphans").await, 30);
        account(&mut queue).await;
    }
}

#[tokio::test]
async fn names_that_no_script_gave_out_stop_nobody() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    for (set, name, n) in
        [("processing", "by hand", 1), ("delayed", "by hand too", 2), ("delayed", "a:b:c", 3)]
    {
        queue.command(&["HSET", &key("messages"), name, &message(n)]).await;
        queue.command(&["ZADD", &key(set), "1", name]).await;
        queue.pushed += 1;
    }
    let mut got = Vec::new();
    for _ in 0..4 {
        got.extend(a.claim(&mut queue, 5).await.texts());
    }
    got.sort();
    assert_eq!(got, [1, 2, 3].map(message));
    account(&mut queue).await;
}

/// Shortest of some runs of claim, in µs of the server.
async fn quickest(queue: &mut Queue, worker: &mut Worker) -> i64 {
    let mut best = i64::MAX;
    for _ in 0..8 {
        queue.command(&["CONFIG", "RESETSTAT"]).await;
        assert_eq!(worker.claim_more(queue, 100).await.messages.len(), 100);
        let stats = queue.command(&["INFO", "commandstats"]).await;
        let line = stats
            .text()
            .lines()
            .find(|line| line.starts_with("cmdstat_evalsha:"))
            .expect("it ran")
            .to_owned();
        let usec = line.split("usec=").nth(1).and_then(|rest| rest.split(',').next()).expect("usec");
        best = best.min(usec.parse().expect("a number"));
    }
    best
}

#[tokio::test]
async fn two_hundred_thousand_due_at_once_hold_redis_no_longer_than_a_plain_claim() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(1_000).await;
    let plain = quickest(&mut queue, &mut a).await;
    queue.command(&["DEL", &key("pending"), &key("processing"), &key("messages")]).await;
    queue.pushed = 0;
    let fill = "for n = 1, 200000 do local member = 'F.' .. n .. ':p:0' \
                redis.call('ZADD', KEYS[1], n, member) redis.call('HSET', KEYS[2], member, '{}') end";
    queue.command(&["EVAL", fill, "2", &key("delayed"), &key("messages")]).await;
    queue.pushed = 200_000;
    let due = quickest(&mut queue, &mut b).await;
    assert!(due < 5 * plain + 1_000, "{due} µs, a plain one {plain} µs");
    assert_eq!(queue.command(&["ZCARD", &key("delayed")]).await.int(), 199_200);
}
