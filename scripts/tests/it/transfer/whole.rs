//! What went out comes back.

use redispatch_testkit::redis::RedisServer;

use super::{count, dump, fill, no_mark};
use crate::queue::{PENDING, push};
use crate::run::{command, finish, queuectl, queuectl_with};

#[tokio::test]
async fn a_hundred_thousand_messages_in_all_states_keep_every_byte_and_their_order() {
    let (redis, other) = (RedisServer::start().await, RedisServer::start().await);
    fill(&redis, 100_000).await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("email.jsonl");
    let file = file.to_str().unwrap();
    let ran = queuectl(&redis, &["export", "email", "--output", file]).await.with_code(0);
    assert_eq!(ran.stderr, "email: 100,000 messages exported\n");
    let ran = queuectl(&other, &["import", "email", file, "--json"]).await.with_code(0);
    assert_eq!(ran.json()["imported"], 100_000);
    let (before, after) = (dump(&redis).await, dump(&other).await);
    for (place, messages) in &before {
        assert!(!messages.is_empty(), "{place} shows nothing");
        assert!(messages == &after[place], "{place} differs");
    }
    no_mark(&other).await;
    assert_eq!(redis.command(&["EXISTS", "queue:email:control"]).await.int(), 0, "an export changes nothing");
}

#[tokio::test]
async fn through_a_pipe_too() {
    let (redis, other) = (RedisServer::start().await, RedisServer::start().await);
    fill(&redis, 500).await;
    let lines = queuectl(&redis, &["export", "--queue", "email"]).await.with_code(0).stdout;
    assert!(lines.ends_with("{\"redispatch\":\"end\",\"messages\":500,\"exact\":true}\n"), "{lines}");
    queuectl_with(&other, &["import", "--queue", "email"], lines.as_bytes()).await.with_code(0);
    assert_eq!(dump(&redis).await, dump(&other).await);
    assert_eq!(other.command(&["SISMEMBER", "queue:queues", "email"]).await.int(), 1, "it is known");
}

#[tokio::test]
async fn ids_are_held_as_they_were_and_what_was_sent_meanwhile_stays_sent() {
    let (redis, other) = (RedisServer::start().await, RedisServer::start().await);
    fill(&redis, 60).await;
    other.command(&["HSET", "queue:email:status:m3", "state", "sent", "at", "5"]).await;
    other.command(&["SET", "queue:email:status:m4", "nonsense"]).await;
    let lines = queuectl(&redis, &["export", "email"]).await.stdout;
    queuectl_with(&other, &["import", "email"], lines.as_bytes()).await.with_code(0);
    for (id, state) in
        [("m3", "sent"), ("m4", "waiting"), ("m10", "sending"), ("m11", "delayed"), ("m13", "waiting")]
    {
        let kept = other.command(&["HGET", &format!("queue:email:status:{id}"), "state"]).await;
        assert_eq!(kept.text(), state, "{id}");
    }
}

#[tokio::test]
async fn what_is_there_already_stays_in_front() {
    let redis = RedisServer::start().await;
    fill(&redis, 100).await;
    let lines = queuectl(&redis, &["export", "email"]).await.stdout;
    let import = ["import", "email"];
    let asked = queuectl_with(&redis, &import, lines.as_bytes()).await.with_code(2);
    assert!(
        asked.stderr.contains("import behind the 100 messages that queue email has?"),
        "{}",
        asked.stderr
    );
    assert_eq!(count(&redis).await, 100);
    let before = dump(&redis).await;
    let ran = queuectl_with(&redis, &[&import[..], &["--yes"]].concat(), lines.as_bytes()).await.with_code(0);
    assert_eq!(ran.stdout, "email: 70 messages imported, 30 were in hand or delayed already\n");
    let after = dump(&redis).await;
    assert_eq!(after["messages"], before["messages"], "a token names one message for ever");
    let twice = [before["pending"].clone(), before["pending"].clone()].concat();
    assert_eq!(after["pending"], twice);
}

#[tokio::test]
async fn a_queue_that_moves_meanwhile_is_no_exact_export() {
    let redis = RedisServer::start().await;
    push(&redis, PENDING, (0..30_000).map(|n| format!(r#"{{"n":{n}}}"#))).await;
    let home = tempfile::tempdir().unwrap();
    let export = finish(command(&redis.url(), home.path(), &["export", "email"]), b"");
    let moving = async {
        let mut client = redis.connect().await;
        loop {
            client.command(&["RPOP", PENDING]).await.unwrap();
        }
    };
    let ran = tokio::select! {
        ran = export => ran,
        () = moving => unreachable!("it moves for ever"),
    };
    let ran = ran.with_code(1);
    assert!(ran.stdout.ends_with("\"exact\":false}\n"));
    assert!(ran.stderr.contains("the queue moved meanwhile"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_pause_keeps_it_exact_and_ends_with_it() {
    let redis = RedisServer::start().await;
    fill(&redis, 30_000).await;
    let home = tempfile::tempdir().unwrap();
    let mut child =
        command(&redis.url(), home.path(), &["export", "email", "--pause", "-o", "out"]).spawn().unwrap();
    let note = ["HGET", "queue:email:control", "paused_note"];
    redis.wait_until(&note, |note| *note != redispatch_testkit::Reply::Nil, redispatch_testkit::LIMIT).await;
    // What was in hand is settled by its worker.
    redis.command(&["DEL", "queue:email:processing"]).await;
    assert!(child.wait().await.unwrap().success());
    no_mark(&redis).await;

    queuectl(&redis, &["pause", "--queue", "email"]).await;
    queuectl(&redis, &["export", "email", "--pause"]).await.with_code(0);
    let paused = redis.command(&["HGET", "queue:email:control", "paused_until"]).await;
    assert_eq!(paused.text(), "-1", "who paused it before resumes it");
}

/// Starts `export --pause` with something in hand, so that it waits, and gives it once it has paused the queue.
async fn waiting_export(redis: &RedisServer, home: &tempfile::TempDir) -> tokio::process::Child {
    fill(redis, 20).await;
    // A pause that is over is none.
    redis.command(&["HSET", "queue:email:control", "paused_until", "1000"]).await;
    let child =
        command(&redis.url(), home.path(), &["export", "email", "--pause", "-o", "out"]).spawn().unwrap();
    let note = ["HGET", "queue:email:control", "paused_note"];
    redis.wait_until(&note, |note| *note != redispatch_testkit::Reply::Nil, redispatch_testkit::LIMIT).await;
    child
}

#[tokio::test]
async fn a_pause_that_somebody_else_makes_meanwhile_stays() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let mut child = waiting_export(&redis, &home).await;
    queuectl(&redis, &["pause", "--queue", "email", "--note", "incident"]).await.with_code(0);
    redis.command(&["DEL", "queue:email:processing"]).await;
    assert!(child.wait().await.unwrap().success());
    let note = redis.command(&["HGET", "queue:email:control", "paused_note"]).await;
    assert_eq!(note.text(), "incident");
}

#[tokio::test]
async fn an_export_that_is_stopped_ends_its_pause() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let mut child = waiting_export(&redis, &home).await;
    let pid = rustix::process::Pid::from_raw(child.id().unwrap() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(2));
    no_mark(&redis).await;
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn letters_that_are_turned_meanwhile_make_no_exact_export() {
    let redis = RedisServer::start().await;
    crate::queue::fill(&redis, 300).await;
    // Somebody who turns them died on the way, or is at it.
    redis.command(&["HSET", "queue:email:control", "dead_turn", "AAAAAAAAAAA:1:1:5:30000"]).await;
    let ran = queuectl(&redis, &["export", "email"]).await;
    ran.with_code(1);
}

#[tokio::test]
async fn odd_names_and_scores_come_back_too() {
    let (redis, other) = (RedisServer::start().await, RedisServer::start().await);
    for (name, score) in [(&b"foo"[..], "+inf"), (b"\xff\n", "-5.5"), (b"a.1:p:0", "123456789.12345679")] {
        for zset in ["queue:email:delayed", "queue:email:processing"] {
            let name = [zset.as_bytes(), name].concat();
            redis.command(&[b"ZADD", zset.as_bytes(), score.as_bytes(), &name]).await;
            redis.command(&[&b"HSET"[..], b"queue:email:messages", &name, b"{}"]).await;
        }
    }
    let lines = queuectl(&redis, &["export", "email"]).await.with_code(0).stdout;
    queuectl_with(&other, &["import", "email"], lines.as_bytes()).await.with_code(0);
    assert_eq!(dump(&redis).await, dump(&other).await);
}
