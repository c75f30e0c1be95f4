//! The breaker: when it opens, for how long, and when it closes.

use redispatch_testkit::Reply;

use super::account::{account, dump};
use super::call::{self, Call, breaker, release, retry};
use super::queue::{Claimed, Queue, key, message};
use super::worker::{Worker, two};

pub(super) async fn field(queue: &mut Queue, name: &str) -> String {
    match queue.command(&["HGET", &key("control"), name]).await {
        Reply::Nil => String::new(),
        value => value.text().to_owned(),
    }
}

pub(super) async fn set(queue: &mut Queue, name: &str, value: &str) {
    queue.command(&["HSET", &key("control"), name, value]).await;
}

/// The pause in ms and the verdicts.
pub(super) async fn tell(queue: &mut Queue, call: &Call) -> (i64, Vec<String>) {
    let reply = queue.run(call).await;
    let values = reply.array();
    (values[1].int(), values[2..].iter().map(|verdict| verdict.text().to_owned()).collect())
}

/// Tells of one failure, and gives the verdict.
pub(super) async fn fail(queue: &mut Queue, token: &str, kind: &'static str) -> String {
    tell(queue, &breaker(&[(token, kind, false)])).await.1.remove(0)
}

/// Claims `n` messages and has the first one open the breaker; all go back to the front of `lane`.
pub(super) async fn opened_by_the_first(
    queue: &mut Queue,
    worker: &mut Worker,
    n: u64,
    lane: &'static str,
) -> Claimed {
    let claimed = worker.claim(queue, n).await;
    assert_eq!(claimed.messages.len() as u64, n);
    assert_eq!(fail(queue, claimed.tokens()[0], "config").await, "opened");
    let back: Vec<_> = claimed.tokens().into_iter().rev().map(|token| (token, lane, "", "")).collect();
    queue.settle(&release(0, &back)).await;
    claimed
}

pub(super) async fn half_open(queue: &mut Queue) {
    set(queue, "breaker_until", "1").await;
}

/// The one message that tries.
pub(super) async fn probe(queue: &mut Queue, worker: &mut Worker) -> Claimed {
    half_open(queue).await;
    let claimed = worker.claim(queue, 10).await;
    assert_eq!((claimed.why.as_str(), claimed.messages.len()), ("probing", 1));
    claimed
}

#[tokio::test]
async fn it_opens_where_it_is_the_providers_fault() {
    for (kind, needed) in [("config", 1), ("sender", 2), ("unreachable", 3), ("unavailable", 5)] {
        let mut queue = Queue::start().await;
        for n in 1..=needed {
            let verdict = fail(&mut queue, &format!("A.{n}:p:0:A.{n}"), kind).await;
            assert_eq!(verdict, if n == needed { "opened" } else { "counted" }, "{kind} {n}");
        }
        assert_eq!(field(&mut queue, "breaker_why").await, "refused");
        assert_eq!(field(&mut queue, "breaker_pause").await, "1000");
    }
}

#[tokio::test]
async fn a_lone_message_that_fails_again_and_again_is_at_fault_itself() {
    for kind in ["sender", "unavailable"] {
        let mut queue = Queue::start().await;
        for n in 1..=12 {
            let call = breaker(&[(&format!("A.1:p:0:B.{n}"), kind, n > 9)]);
            assert_eq!(tell(&mut queue, &call).await, (0, vec!["counted".to_owned()]), "{kind} {n}");
        }
        let other = tell(&mut queue, &breaker(&[("A.2:p:0:B.50", kind, true)])).await;
        assert_eq!(other, (1000, vec!["opened".to_owned()]), "{kind}: now another one fails too");
    }
}

#[tokio::test]
async fn a_last_retry_is_not_spent_where_another_message_failed_too() {
    let mut queue = Queue::start().await;
    assert_eq!(fail(&mut queue, "A.1:p:0:A.1", "unavailable").await, "counted");
    let last = breaker(&[("A.2:p:0:A.2", "unavailable", true)]);
    assert_eq!(tell(&mut queue, &last).await, (1000, vec!["opened".to_owned()]));
    // Sender and provider are two rows.
    let mut queue = Queue::start().await;
    assert_eq!(fail(&mut queue, "A.1:p:0:A.1", "sender").await, "counted");
    assert_eq!(tell(&mut queue, &last).await, (0, vec!["counted".to_owned()]));
}

#[tokio::test]
async fn a_message_that_is_sent_ends_the_row_and_closes_it() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(4).await;
    let held = a.claim(&mut queue, 4).await;
    for token in &held.tokens()[..2] {
        assert_eq!(fail(&mut queue, token, "unreachable").await, "counted");
    }
    queue.settle(&call::complete(&[(held.tokens()[3], "")])).await;
    assert_eq!(field(&mut queue, "breaker").await, "");
    assert_eq!(fail(&mut queue, held.tokens()[2], "unreachable").await, "counted", "the first of a new row");
    assert_eq!(fail(&mut queue, held.tokens()[0], "config").await, "opened");
    // What was settled before closes nothing: its token says nothing about now.
    assert_eq!(queue.gone(&call::complete(&[(held.tokens()[3], "")]).again()).await, 1);
    assert_eq!(a.claim(&mut queue, 4).await.why, "open");
    queue.settle(&call::split(held.tokens()[1], "", &[])).await;
    assert_eq!(a.claim(&mut queue, 4).await.why, "empty");
    account(&mut queue).await;
}

#[tokio::test]
async fn failures_of_what_was_in_flight_do_not_lengthen_the_pause() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(6).await;
    let held = a.claim(&mut queue, 6).await;
    let together: Vec<_> = held.tokens()[..3].iter().map(|token| (*token, "config", false)).collect();
    let (pause, verdicts) = tell(&mut queue, &breaker(&together)).await;
    assert_eq!((pause, verdicts.join(" ")), (1000, "opened open open".to_owned()));
    let until = field(&mut queue, "breaker_until").await;
    for token in &held.tokens()[3..] {
        assert_eq!(fail(&mut queue, token, "unavailable").await, "open");
    }
    half_open(&mut queue).await;
    assert_eq!(fail(&mut queue, held.tokens()[3], "unreachable").await, "open", "half open too");
    assert_eq!(field(&mut queue, "breaker_pause").await, "1000");
    assert!(until.parse::<i64>().unwrap() > 1);
}

#[tokio::test]
async fn a_lost_reply_counts_nothing_twice() {
    // In a row of five the fourth is told again.
    let mut queue = Queue::start().await;
    for n in 1..=4 {
        for run in 0..3 {
            let verdict = fail(&mut queue, &format!("A.{n}:p:0:A.{n}"), "unavailable").await;
            assert_eq!(verdict, "counted", "{n}, run {run}");
        }
    }
    // What opened it, and what kept it open, does so once.
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(5).await;
    opened_by_the_first(&mut queue, &mut a, 1, "p").await;
    let token = probe(&mut queue, &mut a).await.token().to_owned();
    let call = breaker(&[(&token, "config", false)]);
    assert_eq!(tell(&mut queue, &call).await, (2000, vec!["kept".to_owned()]));
    let once = dump(&mut queue).await;
    assert_eq!(tell(&mut queue, &call).await, (0, vec!["open".to_owned()]));
    assert_eq!(dump(&mut queue).await, once);
}

#[tokio::test]
async fn each_failed_probe_doubles_the_pause_up_to_the_longest() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(3).await;
    opened_by_the_first(&mut queue, &mut a, 1, "p").await;
    for pause in [2000, 4000, 8000, 8000] {
        let token = probe(&mut queue, &mut a).await.token().to_owned();
        assert_eq!(tell(&mut queue, &breaker(&[(&token, "unavailable", true)])).await.0, pause);
        let wait = a.claim(&mut queue, 10).await;
        assert_eq!(wait.why, "open");
        assert!((1..=pause).contains(&wait.wait), "{}", wait.wait);
        queue.settle(&release(0, &[(&token, "p", "", "")])).await;
    }
    account(&mut queue).await;
}

#[tokio::test]
async fn while_it_is_open_nothing_is_claimed_from_anywhere() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(4).await;
    let held = a.claim(&mut queue, 3).await;
    for (n, list) in [(10, "claimed"), (11, "pending:high"), (12, "pending:low")] {
        queue.push(list, &[message(n)]).await;
    }
    queue.settle(&retry("park", 1, &[(held.tokens()[0], "", "")])).await;
    queue.lapse(&held.tokens()[1..2]).await;
    assert_eq!(fail(&mut queue, held.tokens()[2], "config").await, "opened");
    let before = dump(&mut queue).await;
    for worker in [&mut a, &mut b] {
        let nothing = worker.claim(&mut queue, 100).await;
        assert_eq!((nothing.why.as_str(), nothing.messages.len()), ("open", 0));
    }
    assert_eq!(dump(&mut queue).await, before);
    account(&mut queue).await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_does_not_keep_it_open() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(3).await;
    opened_by_the_first(&mut queue, &mut a, 1, "p").await;
    let year = queue.now().await + 365 * 86_400_000;
    set(&mut queue, "breaker_until", &year.to_string()).await;
    let claimed = a.claim(&mut queue, 10).await;
    assert_eq!((claimed.why.as_str(), claimed.messages.len()), ("probing", 1));
    // The next pause is one of the clock as it is now.
    assert_eq!(fail(&mut queue, claimed.token(), "config").await, "kept");
    let wait = a.claim(&mut queue, 10).await.wait;
    assert!((1..=2000).contains(&wait), "{wait}");
}

#[tokio::test]
async fn what_an_operator_writes_into_it_stops_nobody_for_ever() {
    for name in
        ["breaker_until", "breaker_pause", "breaker_why", "breaker_opener", "breaker_probe", "breaker_failed"]
    {
        for value in ["-1", "nan", "inf", "-inf", "9e99", "x", "", "0", "[=:", "a b=c:d"] {
            let (mut queue, (mut a, _)) = (Queue::start().await, two());
            queue.push_many(4).await;
            opened_by_the_first(&mut queue, &mut a, 1, "p").await;
            set(&mut queue, name, value).await;
            for pause in [2000, 4000, 8000] {
                half_open(&mut queue).await;
                if matches!(name, "breaker_until" | "breaker_probe") {
                    set(&mut queue, name, value).await;
                }
                let claimed = a.claim(&mut queue, 10).await;
                assert_eq!((claimed.why.as_str(), claimed.messages.len()), ("probing", 1), "{name} {value}");
                let (paused, verdict) =
                    tell(&mut queue, &breaker(&[(claimed.token(), "config", false)])).await;
                assert_eq!(verdict, ["kept"], "{name} {value}");
                assert!(name == "breaker_pause" || paused == pause, "{name} {value}: {paused} ms");
                assert!((1000..=8000).contains(&paused), "{name} {value}: {paused} ms");
                queue.settle(&release(0, &[(claimed.token(), "p", "", "")])).await;
            }
            set(&mut queue, "breaker", value).await;
            assert_ne!(a.claim(&mut queue, 10).await.messages, [], "{value} is not open");
            account(&mut queue).await;
        }
    }
}

#[tokio::test]
async fn a_row_of_any_length_is_kept_short() {
    let mut queue = Queue::start().await;
    for n in 1..=200 {
        // Two messages in turn and never the fifth: only the field grows.
        let call = breaker(&[(&format!("A.1:p:0:AAAAAAAAAAA.{n}"), "unavailable", false)]);
        assert_eq!(tell(&mut queue, &call).await.0, 0);
    }
    let length = field(&mut queue, "breaker_failed").await.len();
    assert!((500..=1000).contains(&length), "{length}");
    assert_eq!(fail(&mut queue, "A.2:p:0:A.9", "unavailable").await, "opened");
}

#[tokio::test]
async fn a_throttle_opens_nothing_and_hears_how_many_were_sent() {
    let mut queue = Queue::start().await;
    for (counter, sent) in [("", 0), ("7", 7), ("x", 0)] {
        if !counter.is_empty() {
            queue.command(&["HSET", &key("counters"), "sent", counter]).await;
        }
        let reply = queue.run(&breaker(&[("A.1:p:0:A.1", "throttle", true)])).await;
        assert_eq!((reply.array()[0].int(), reply.array()[2].text()), (sent, "counted"));
    }
    assert_eq!(queue.command(&["EXISTS", &key("control")]).await.int(), 0);
    queue.command(&["DEL", &key("counters")]).await;
    queue.command(&["SET", &key("counters"), "x"]).await;
    assert_eq!(fail(&mut queue, "A.1:p:0:A.1", "config").await, "opened", "counters only count");
}
