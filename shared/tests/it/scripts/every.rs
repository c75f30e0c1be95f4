//! What is asked of every script alike.

use redispatch_testkit::Reply;

use super::account::{account, dump, timeless};
use super::call::{self, Call};
use super::orders;
use super::queue::{Queue, SCRIPTS, key, status};
use super::worker::{Worker, two};

/// A queue where every key holds something, and a worker with messages in hand: m1 to m3 begun, m4 to m6 not.
pub(super) struct Stage {
    pub(super) queue: Queue,
    worker: Worker,
    tokens: Vec<String>,
}

/// Of a schedule; scripts only compare it.
const DEFINITION: &str = r#"{"pattern":"0 1 * * *"}"#;

const EDITED: &str = r#"{"n":1,"edited":true}"#;

fn m(n: u64) -> String {
    format!(r#"{{"id":"m{n}","n":{n}}}"#)
}

pub(super) async fn stage() -> Stage {
    let (mut queue, (mut worker, mut dead)) = (Queue::start().await, two());
    queue.push("pending", &(1..=10).map(m).collect::<Vec<_>>()).await;
    let claimed = worker.claim(&mut queue, 8).await;
    let tokens: Vec<_> = claimed.tokens().into_iter().map(str::to_owned).collect();
    let ids: Vec<_> = (1..=8).map(|n| format!("m{n}")).collect();
    let pairs: Vec<_> = [0, 1, 2, 6, 7].map(|n| (tokens[n].as_str(), ids[n].as_str())).to_vec();
    queue.texts(&call::begin(&pairs)).await;
    queue.settle(&call::retry("retry", 3_600_000, &[(&tokens[6], "m7", "")])).await;
    queue.settle(&call::dead_letter("reject", &[(&tokens[7], "m8", &m(8))])).await;
    queue.push("pending:high", &[m(11)]).await;
    queue.push("pending:low", &[m(12)]).await;
    queue.push("claimed", &[m(13)]).await;
    queue.command(&["HSET", &key("control"), "lane_credit", "0"]).await;
    worker.beat(&mut queue, 30_000).await;
    dead.seq = 1;
    dead.beat(&mut queue, 30_000).await;
    Stage { queue, worker, tokens }
}

/// A run of `script` that changes something on this stage (stats aside).
pub(super) async fn call_of(script: &str, stage: &mut Stage) -> Call {
    let t: Vec<_> = stage.tokens.iter().map(String::as_str).collect();
    match script {
        "begin" => call::begin(&[(t[3], "m4"), (t[4], "m5")]),
        "breaker" => call::breaker(&[(t[0], "config", false), (t[1], "unavailable", false)]),
        "cancel" => orders::cancel("m7", "list", 0),
        "claim" => stage.worker.ask(20).call(),
        "clean" => call::clean("dead", 9_999_999_999_999, &[(&line_of(t[7]), "m8")]),
        "complete" => call::complete(&[(t[0], "m1"), (t[5], "")]),
        "dead_letter" => call::dead_letter("expired", &[(t[0], "m1", EDITED), (t[5], "", &m(6))]),
        "dead_take" => call::dead_take(1, &m(8), "requeue", "m8"),
        "dead_turn" => call::dead_turn(1, &[m(8)], &[(1, "h", "m8")]),
        "enqueue" => orders::enqueue("p", &[("m20", &m(20)), ("m21", &m(21))]),
        "extend" => call::extend(60_000, &[t[0], t[5]]),
        "fire" => {
            let last = ["HSET", &key("schedules"), "daily", DEFINITION, "daily:last", "1700000000000"];
            stage.queue.command(&last).await;
            call::fire("daily", DEFINITION, "1700000000000", 1_700_000_060_000, "h", &m(40))
        }
        "heartbeat" => call::heartbeat("host.AAAAAAAAAAA", "AAAAAAAAAAA", ""),
        "import" => {
            call::import("", "2:x", &[("pending", "", &m(30), "m30"), ("delayed", "A.9:p:0", &m(31), "m31")])
        }
        "intake" => orders::intake(true, "why"),
        "note" => call::note(t[0], "m1", "50", r#"{"at":1700000000000,"line":"half of it"}"#),
        "orphans" => {
            stage.queue.command(&["ZADD", &key("delayed"), "1", "QQQQQQQQQQQ.1:p:0"]).await;
            call::orphans("delayed", "processing", "0", true)
        }
        "pause" => call::pause(60_000, "why"),
        "release" => call::release(5_000, &[(t[5], "h", "", ""), (t[0], "p", EDITED, "m1")]),
        "reschedule" => {
            let edited = m(9).replace('}', r#","send_at":9999999999999}"#);
            orders::reschedule("m9", "pending", 0, "S.9:p:0", &m(9), &edited, 9_999_999_999_999)
        }
        "resume" => {
            stage.queue.command(&["HSET", &key("control"), "paused_until", "-1"]).await;
            call::resume("-1")
        }
        "retry" => call::retry("retry", 5_000, &[(t[0], "m1", EDITED), (t[5], "", "")]),
        "schedule_add" => call::schedule_add("daily", DEFINITION),
        "seek" => orders::seek("pending", 0, 10, "m9"),
        "split" => {
            let parts = [
                ("retry", "AAAAAAAAAAA.50:p:0", 5_000, EDITED, "m1·1"),
                ("dead", "AAAAAAAAAAA.51:p:0", 0, r#"{"n":51}"#, ""),
            ];
            call::split(t[0], "m1", &parts)
        }
        "stats" => call::stats(),
        "sweep" => {
            stage.queue.command(&["ZREM", &key("processing"), t[0]]).await;
            stage.queue.command(&["ZADD", &key("processing"), "XX", "9999999999999", t[1]]).await;
            call::sweep("0", 30_000, 3_600_000)
        }
        "take_out" => {
            stage.queue.command(&["HSET", &status("m10"), "state", "cancelled"]).await;
            stage.queue.command(&["HINCRBY", &key("counters"), "cancelled", "1"]).await;
            orders::take_out("pending", "m10", &m(10))
        }
        other => panic!("no call of {other} here"),
    }
}

/// The line of `recent` that the dead letter of this token left.
fn line_of(token: &str) -> String {
    format!(r#"{{"id":"{token}","state":"dead"}}"#)
}

/// Messages that a call adds to those pushed.
fn made(script: &str) -> i64 {
    match script {
        "enqueue" | "import" | "split" => 2,
        "fire" => 1,
        _ => 0,
    }
}

#[tokio::test]
async fn a_repetition_has_one_effect() {
    for script in SCRIPTS {
        let mut stage = stage().await;
        let call = call_of(script, &mut stage).await;
        let queue = &mut stage.queue;
        let before = dump(queue).await;
        let first = queue.run(&call).await;
        assert!(!matches!(first, Reply::Error(_)), "{script}: {first:?}");
        let once = timeless(queue).await;
        if !matches!(script, "seek" | "stats") {
            assert_ne!(dump(queue).await, before, "{script} changes nothing here, so this shows nothing");
        }
        for _ in 0..2 {
            let reply = queue.run(&call.again()).await;
            assert!(!matches!(reply, Reply::Error(_)), "{script}: {reply:?}");
            assert_eq!(timeless(queue).await, once, "{script}");
        }
        assert_eq!(queue.counter("stale_settles").await, 0, "{script}");
        queue.pushed += made(script);
        account(queue).await;
    }
}

#[tokio::test]
async fn a_lost_token_changes_nothing_but_the_count() {
    for (script, stale) in [
        ("begin", 0),
        ("complete", 2),
        ("dead_letter", 2),
        ("extend", 0),
        ("note", 0),
        ("release", 2),
        ("retry", 2),
        ("split", 1),
    ] {
        let mut stage = stage().await;
        let call = call_of(script, &mut stage).await;
        let mut other = Worker::new("CCCCCCCCCCC");
        let queue = &mut stage.queue;
        let tokens: Vec<_> = stage.tokens[..6].iter().map(String::as_str).collect();
        queue.lapse(&tokens).await;
        for _ in &tokens {
            assert_eq!(other.claim(queue, 1).await.takeovers, 1);
        }
        let mut before = dump(queue).await;
        assert_ne!(queue.gone(&call).await, 0, "{script} says that some were lost");
        if stale > 0 {
            let counters = before.get_mut(&key("counters")).expect("counters");
            counters.push(format!("stale_settles = {stale}"));
            counters.sort();
        }
        assert_eq!(dump(queue).await, before, "{script}");
        account(queue).await;
    }
}

/// The call, and for claim also that of a worker that is new or holds other messages.
fn variants(call: &Call) -> impl Iterator<Item = Call> + use<> {
    let mut others = Vec::new();
    for flag in if call.script == "claim" { 6..8 } else { 0..0 } {
        let mut other = call.clone();
        other.args[flag] = "0".into();
        others.push(other);
    }
    std::iter::once(call.clone()).chain(others)
}

#[tokio::test]
async fn a_key_of_a_wrong_type_is_an_error_and_changes_nothing() {
    for script in SCRIPTS {
        let mut stage = stage().await;
        let call = call_of(script, &mut stage).await;
        let queue = &mut stage.queue;
        // Statuses are hints and counters only count: neither may stop the queue.
        let may_be_anything =
            |name: &str| name.contains(":status:") || (script != "stats" && name.ends_with(":counters"));
        let refused = call.keys.iter().filter(|name| !may_be_anything(name));
        let runs: Vec<_> = refused.flat_map(|name| variants(&call).map(move |run| (name, run))).collect();
        for (name, run) in runs {
            let existed = queue.command(&["EXISTS", name]).await.int() == 1;
            if existed {
                queue.command(&["RENAME", name, "aside"]).await;
            }
            queue.command(&["SET", name, "x"]).await;
            let before = dump(queue).await;
            let reply = queue.run(&run).await;
            assert!(
                matches!(&reply, Reply::Error(text) if text.contains("WRONGTYPE")),
                "{script} {name}: {reply:?}"
            );
            assert_eq!(dump(queue).await, before, "{script} {name} {:?}", run.args);
            queue.command(&["DEL", name]).await;
            if existed {
                queue.command(&["RENAME", "aside", name]).await;
            }
        }
        let mended = queue.run(&call).await;
        assert!(!matches!(mended, Reply::Error(_)), "{script}: {mended:?}");
    }
}

#[tokio::test]
async fn a_status_that_is_no_hash_is_replaced_and_stops_no_script() {
    let mut replaced = 0;
    // These write to a status only where it says what they look for.
    for script in SCRIPTS.into_iter().filter(|script| !matches!(*script, "clean" | "note" | "take_out")) {
        let mut stage = stage().await;
        let call = call_of(script, &mut stage).await;
        let queue = &mut stage.queue;
        let statuses: Vec<_> = call.keys.iter().filter(|name| name.contains(":status:")).collect();
        for name in &statuses {
            queue.command(&["DEL", name]).await;
            queue.command(&["LPUSH", name, "x"]).await;
        }
        let reply = queue.run(&call).await;
        assert!(!matches!(reply, Reply::Error(_)), "{script}: {reply:?}");
        for name in &statuses {
            assert_eq!(queue.command(&["TYPE", name]).await.text(), "hash", "{script} {name}");
            assert_ne!(queue.command(&["HGET", name, "state"]).await, Reply::Nil, "{script} {name}");
            replaced += 1;
        }
        queue.pushed += made(script);
        account(queue).await;
    }
    assert!(replaced > 8, "{replaced}");
}

#[tokio::test]
async fn at_maxmemory_all_but_intake_goes_on() {
    for script in SCRIPTS {
        let mut stage = stage().await;
        let call = call_of(script, &mut stage).await;
        let queue = &mut stage.queue;
        let before = dump(queue).await;
        queue.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"]).await;
        let reply = queue.run(&call).await;
        if matches!(script, "enqueue" | "fire" | "import" | "schedule_add") {
            assert!(matches!(&reply, Reply::Error(text) if text.starts_with("OOM")), "{reply:?}");
            assert_eq!(dump(queue).await, before);
        } else {
            assert!(!matches!(reply, Reply::Error(_)), "{script}: {reply:?}");
            queue.pushed += made(script);
        }
        account(queue).await;
    }
}
