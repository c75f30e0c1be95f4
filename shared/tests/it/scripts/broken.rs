//! Numbers and hints that an operator's hand has spoiled.

use redispatch_testkit::Reply;

use super::account::timeless;
use super::call::{member, retry, split, sweep};
use super::every::{call_of, stage};
use super::queue::{Queue, SCRIPTS, key, message};
use super::worker::two;

const COUNTERS: [&str; 10] = [
    "cancelled",
    "enqueued",
    "sent",
    "retried",
    "dead_lettered",
    "taken_over",
    "duplicates",
    "stale_settles",
    "expired",
    "orphans",
];

/// All but the counters after a call and its repetition, where `spoil` came before them.
async fn after(script: &'static str, spoil: &[Vec<String>]) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut stage = stage().await;
    let call = call_of(script, &mut stage).await;
    let queue = &mut stage.queue;
    for command in spoil {
        queue.command(command).await;
    }
    let mut states = Vec::new();
    for run in [call.clone(), call.again()] {
        let reply = queue.run(&run).await;
        assert!(!matches!(reply, Reply::Error(_)), "{script}: {reply:?}");
        let mut state = timeless(queue).await;
        state.remove(&key("counters"));
        states.push(state);
    }
    states
}

#[tokio::test]
async fn a_broken_counter_stops_nothing_and_changes_nothing_else() {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let fields: Vec<_> = COUNTERS.iter().map(|name| words(&["HSET", &key("counters"), name, "x"])).collect();
    let no_hash = [words(&["SET", &key("counters"), "x"])];
    for script in SCRIPTS.into_iter().filter(|script| *script != "stats") {
        let sound = after(script, &[]).await;
        assert!(after(script, &fields).await == sound, "{script}, fields that are no numbers");
        assert!(after(script, &no_hash).await == sound, "{script}, no hash");
    }
}

#[tokio::test]
async fn a_takeover_with_a_broken_counter_loses_no_message() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(2).await;
    let held = a.claim(&mut queue, 2).await;
    queue.command(&["HSET", &key("counters"), "taken_over", "x", "orphans", "x"]).await;
    queue.lapse(&held.tokens()).await;
    queue.command(&["ZADD", &key("processing"), "1", "QQQQQQQQQQQ.1:p:0:QQQQQQQQQQQ.1"]).await;
    let mut texts = [b.claim(&mut queue, 1).await.texts(), b.claim(&mut queue, 1).await.texts()].concat();
    texts.sort();
    assert_eq!(texts, [message(1), message(2)]);
    assert_eq!(queue.members("processing").await.len(), 2);
    assert_eq!(queue.command(&["HLEN", &key("messages")]).await.int(), 2);
}

#[tokio::test]
async fn a_due_message_beside_an_orphan_is_not_lost_with_a_broken_counter() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    queue.settle(&retry("retry", 0, &[(&token, "", "")])).await;
    queue.command(&["ZADD", &key("delayed"), "1", "QQQQQQQQQQQ.1:p:0"]).await;
    queue.command(&["HSET", &key("counters"), "orphans", "x"]).await;
    let claimed = a.claim(&mut queue, 5).await;
    assert_eq!(claimed.texts(), [message(1)]);
    assert_eq!(queue.members("processing").await, claimed.tokens());
    assert_ne!(claimed.token(), member(&token));
    assert_eq!(queue.command(&["EXISTS", &key("delayed")]).await.int(), 0);
}

#[tokio::test]
async fn a_lane_credit_that_is_none_starves_no_lane() {
    for junk in ["x", "nan", "inf", "-1e300", ""] {
        let (mut queue, (mut a, _)) = (Queue::start().await, two());
        queue.push("pending", &(1..=50).map(message).collect::<Vec<_>>()).await;
        queue.push("pending:low", &(101..=150).map(message).collect::<Vec<_>>()).await;
        queue.command(&["HSET", &key("control"), "lane_credit", junk]).await;
        let texts = a.claim(&mut queue, 8).await.texts();
        let low = texts.iter().filter(|text| (101..=150).any(|n| **text == message(n))).count();
        assert_eq!((texts.len(), low), (8, 2), "credit {junk:?}: 3 of `pending` to 1 of `low`");
    }
}

#[tokio::test]
async fn a_gate_that_is_no_number_is_closed() {
    for (field, why) in [("paused_until", "paused"), ("throttled_until", "throttled")] {
        for junk in ["x", "nan", "-1"] {
            let (mut queue, (mut a, _)) = (Queue::start().await, two());
            queue.push_many(1).await;
            queue.command(&["HSET", &key("control"), field, junk]).await;
            let claimed = a.claim(&mut queue, 1).await;
            assert_eq!((claimed.why.as_str(), claimed.messages.len()), (why, 0), "{junk}");
            assert!(claimed.wait < 0, "{junk}: {}", claimed.wait);
        }
    }
}

#[tokio::test]
async fn a_fence_that_is_no_number_stops_no_claim() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    queue.command(&["HSET", &key("claims"), a.start, "x"]).await;
    assert_eq!(a.claim(&mut queue, 1).await.texts(), [message(1)]);
}

#[tokio::test]
async fn a_split_with_a_broken_counter_writes_its_parts_once() {
    let (mut queue, (mut a, _)) = (Queue::start().await, two());
    queue.push_many(1).await;
    let token = a.claim(&mut queue, 1).await.token().to_owned();
    queue.command(&["HSET", &key("counters"), "sent", "x", "retried", "x", "dead_lettered", "x"]).await;
    let (later, never) = (message(51), message(52));
    let parts = [
        ("retry", "AAAAAAAAAAA.51:p:0", 60_000, later.as_str(), ""),
        ("dead", "AAAAAAAAAAA.52:p:0", 0, never.as_str(), ""),
    ];
    let call = split(&token, "", &parts);
    queue.settle(&call).await;
    for _ in 0..2 {
        assert_eq!(queue.texts(&call.again()).await, [token.as_str()]);
    }
    assert_eq!(queue.list("dead_letter").await, [never.as_str()]);
    let bytes = queue.command(&["HVALS", &key("messages")]).await;
    assert_eq!(bytes.array().iter().map(Reply::text).collect::<Vec<_>>(), [later.as_str()]);
    assert_eq!(queue.command(&["EXISTS", &key("processing")]).await.int(), 0);
}

#[tokio::test]
async fn an_orphan_member_hides_an_orphan_message_from_no_forced_sweep() {
    let (mut queue, (mut a, mut b)) = (Queue::start().await, two());
    queue.push_many(700).await;
    for _ in 0..7 {
        a.claim(&mut queue, 100).await;
    }
    let token = queue.members("processing").await[350].clone();
    queue.command(&["ZREM", &key("processing"), &token]).await;
    let never = (queue.now().await + 3_600_000).to_string();
    queue.command(&["ZADD", &key("delayed"), &never, "QQQQQQQQQQQ.1:p:0"]).await;
    let step = |cursor: &str, force: &str| {
        let mut call = sweep(cursor, 30_000, 3_600_000);
        (call.args[1], call.args[4]) = ("32".into(), force.into());
        call
    };
    let reply = queue.run(&step("0", "0")).await;
    assert_eq!((reply.array()[0].text(), reply.array()[1].int()), ("0", 0), "the counts agree");

    let (mut cursor, mut restored, mut force) = ("0".to_owned(), 0, "1");
    while force == "1" || cursor != "0" {
        let reply = queue.run(&step(&cursor, force)).await;
        (cursor, force) = (reply.array()[0].text().to_owned(), "0");
        restored += reply.array()[1].int();
    }
    assert_eq!(restored, 1);
    queue.lapse(&[&token]).await;
    assert_eq!(b.claim(&mut queue, 1).await.takeovers, 1);
}
