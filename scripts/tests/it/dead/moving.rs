//! `dead requeue` and `dead purge`.

use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;

use super::{DEAD_TURN, hash};
use crate::queue::{DEAD, PENDING, fill, length, letter, numbers, oldest_first, push};
use crate::run::{command, finish, queuectl};

#[tokio::test]
async fn a_dry_run_counts_and_touches_nothing_and_then_exactly_those_move() {
    let redis = RedisServer::start().await;
    fill(&redis, 3_000).await;
    let before = oldest_first(&redis, DEAD).await;
    let requeue = ["dead", "requeue", "--queue", "email", "--code", "535"];
    let dry = queuectl(&redis, &[&requeue[..], &["--dry-run"]].concat()).await.with_code(0);
    assert_eq!(dry.stdout, "email: would requeue 1,000 dead letters; nothing was changed\n");
    assert_eq!(dry.stderr, "    1,000 × smtp 535 (reject)\n");
    assert_eq!(oldest_first(&redis, DEAD).await, before);
    assert_eq!(redis.command(&["KEYS", "*"]).await.array().len(), 1);

    let ran = queuectl(&redis, &[&requeue[..], &["--yes"]].concat()).await.with_code(0);
    assert_eq!(ran.stdout, "email: requeued 1,000 dead letters\n");
    let (moved, kept): (Vec<_>, Vec<_>) = before.into_iter().enumerate().partition(|(n, _)| n % 3 == 0);
    assert_eq!(
        oldest_first(&redis, PENDING).await,
        moved.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>()
    );
    assert_eq!(
        oldest_first(&redis, DEAD).await,
        kept.into_iter().map(|(_, bytes)| bytes).collect::<Vec<_>>()
    );
    let state = redis.command(&["HGET", "queue:email:status:m0", "state"]).await;
    assert_eq!(state.text(), "waiting", "its id is taken again");
    assert_eq!(redis.command(&["EXISTS", "queue:email:control"]).await.int(), 0);
}

#[tokio::test]
async fn each_goes_back_to_its_own_lane() {
    let redis = RedisServer::start().await;
    let lanes = ["high", "pending", "low", "claimed", "nonsense"];
    push(&redis, DEAD, lanes.iter().enumerate().map(|(n, lane)| letter(n, "535", lane))).await;
    push(&redis, DEAD, ["no JSON".to_owned()].into_iter()).await;
    queuectl(&redis, &["dead", "requeue", "--queue", "email", "--all", "--yes"]).await.with_code(0);
    assert_eq!(numbers(&redis, "queue:email:pending:high").await, [0]);
    assert_eq!(numbers(&redis, "queue:email:pending:low").await, [2]);
    assert_eq!(length(&redis, PENDING).await, 4);
    assert_eq!(length(&redis, DEAD).await, 0);
}

#[tokio::test]
async fn a_limit_takes_the_oldest() {
    let redis = RedisServer::start().await;
    fill(&redis, 20).await;
    let args = ["dead", "requeue", "--queue", "email", "--code", "535", "--limit", "3", "--yes"];
    queuectl(&redis, &args).await.with_code(0);
    assert_eq!(numbers(&redis, PENDING).await, [0, 3, 6]);
    let left: Vec<_> = (0..20).filter(|n| ![0, 3, 6].contains(n)).collect();
    assert_eq!(numbers(&redis, DEAD).await, left, "in their old order");
}

#[tokio::test]
async fn what_is_purged_is_gone_and_the_rest_is_as_it_was() {
    let redis = RedisServer::start().await;
    fill(&redis, 600).await;
    let ran =
        queuectl(&redis, &["dead", "purge", "--queue", "email", "--error", "550 5.7", "--yes", "--json"])
            .await;
    assert_eq!(
        ran.with_code(0).json(),
        serde_json::json!({"queue": "email", "purged": 400, "dry_run": false})
    );
    assert_eq!(numbers(&redis, DEAD).await, (0..600).step_by(3).collect::<Vec<_>>());
    assert_eq!(length(&redis, PENDING).await, 0);
    let before = ["dead", "purge", "--queue", "email", "--before", "2026-01-02T03:04:30Z", "--yes"];
    queuectl(&redis, &before).await.with_code(0);
    assert!(numbers(&redis, DEAD).await.iter().all(|n| n % 60 >= 30));
}

#[tokio::test]
async fn a_mass_change_needs_a_selector_and_asks() {
    let redis = RedisServer::start().await;
    fill(&redis, 4).await;
    for (args, says) in [
        (&["requeue"][..], "nothing chooses which ones"),
        (&["purge", "--yes"], "nothing chooses which ones"),
        (&["purge", "--yes", "--limit", "2"], "nothing chooses which ones"),
        (&["purge", "--yes", "--all", "--code", "535"], "--all is given beside what chooses"),
        (&["purge", "--all"], "nobody is here to ask: purge 4 dead letters of email?"),
        (&["requeue", "--id", "m1"], "nobody is here to ask: requeue 1 dead letter of email?"),
        (&["requeue", "--all", "--per-second", "0"], "write 0.001 to 1000000"),
        (&["purge", "--before", "yesterday"], "write 2026-01-31T12:00:00Z"),
    ] {
        let args = [&["dead"], args, &["--queue", "email"]].concat();
        let ran = queuectl(&redis, &args).await.with_code(2);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
        assert_eq!(numbers(&redis, DEAD).await, [0, 1, 2, 3]);
    }
}

/// The answer to a call of the turn is lost, whichever it is: the look, each step, the end. `limit` of all are meant.
async fn lost(count: usize, limit: usize, then: Then, script: &str, more: &[&str]) {
    let mut told = 0;
    for call in 0..if more.is_empty() { 4 } else { limit } {
        let redis = RedisServer::start().await;
        fill(&redis, count).await;
        let proxy = Proxy::start(redis.addr());
        let hash = hash(&redis, script).await;
        let home = tempfile::tempdir().unwrap();
        let limited = limit.to_string();
        let args = [&["dead", "requeue", "-q", "email", "--error", "5", "--limit", &limited, "--yes"], more]
            .concat();
        let requeue = finish(command(&proxy.url(), home.path(), &args), b"");
        let watch = proxy.watch(&hash);
        let losing = async {
            if call > 0 {
                watch.wait_seen(call).await;
            }
            proxy.lose_reply(&hash, then)
        };
        let (ran, _) = tokio::join!(requeue, losing);
        if ran.stderr.contains("changed: nothing") {
            // Nobody was asked to change anything yet.
            assert_eq!(numbers(&redis, DEAD).await, (0..count).collect::<Vec<_>>(), "{call}: {ran:?}");
            told += 1;
            continue;
        }
        let ran = ran.with_code(0);
        assert!(ran.stdout.starts_with(&format!("email: requeued {limit} dead letter")), "{call}: {ran:?}");
        assert_eq!(numbers(&redis, PENDING).await, (0..limit).collect::<Vec<_>>(), "{call}");
        assert_eq!(numbers(&redis, DEAD).await, (limit..count).collect::<Vec<_>>(), "{call}");
        assert_eq!(redis.command(&["EXISTS", "queue:email:control"]).await.int(), 0, "{call}");
    }
    assert!(told <= 1, "the look before the first step");
}

#[tokio::test]
async fn a_lost_answer_moves_nobody_twice() {
    lost(700, 234, Then::Close, DEAD_TURN, &[]).await;
    lost(1, 1, Then::Close, DEAD_TURN, &[]).await;
    lost(10, 3, Then::Close, DEAD_TURN, &[]).await;
}

#[tokio::test]
async fn an_answer_that_never_comes_moves_nobody_twice() {
    lost(10, 3, Then::Hang, DEAD_TURN, &[]).await;
}

#[tokio::test]
async fn a_lost_answer_moves_nobody_twice_at_a_pace() {
    lost(10, 3, Then::Close, include_str!("../../../../shared/lua/dead_take.lua"), &["--per-second", "1000"])
        .await;
}

#[tokio::test]
async fn an_id_that_was_sent_again_meanwhile_stays_sent() {
    for pace in [&[][..], &["--per-second", "1000"]] {
        let redis = RedisServer::start().await;
        fill(&redis, 2).await;
        redis.command(&["HSET", "queue:email:status:m0", "state", "sent", "at", "1"]).await;
        redis.command(&["HSET", "queue:email:status:m1", "state", "dead", "at", "1"]).await;
        let args = [&["dead", "requeue", "--queue", "email", "--all", "--yes"], pace].concat();
        queuectl(&redis, &args).await.with_code(0);
        for (id, state) in [("m0", "sent"), ("m1", "waiting")] {
            let kept = redis.command(&["HGET", &format!("queue:email:status:{id}"), "state"]).await;
            assert_eq!(kept.text(), state, "{id} {pace:?}");
        }
    }
}

#[tokio::test]
async fn large_letters_move_one_at_a_time() {
    let redis = RedisServer::start().await;
    fill(&redis, 300).await;
    let large = "x".repeat(4 << 20);
    push(
        &redis,
        DEAD,
        (300..306)
            .map(|n| letter(n, "535", "low").replace("\"body\":\"x\"", &format!("\"body\":\"{large}\""))),
    )
    .await;
    let watch = redis.watch(std::time::Duration::from_millis(100)).await;
    queuectl(&redis, &["dead", "requeue", "--queue", "email", "--all", "--yes"]).await.with_code(0);
    assert_eq!(watch.slow_calls().await, [""; 0]);
    assert_eq!(numbers(&redis, "queue:email:pending:low").await, (300..306).collect::<Vec<_>>());
}

#[tokio::test]
async fn no_more_than_so_many_a_second() {
    let redis = RedisServer::start().await;
    fill(&redis, 60).await;
    let begun = std::time::Instant::now();
    let args = ["dead", "requeue", "--queue", "email", "--code", "535", "--per-second", "40", "--yes"];
    queuectl(&redis, &args).await.with_code(0);
    assert!(begun.elapsed().as_millis() >= 19 * 25, "{:?}", begun.elapsed());
    assert_eq!(numbers(&redis, PENDING).await, (0..60).step_by(3).collect::<Vec<_>>());
    assert_eq!(numbers(&redis, DEAD).await, (0..60).filter(|n| n % 3 != 0).collect::<Vec<_>>());
}
