//! What email-worker does beside working: `--help`, `--check`, `--dry-run`, and refusing settings.

use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::smtp::{Act, Offers, Rule, SmtpServer, Step};

use super::{Left, NOTHING, PENDING, Site, message_to, output, stop, text};

#[tokio::test]
async fn unusable_settings_are_all_told_and_end_with_78() {
    let env = [
        ("REDIS_URL", "http://127.0.0.1:6379"),
        ("MAX_RETRIES", "0"),
        ("SMTP_TLS", "ssl"),
        ("SMTP_PASS", "secret-word"),
        ("SMTP_FROM", "nobody"),
        ("LOG_FORMAT", "xml"),
    ];
    let out = output(&[], &env).await;
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(78), ""));
    let said = text(&out.stderr);
    assert!(said.starts_with("error: 7 settings cannot be used"), "{said}");
    for name in ["REDIS_URL", "MAX_RETRIES", "SMTP_TLS", "SMTP_PASS", "SMTP_FROM", "SMTP_HOST", "LOG_FORMAT"]
    {
        assert!(said.contains(&format!("\n  {name}: ")), "{name}: {said}");
    }
    assert!(!said.contains("secret-word"), "{said}");
}

#[tokio::test]
async fn a_setting_that_only_this_host_cannot_use_ends_with_78() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let out = output(&["--email-transport=file", "--email-outbox-dir", file.to_str().unwrap()], &[]).await;
    assert_eq!(out.status.code(), Some(78));
    assert!(text(&out.stderr).contains("EMAIL_OUTBOX_DIR: "), "{}", text(&out.stderr));
}

#[tokio::test]
async fn help_and_version_and_wrong_usage() {
    let help = output(&["--help"], &[]).await;
    assert_eq!((help.status.code(), text(&help.stderr)), (Some(0), ""));
    let help = text(&help.stdout);
    for name in [
        "--check",
        "--dry-run",
        "--healthcheck",
        "SMTP_PASS_FILE",
        "REDIS_URL",
        "CONCURRENCY",
        "Examples:",
        "Exit codes:",
    ] {
        assert!(help.contains(name), "{name}");
    }
    let widest = help.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(80), "{help}");
    let version = output(&["--version"], &[]).await;
    assert_eq!(text(&version.stdout), format!("email-worker {}\n", env!("CARGO_PKG_VERSION")));
    let wrong = output(&["--max-retry", "3"], &[]).await;
    assert_eq!((wrong.status.code(), text(&wrong.stdout)), (Some(2), ""));
    assert!(text(&wrong.stderr).contains("--max-retries"), "suggests the flag meant");
}

/// `--check` against these servers: exit code and stdout.
async fn check(redis_url: &str, smtp_port: u16, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let port = smtp_port.to_string();
    let own =
        [("REDIS_URL", redis_url), ("SMTP_HOST", "127.0.0.1"), ("SMTP_PORT", &port), ("SMTP_TLS", "none")];
    let out = output(&["--check"], &[&own[..], more].concat()).await;
    (out.status.code(), text(&out.stdout).to_owned())
}

#[tokio::test]
async fn check_with_everything_in_order_sends_and_claims_nothing() {
    let credentials = Some(("me".to_owned(), "secret-word".to_owned()));
    let site = Site::offering(Offers { credentials, ..Offers::default() }).await;
    site.push_to("a").await;
    let login = [("SMTP_USER", "me"), ("SMTP_PASS", "secret-word")];
    let (code, told) = check(&site.redis.url(), site.smtp.port(), &login).await;
    assert_eq!(code, Some(0), "{told}");
    let lines: Vec<_> = told.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "settings  ok"));
    assert!(
        lines[1].starts_with("redis     ok: ") && lines[1].contains(|c: char| c.is_ascii_digit()),
        "{told}"
    );
    assert!(lines[2].starts_with("email     ok: "), "{told}");
    assert_eq!((site.smtp.count("AUTH"), site.smtp.count("MAIL")), (1, 0));
    assert_eq!(site.left().await, Left { waiting: 1, ..NOTHING });
}

#[tokio::test]
async fn check_names_each_thing_that_fails() {
    let mut site = Site::start().await;
    site.smtp.script(Rule::at(Step::Greeting).times(1).act(Act::reply("554 5.7.1 not for you")));
    let (code, told) = check(&site.redis.url(), site.smtp.port(), &[]).await;
    assert_eq!(code, Some(1));
    assert!(
        told.contains("\nredis     ok: ") && told.contains("\nemail     FAILED: greeting: 554"),
        "{told}"
    );

    let wrong = [("SMTP_USER", "me"), ("SMTP_PASS", "wrong")];
    let locked = SmtpServer::start_with(Offers {
        credentials: Some(("me".to_owned(), "right".to_owned())),
        ..Offers::default()
    });
    let (code, told) = check(&site.redis.url(), locked.await.port(), &wrong).await;
    assert_eq!(code, Some(1));
    assert!(told.contains("email     FAILED: AUTH: 535"), "{told}");

    site.redis.kill();
    let (code, told) = check(&site.redis.url(), site.smtp.port(), &[]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains("\nredis     FAILED: ") && told.contains("\nemail     ok"), "{told}");

    let (code, told) = check("redis://127.0.0.1:6379", site.smtp.port(), &[("MAX_RETRIES", "0")]).await;
    assert_eq!((code, &*told), (Some(78), "settings  FAILED: 1 unusable, listed on stderr\n"));
}

#[tokio::test]
async fn a_redis_that_may_evict_messages_is_refused() {
    let redis = RedisServer::with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]).await;
    let smtp = SmtpServer::start().await;
    let (code, told) = check(&redis.url(), smtp.port(), &[]).await;
    assert_eq!(code, Some(1));
    assert!(told.contains("redis     FAILED") && told.contains("allkeys-lru"), "{told}");
    let (code, told) = check(&redis.url(), smtp.port(), &[("ALLOW_EVICTION", "yes")]).await;
    assert_eq!(code, Some(0), "{told}");

    let env = [("REDIS_URL", &*redis.url()), ("EMAIL_TRANSPORT", "null")];
    let out = output(&[], &env).await;
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("error: Redis runs with maxmemory-policy `allkeys-lru`"));
}

#[tokio::test]
async fn dry_run_shows_what_would_be_sent_and_changes_nothing() {
    let site = Site::start().await;
    let env = [
        ("REDIS_URL", site.redis.url()),
        ("EMAIL_TRANSPORT", "null".to_owned()),
        ("SMTP_FROM", "Shop <shop@example.com>".to_owned()),
    ];
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let empty = output(&["--dry-run"], &env).await;
    assert_eq!((empty.status.code(), text(&empty.stdout)), (Some(0), ""));

    site.push(
        r#"{"id":"order-1","to":"Jo <john@example.com>","bcc":["b@example.com","john@example.com"],
            "subject":"Tab\tand line\nbreak","body":"x","html":"<b>x</b>","attachments":[{"filename":"a","content":"YQ=="}]}"#,
    )
    .await;
    site.push(r#"{"to":"a@example.com","body":"x","send_at":"2999-01-01T00:00:00Z"}"#).await;
    site.redis.command(&["LPUSH", "queue:email:pending:high", &message_to("urgent")]).await;
    let before = site.redis.command(&["LRANGE", PENDING, "0", "-1"]).await;
    let good = output(&["--dry-run"], &env).await;
    let told = text(&good.stdout);
    assert_eq!(good.status.code(), Some(0), "{told}");
    let size = |told: &str| told.lines().filter(|line| line.starts_with("  size ")).count();
    assert_eq!(size(told), 3);
    assert!(told.starts_with("1 high\n  from        shop@example.com\n  to          ur…@e….com\n"), "{told}");
    let order = told.split("2 pending id=order-1\n").nth(1).expect(told);
    assert!(order.contains("  to          jo…@e….com, b…@e….com\n"), "{told}");
    assert!(order.contains(r#"  subject     "Tab\tand line\nbreak""#), "{told}");
    assert!(order.contains(" bytes: text, html, 1 attachment\n"), "{told}");
    assert!(told.contains("3 pending\n  not before  2999-01-01T00:00:00.000Z\n"), "{told}");

    site.push(r#"{"to":"nobody","body":"x"}"#).await;
    site.push("what?").await;
    let bad = output(&["--dry-run", "--log-recipients=plain"], &env).await;
    let told = text(&bad.stdout);
    assert_eq!(bad.status.code(), Some(1), "{told}");
    assert!(told.contains("john@example.com, b@example.com"), "{told}");
    assert!(told.contains("4 pending\n  dead letter to: \"nobody\" is not an email address\n"), "{told}");
    assert!(told.contains("5 pending\n  dead letter malformed: not a JSON object"), "{told}");
    assert!(text(&bad.stderr).contains("2 would be dead-lettered"), "{}", text(&bad.stderr));

    assert_eq!(site.left().await, Left { waiting: 5, ..NOTHING });
    let after = site.redis.command(&["LRANGE", PENDING, "2", "-1"]).await;
    assert_eq!(after, before);
    assert_eq!(
        site.redis.command(&["EXISTS", "queue:email:dead_letter", "queue:email:counters"]).await.int(),
        0
    );
}

#[tokio::test]
async fn dry_run_without_redis_fails() {
    let site = Site::start().await;
    let url = site.redis.url();
    drop(site);
    let out = output(&["--dry-run"], &[("REDIS_URL", &url), ("EMAIL_TRANSPORT", "null")]).await;
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(1), ""));
    assert!(text(&out.stderr).starts_with("error: Redis: "), "{}", text(&out.stderr));
}

#[tokio::test]
async fn flags_win_over_the_environment() {
    let site = Site::start().await;
    let worker = redispatch_testkit::process::Worker::start(
        super::PROGRAM,
        &["--email-transport", "null", "--redis-url", &site.redis.url(), "--concurrency=2"],
        &[("REDIS_URL", "redis://127.0.0.1:1"), ("CONCURRENCY", "7"), ("LOG_FORMAT", "json")],
    );
    assert_eq!(worker.wait_for_event("worker_started").await.json["concurrency"], 2);
    worker.wait_for_event("worker_ready").await;
    stop(&worker).await;
}
