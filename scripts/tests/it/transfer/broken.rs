//! Files that are no whole export.

use redispatch_testkit::redis::RedisServer;

use super::{count, dump, fill, no_mark};
use crate::run::{queuectl, queuectl_with};

async fn lines() -> (RedisServer, Vec<String>) {
    let redis = RedisServer::start().await;
    fill(&redis, 450).await;
    let text = queuectl(&redis, &["export", "email"]).await.with_code(0).stdout;
    (redis, text.lines().map(str::to_owned).collect())
}

async fn import(redis: &RedisServer, lines: &[String], code: i32) -> String {
    let text = lines.join("\n");
    queuectl_with(redis, &["import", "email"], text.as_bytes()).await.with_code(code).stderr
}

#[tokio::test]
async fn a_file_that_was_cut_short_is_told_and_finished_with_the_whole_one() {
    let (redis, lines) = lines().await;
    let other = RedisServer::start().await;
    let said = import(&other, &lines[..300], 2).await;
    assert!(said.contains("without the last line of an export: it was cut short"), "{said}");
    assert!(said.contains("what was imported so far stays, and is marked"), "{said}");
    assert_eq!(count(&other).await, 299, "nothing is thrown away");
    import(&other, &lines, 0).await;
    assert_eq!(dump(&redis).await, dump(&other).await);
    no_mark(&other).await;
}

#[tokio::test]
async fn a_line_that_cannot_be_used_is_named_and_may_be_mended() {
    let (redis, lines) = lines().await;
    let other = RedisServer::start().await;
    for broken in
        ["{\"state\":\"pending\"}", "nonsense", "{\"state\":\"processing\",\"score\":\"1\",\"message\":\"\"}"]
    {
        let mut damaged = lines.clone();
        damaged[400] = broken.to_owned();
        let said = import(&other, &damaged, 2).await;
        assert!(said.contains("line 401: "), "{said}");
        assert!(count(&other).await < 400);
    }
    import(&other, &lines, 0).await;
    assert_eq!(dump(&redis).await, dump(&other).await);
}

#[tokio::test]
async fn lines_that_are_missing_in_the_middle_are_noticed() {
    let (_redis, mut lines) = lines().await;
    let other = RedisServer::start().await;
    lines.remove(100);
    let said = import(&other, &lines, 2).await;
    assert!(said.contains("the export has 450 messages, and 449 were read"), "{said}");
}

#[tokio::test]
async fn what_is_no_export_of_this_queue_changes_nothing() {
    let (_redis, lines) = lines().await;
    let other = RedisServer::start().await;
    let sms = queuectl_with(&other, &["import", "sms"], lines.join("\n").as_bytes()).await.with_code(2);
    assert!(sms.stderr.contains("this is an export of `email`, not of `sms`"), "{}", sms.stderr);
    let plain = vec![r#"{"to":"a@example.com","body":"x"}"#.to_owned()];
    let said = import(&other, &plain, 2).await;
    assert!(said.contains("go in by `queuectl enqueue`"), "{said}");
    let empty = import(&other, &[], 2).await;
    assert!(empty.contains("it was cut short"), "{empty}");
    let twice = [&lines[..450], &lines[..]].concat();
    assert!(import(&other, &twice, 2).await.contains("a second export begins here"));
    let missing = queuectl(&other, &["import", "email", "nowhere.jsonl"]).await.with_code(2);
    assert!(missing.stderr.contains("cannot read nowhere.jsonl"), "{}", missing.stderr);
}

#[tokio::test]
async fn at_maxmemory_it_stops_and_goes_on_later() {
    let (redis, lines) = lines().await;
    let other = RedisServer::start().await;
    other.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "1"]).await;
    let said = import(&other, &lines, 2).await;
    assert!(said.contains("OOM"), "{said}");
    other.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    import(&other, &lines, 0).await;
    assert_eq!(dump(&redis).await, dump(&other).await);
}

#[tokio::test]
async fn an_output_file_is_there_only_when_it_is_whole_and_is_never_overwritten() {
    let redis = RedisServer::start().await;
    fill(&redis, 10).await;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("out.jsonl");
    let export = ["export", "email", "-o", path.to_str().unwrap()];
    std::fs::write(&path, "precious").unwrap();
    let ran = queuectl(&redis, &export).await.with_code(2);
    assert!(ran.stderr.contains("out.jsonl is there already"), "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    std::fs::remove_file(&path).unwrap();
    queuectl(&redis, &export).await.with_code(0);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "no temporary file stays");
}

#[tokio::test]
async fn a_mark_that_nobody_can_read_is_not_gone_on_with() {
    let (_redis, lines) = lines().await;
    let other = RedisServer::start().await;
    other.command(&["HSET", "queue:email:control", "import", "abc"]).await;
    let said = import(&other, &lines, 2).await;
    assert!(said.contains("the mark of an earlier import cannot be read"), "{said}");
    assert_eq!(count(&other).await, 0);
}
