//! `dead edit`.

use std::os::unix::fs::PermissionsExt;

use redispatch_testkit::redis::RedisServer;

use crate::queue::{DEAD, PENDING, fill, letter, oldest_first, push};
use crate::run::{command, finish, queuectl, queuectl_with};

const EDIT: [&str; 5] = ["dead", "edit", "--queue", "email", "m2"];

async fn three() -> RedisServer {
    let redis = RedisServer::start().await;
    fill(&redis, 4).await;
    redis
}

async fn texts(redis: &RedisServer, list: &str) -> Vec<String> {
    let all = oldest_first(redis, list).await;
    all.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

#[tokio::test]
async fn a_field_is_set_and_all_else_stays() {
    let redis = three().await;
    let ran = queuectl(&redis, &[&EDIT[..], &["--set", "to=new@example.com"]].concat()).await.with_code(0);
    assert_eq!(ran.stdout, "email: m2 edited; `queuectl dead requeue` sends it\n");
    let mended = letter(2, "550", "pending").replacen("user2@example.com", "new@example.com", 1);
    let before = [0, 1, 3].map(|n| letter(n, crate::queue::code(n), "pending"));
    assert_eq!(texts(&redis, DEAD).await, [&before[0], &before[1], &mended, &before[2]].map(String::clone));

    let again =
        queuectl(&redis, &[&EDIT[..], &["--set", "subject=Hi", "--requeue"]].concat()).await.with_code(0);
    assert_eq!(again.stdout, "email: m2 edited and requeued\n");
    assert_eq!(texts(&redis, DEAD).await, before);
    assert_eq!(texts(&redis, PENDING).await, [mended.replace("n 2", "Hi")]);
}

#[tokio::test]
async fn what_a_worker_would_refuse_is_refused_unless_forced() {
    let redis = three().await;
    let before = texts(&redis, DEAD).await;
    for (set, says) in [("to=nobody", "nobody"), ("send_at=tomorrow", "send_at"), ("subject", "NAME=VALUE")] {
        let ran = queuectl(&redis, &[&EDIT[..], &["--set", set]].concat()).await.with_code(2);
        assert!(ran.stderr.contains(says) && ran.stderr.contains("changed: nothing"), "{}", ran.stderr);
        assert_eq!(texts(&redis, DEAD).await, before);
    }
    queuectl(&redis, &[&EDIT[..], &["--set", "to=nobody", "--force"]].concat()).await.with_code(0);
    assert!(texts(&redis, DEAD).await[2].contains(r#""to":"nobody""#));
}

#[tokio::test]
async fn a_whole_message_from_stdin_keeps_the_history() {
    let redis = three().await;
    let mended = br#"{ "id":"m2","to":"new@example.com","body":"x" }"#;
    queuectl_with(&redis, &[&EDIT[..], &["--file", "-"]].concat(), mended).await.with_code(0);
    let letter = texts(&redis, DEAD).await[2].clone();
    assert!(
        letter.starts_with(r#"{"id":"m2","to":"new@example.com","body":"x","_delivery":{"reason":"reject""#),
        "{letter}"
    );
}

#[tokio::test]
async fn an_editor_may_change_it_or_not() {
    let redis = three().await;
    let home = tempfile::tempdir().unwrap();
    let editor = home.path().join("editor");
    for (does, code) in [("sed -i s/user2@/other@/ \"$2\"", 0), ("true", 1), ("exit 3", 2)] {
        std::fs::write(&editor, format!("#!/bin/sh\n{does}\n")).unwrap();
        std::fs::set_permissions(&editor, PermissionsExt::from_mode(0o700)).unwrap();
        let before = texts(&redis, DEAD).await;
        let mut edit = command(&redis.url(), home.path(), &EDIT);
        edit.env("EDITOR", format!("{} --wait", editor.display()));
        finish(edit, b"").await.with_code(code);
        let after = texts(&redis, DEAD).await;
        assert_eq!(after != before, code == 0, "{does}");
        assert!(after[2].contains(r#""to":"other@example.com""#), "{}", after[2]);
    }
}

#[tokio::test]
async fn of_two_with_one_id_the_one_that_was_edited_is_requeued() {
    let redis = RedisServer::start().await;
    let two =
        [r#"{"id":"m2","to":"a@example.com","body":"1"}"#, r#"{"id":"m2","to":"a@example.com","body":"2"}"#];
    push(&redis, DEAD, two.map(str::to_owned).into_iter()).await;
    let args = [&EDIT[..], &["--set", "id=m3", "--requeue"]].concat();
    queuectl(&redis, &args).await.with_code(0);
    assert_eq!(texts(&redis, PENDING).await, [two[1].replace("m2", "m3")]);
    assert_eq!(texts(&redis, DEAD).await, [two[0]]);
}

#[tokio::test]
async fn one_that_is_gone_meanwhile_is_told() {
    let redis = three().await;
    let home = tempfile::tempdir().unwrap();
    let editor = home.path().join("editor");
    let purge = format!("redis-cli -p {} ltrim {DEAD} 1 0", redis.port());
    std::fs::write(&editor, format!("#!/bin/sh\n{purge} >&2\n")).unwrap();
    std::fs::set_permissions(&editor, PermissionsExt::from_mode(0o700)).unwrap();
    let mut edit = command(&redis.url(), home.path(), &[&EDIT[..], &["--requeue"]].concat());
    edit.env("EDITOR", &editor);
    let ran = finish(edit, b"").await.with_code(2);
    assert!(ran.stderr.contains("it is no dead letter any more"), "{}", ran.stderr);
}
