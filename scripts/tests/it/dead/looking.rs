//! `dead ls` and `dead show`.

use redispatch_testkit::redis::RedisServer;

use crate::queue::{DEAD, fill, letter, push};
use crate::run::queuectl;

#[tokio::test]
async fn the_newest_come_first_and_recipients_are_masked() {
    let redis = RedisServer::start().await;
    fill(&redis, 30).await;
    let ran = queuectl(&redis, &["dead", "ls", "--queue", "email", "--limit", "2"]).await.with_code(0);
    assert_eq!(
        ran.stdout,
        "dead since (UTC)  id   reason  code      error\n\
         2026-01-02 03:04  m29  reject  smtp 550  550 5.7.8 refused for us…@e….com\n\
         2026-01-02 03:04  m28  reject  smtp 550  550 5.7.8 refused for us…@e….com\n"
    );
    assert_eq!(ran.stderr, "2 of 30 dead letters of email\n");
    let all =
        queuectl(&redis, &["dead", "ls", "--queue", "email", "--code", "535", "--json"]).await.with_code(0);
    let ids: Vec<_> = all.json().as_array().unwrap().iter().map(|letter| letter["id"].clone()).collect();
    assert_eq!(ids, [27, 24, 21, 18, 15, 12, 9, 6, 3, 0].map(|n| format!("m{n}")));
    assert!(!all.stdout.contains("user27@"), "{}", all.stdout);
}

#[tokio::test]
async fn groups_are_counted_by_reason_and_code() {
    let redis = RedisServer::start().await;
    fill(&redis, 3_000).await;
    push(&redis, DEAD, ["no JSON".to_owned(), r#"{"_delivery":{"reason":"poison"}}"#.to_owned()].into_iter())
        .await;
    let ran = queuectl(&redis, &["dead", "ls", "--queue", "email", "--group"]).await.with_code(0);
    let counts = ran.stdout.lines().filter_map(|line| line.split_once(" ×")).map(|(count, _)| count);
    assert_eq!(counts.collect::<Vec<_>>(), ["2,000", "1,000", "1", "1"]);
    assert!(ran.stdout.contains("smtp 535 (reject)"), "{}", ran.stdout);
    assert!(ran.stdout.contains("for no known reason"), "{}", ran.stdout);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    let json = queuectl(&redis, &["dead", "ls", "-q", "email", "-g", "--json"]).await.json();
    assert_eq!((&json[1]["count"], &json[1]["code"]), (&1_000.into(), &"535".into()));
}

#[tokio::test]
async fn nothing_that_fits_is_exit_1() {
    let redis = RedisServer::start().await;
    for args in [
        &["dead", "ls", "--queue", "email"][..],
        &["dead", "ls", "--queue", "email", "--group"],
        &["dead", "show", "--queue", "email", "m1"],
        &["dead", "edit", "--queue", "email", "m1", "--set", "to=a@example.com"],
        &["dead", "requeue", "--queue", "email", "--all", "--yes"],
        &["dead", "requeue", "--queue", "email", "--code", "535", "--dry-run"],
        &["dead", "purge", "--queue", "email", "--id", "x"],
    ] {
        let ran = queuectl(&redis, args).await.with_code(1);
        assert!(!ran.stderr.contains("error"), "{ran:?}");
    }
    assert_eq!(redis.command(&["KEYS", "*"]).await.array(), []);
}

#[tokio::test]
async fn one_letter_is_shown_masked_or_as_it_is() {
    let redis = RedisServer::start().await;
    fill(&redis, 5).await;
    let masked = queuectl(&redis, &["dead", "show", "--queue", "email", "r.3"]).await.with_code(0);
    assert!(masked.stdout.contains("\"subject\": \"n 3\""), "{}", masked.stdout);
    assert!(!masked.stdout.contains("user3@"), "{}", masked.stdout);
    let args = ["dead", "show", "--queue", "email", "m3", "--reveal", "--json"];
    let bytes = queuectl(&redis, &args).await.with_code(0).stdout;
    assert_eq!(bytes, letter(3, "535", "pending") + "\n", "to the byte");
}

#[tokio::test]
async fn without_redis_it_says_so() {
    let mut redis = RedisServer::start().await;
    redis.kill();
    for verb in [&["dead", "ls", "-q", "email"][..], &["dead", "requeue", "-q", "email", "--all", "--yes"]] {
        let ran = queuectl(&redis, verb).await.with_code(2);
        assert!(ran.stderr.starts_with("error: cannot "), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("Connection refused") && ran.stderr.contains("\nhint: "),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "");
    }
}

#[tokio::test]
async fn an_empty_reason_code_or_provider_means_those_that_have_none() {
    let redis = RedisServer::start().await;
    fill(&redis, 3).await;
    let bare = [r#"{"id":"bare"}"#, r#"{"id":"coded","_delivery":{"code":"9","reason":""}}"#];
    push(&redis, DEAD, bare.map(str::to_owned).into_iter()).await;
    for (flags, expected) in [
        (&["--code", ""][..], &["bare"][..]),
        (&["--reason", ""], &["coded", "bare"]),
        (&["--provider", "", "--class", ""], &["coded", "bare"]),
        (&["--error", ""], &["coded", "bare", "m2", "m1", "m0"]),
    ] {
        let args = [&["dead", "ls", "--queue", "email", "--json"], flags].concat();
        let listed = queuectl(&redis, &args).await.with_code(0).json();
        let ids: Vec<_> = listed.as_array().unwrap().iter().map(|letter| letter["id"].clone()).collect();
        assert_eq!(ids, expected, "{flags:?}");
    }
    let nothing = ["dead", "purge", "--queue", "email", "--yes", "--error", "", "--id", ""];
    let ran = queuectl(&redis, &nothing).await.with_code(2);
    assert!(ran.stderr.contains("nothing chooses which ones"), "{}", ran.stderr);
    queuectl(&redis, &["dead", "purge", "--queue", "email", "--code", "", "--yes"]).await.with_code(0);
    assert_eq!(redis.command(&["LLEN", DEAD]).await.int(), 4);
}
