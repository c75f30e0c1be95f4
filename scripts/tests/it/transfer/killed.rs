//! An import that ends in the middle, and the same command again.

use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;

use super::{count, dump, fill, no_mark};
use crate::queue::{at_least, push};
use crate::run::{command, finish, queuectl, queuectl_with};

const COUNT: i64 = 20_000;

/// A queue in every state, and its export in a file.
async fn exported() -> (RedisServer, tempfile::TempDir, String) {
    let redis = RedisServer::start().await;
    fill(&redis, COUNT as usize).await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("email.jsonl").to_str().unwrap().to_owned();
    queuectl(&redis, &["export", "email", "-o", &file]).await.with_code(0);
    (redis, home, file)
}

#[tokio::test]
async fn killed_again_and_again_it_brings_nothing_twice_and_misses_nothing() {
    let (redis, home, file) = exported().await;
    let other = RedisServer::start().await;
    let mut broken_off = 0;
    for part in 1..=3 {
        let mut child = command(&other.url(), home.path(), &["import", "email", &file]).spawn().unwrap();
        let reached = COUNT * part / 10;
        while child.try_wait().unwrap().is_none() && count(&other).await < reached {}
        child.kill().await.unwrap();
        broken_off += i64::from(count(&other).await < COUNT);
        let mark = other.command(&["HGET", "queue:email:control", "import"]).await;
        let (messages, _) = mark.text().split_once(':').unwrap();
        assert_eq!(messages.parse(), Ok(count(&other).await), "the mark says how far it came");
    }
    assert_eq!(broken_off, 3, "it was killed too late to show anything");
    let ran = queuectl(&other, &["import", "email", &file]).await.with_code(0);
    assert!(ran.stderr.contains("going on with an import"), "{}", ran.stderr);
    assert!(ran.stdout.contains("that were imported before"), "{}", ran.stdout);
    assert!(dump(&redis).await == dump(&other).await);
    no_mark(&other).await;
}

/// The answer of one call is lost.
async fn lost(then: Then) {
    let (redis, home, file) = exported().await;
    let other = RedisServer::start().await;
    let script = include_str!("../../../../shared/lua/import.lua");
    let hash = other.command(&["SCRIPT", "LOAD", script]).await.text().to_owned();
    let proxy = Proxy::start(other.addr());
    let rule = proxy.lose_reply(hash, then);
    finish(command(&proxy.url(), home.path(), &["import", "email", &file]), b"").await.with_code(0);
    rule.struck().await;
    assert!(dump(&redis).await == dump(&other).await);
    no_mark(&other).await;
}

#[tokio::test]
async fn a_lost_answer_brings_nothing_twice() {
    lost(Then::Close).await;
}

#[tokio::test]
async fn an_answer_that_never_comes_brings_nothing_twice() {
    lost(Then::Hang).await;
}

#[tokio::test]
async fn the_only_call_of_a_small_import_may_run_twice() {
    let (redis, other) = (RedisServer::start().await, RedisServer::start().await);
    fill(&redis, 100).await;
    let lines = queuectl(&redis, &["export", "email"]).await.stdout;
    let script = include_str!("../../../../shared/lua/import.lua");
    let hash = other.command(&["SCRIPT", "LOAD", script]).await.text().to_owned();
    let proxy = Proxy::start(other.addr());
    proxy.lose_reply(hash, Then::Close);
    let home = tempfile::tempdir().unwrap();
    finish(command(&proxy.url(), home.path(), &["import", "email"]), lines.as_bytes()).await.with_code(0);
    assert_eq!(dump(&redis).await, dump(&other).await);
}

#[tokio::test]
async fn other_lines_do_not_go_on_with_it() {
    let (_redis, home, file) = exported().await;
    let other = RedisServer::start().await;
    let mut child = command(&other.url(), home.path(), &["import", "email", &file]).spawn().unwrap();
    at_least(&other, "queue:email:pending", 1).await;
    child.kill().await.unwrap();
    let there = count(&other).await;

    let third = RedisServer::start().await;
    push(&third, "queue:email:pending", (0..there).map(|n| format!(r#"{{"n":{n}}}"#))).await;
    let lines = queuectl(&third, &["export", "email"]).await.stdout;
    let short = queuectl(&RedisServer::start().await, &["export", "email"]).await.stdout;
    for lines in [lines, short] {
        let ran = queuectl_with(&other, &["import", "email", "--yes"], lines.as_bytes()).await.with_code(2);
        assert!(ran.stderr.contains("an import of other lines was broken off after"), "{}", ran.stderr);
        assert!(ran.stderr.contains("queuectl import email --forget"), "{}", ran.stderr);
        assert_eq!(count(&other).await, there);
    }
    queuectl(&other, &["import", "email", "--forget"]).await.with_code(0);
    queuectl(&other, &["import", "email", "--forget"]).await.with_code(1);
    no_mark(&other).await;
    assert_eq!(count(&other).await, there, "what was imported stays");
}

#[tokio::test]
async fn redis_away_in_the_middle_is_waited_for_or_told() {
    let (redis, home, file) = exported().await;
    let mut other = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let child = command(&other.url(), home.path(), &["import", "email", &file]);
    let import = tokio::spawn(finish(child, b""));
    at_least(&other, "queue:email:pending", 1).await;
    other.restart().await;
    import.await.unwrap().with_code(0);
    assert!(dump(&redis).await == dump(&other).await);
}
