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

/// The answer of a step is lost, and the step runs again: on a connection that closes, or one that hangs.
async fn lost(then: Then) {
    let redis = RedisServer::start().await;
    fill(&redis, 700).await;
    let proxy = Proxy::start(redis.addr());
    let rule = proxy.lose_reply(hash(&redis, DEAD_TURN).await, then);
    let home = tempfile::tempdir().unwrap();
    let args = ["dead", "requeue", "--queue", "email", "--code", "535", "--yes"];
    let ran = finish(command(&proxy.url(), home.path(), &args), b"").await.with_code(0);
    rule.struck().await;
    assert_eq!(ran.stdout, "email: requeued 234 dead letters\n");
    assert_eq!(numbers(&redis, PENDING).await, (0..700).step_by(3).collect::<Vec<_>>());
    assert_eq!(numbers(&redis, DEAD).await, (0..700).filter(|n| n % 3 != 0).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_lost_answer_moves_nobody_twice() {
    lost(Then::Close).await;
}

#[tokio::test]
async fn an_answer_that_never_comes_moves_nobody_twice() {
    lost(Then::Hang).await;
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
