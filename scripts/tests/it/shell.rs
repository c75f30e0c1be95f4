//! The shell scripts: each answers `--help`, and stands on queuectl.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use redispatch_testkit::redis::RedisServer;
use tokio::process::Command;

use crate::run::{Ran, finish, queuectl};
use crate::snapshot;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a script in `home` with the queuectl of this build alone in its target folder.
async fn script(redis: &RedisServer, home: &Path, name: &str, args: &[&str]) -> Ran {
    let target = home.join("target/debug");
    fs::create_dir_all(&target).unwrap();
    let _ = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_queuectl"), target.join("queuectl"));
    let mut command = Command::new(folder().join(name));
    let path = std::env::var("PATH").unwrap_or_default();
    command.args(args).env_clear().env("PATH", path).env("CARGO_TARGET_DIR", home.join("target"));
    command.env("REDIS_URL", redis.url()).current_dir(home);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    finish(command, b"").await
}

fn scripts() -> Vec<String> {
    let mut found: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| {
            entry.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o100 != 0)
        })
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    found.sort();
    found
}

#[tokio::test]
async fn each_script_answers_help_and_refuses_what_it_does_not_know() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let scripts = scripts();
    for name in ["backup-queues", "drain-queues", "requeue-dead-letters", "restore-queues", "rollback-check"]
    {
        assert!(scripts.iter().any(|script| script == name), "no {name} in {scripts:?}");
    }
    for name in scripts {
        let help = script(&redis, home.path(), &name, &["--help"]).await.with_code(0);
        snapshot::fits(&help.stdout);
        for part in [format!("\nUsage: scripts/{name}"), "\nExamples:\n".to_owned()] {
            assert!(help.stdout.contains(&part), "{name} --help lacks {part:?}: {}", help.stdout);
        }
        let wrong = script(&redis, home.path(), &name, &["--no-such-option"]).await.with_code(2);
        assert!(wrong.stderr.contains("error: "), "{name}: {}", wrong.stderr);
    }
}

#[tokio::test]
async fn a_drain_and_a_rollback_check_end_as_queuectl_does() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let args = ["--queues", "email,sms", "--timeout", "0"];
    let ran = script(&redis, home.path(), "drain-queues", &args).await.with_code(0);
    assert_eq!(ran.stdout, "email: empty\nsms: empty\n");
    redis.command(&["LPUSH", "queue:sms:pending", "{}"]).await;
    script(&redis, home.path(), "drain-queues", &args).await.with_code(1);
    script(&redis, home.path(), "rollback-check", &[]).await.with_code(0);
    redis.command(&["ZADD", "queue:sms:processing", "1", "a.1:p:0:a.1"]).await;
    script(&redis, home.path(), "rollback-check", &["--queue", "sms"]).await.with_code(1);
}

#[tokio::test]
async fn dead_letters_go_back() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let dead = r#"{"to":"a@example.com","body":"x","_delivery":{"reason":"reject","code":"535","dead_at":"2026-01-01T00:00:00.000Z"}}"#;
    redis.command(&["LPUSH", "queue:email:dead_letter", dead]).await;
    let args = ["--queue", "email", "--code", "535", "--yes"];
    script(&redis, home.path(), "requeue-dead-letters", &args).await.with_code(0);
    assert_eq!(redis.command(&["LLEN", "queue:email:pending"]).await.int(), 1);
    script(&redis, home.path(), "requeue-dead-letters", &args).await.with_code(1);
}

#[tokio::test]
async fn what_was_backed_up_is_restored_and_nothing_is_overwritten() {
    let redis = RedisServer::start().await;
    let home = tempfile::tempdir().unwrap();
    let message = r#"{"to":"a@example.com","body":"Ünï","zip":7.50}"#;
    redis.command(&["LPUSH", "queue:email:pending", message, "{}"]).await;
    redis.command(&["LPUSH", "queue:my-news:pending:low", "{}"]).await;
    redis.command(&["SADD", "queue:queues", "my-news"]).await;
    let ran = script(&redis, home.path(), "backup-queues", &["--dir=kept"]).await.with_code(0);
    let files: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(files.len(), 4, "{ran:?}");
    assert!(files[0].starts_with("kept/email-") && files[1].starts_with("kept/my-news-"), "{files:?}");
    for file in &files {
        let mode = fs::metadata(home.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{file} can be read by others");
    }
    let fresh = RedisServer::start().await;
    let ran = script(&fresh, home.path(), "restore-queues", &files).await.with_code(0);
    assert!(ran.stdout.contains("email: 2 messages imported"), "{ran:?}");
    let first = fresh.command(&["LINDEX", "queue:email:pending", "-1"]).await;
    assert_eq!(first.text(), message);
    assert_eq!(fresh.command(&["LLEN", "queue:my-news:pending:low"]).await.int(), 1);
    // a second time only where somebody says so
    let again = script(&fresh, home.path(), "restore-queues", &files[..1]).await.with_code(2);
    assert!(again.stderr.contains("nobody is here to ask"), "{}", again.stderr);
    fs::write(home.path().join("monday.jsonl"), "{}").unwrap();
    let ran = script(&fresh, home.path(), "restore-queues", &["monday.jsonl"]).await.with_code(2);
    assert!(ran.stderr.contains("does not say which queue"), "{}", ran.stderr);
    fs::copy(home.path().join(files[0]), home.path().join("monday.jsonl")).unwrap();
    let args = ["--queue", "email", "--yes", "monday.jsonl"];
    script(&fresh, home.path(), "restore-queues", &args).await.with_code(0);
    assert_eq!(fresh.command(&["LLEN", "queue:email:pending"]).await.int(), 4);
    // with the same date: a file that is there stays as it is
    let file = home.path().join(files[0]);
    fs::write(&file, "precious").unwrap();
    let args = ["export", "--queue", "email", "--output", file.to_str().unwrap()];
    queuectl(&redis, &args).await.with_code(2);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
}
