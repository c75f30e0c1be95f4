//! `schedule add`, `ls` and `rm`.

use redispatch_testkit::redis::RedisServer;
use serde_json::{Value, json};

use crate::run::{queuectl, queuectl_with};
use crate::snapshot;

const MAIL: &str = r#"{"to":"user@example.com","subject":"Test","body":"..."}"#;

async fn stored(redis: &RedisServer, queue: &str, name: &str) -> Value {
    let key = format!("queue:{queue}:schedules");
    serde_json::from_str(redis.command(&["HGET", &key, name]).await.text()).unwrap()
}

#[tokio::test]
async fn a_schedule_is_added_once_and_replaced_by_another_one() {
    let redis = RedisServer::start().await;
    let add = |pattern: &'static str| {
        [
            "schedule",
            "add",
            "nightly",
            "--queue",
            "email",
            "--pattern",
            pattern,
            "--timezone",
            "Europe/Berlin",
            MAIL,
        ]
    };
    let ran = queuectl(&redis, &add("0 1 * * *")).await.with_code(0);
    assert!(ran.stdout.starts_with("email:nightly: added, next 20"), "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
    let again = queuectl(&redis, &add("0 1 * * *")).await.with_code(0);
    assert!(again.stdout.starts_with("email:nightly: unchanged, next 20"), "{}", again.stdout);
    let other = queuectl(&redis, &[&add("30 0 1 * * *")[..], &["--json"]].concat()).await.with_code(0).json();
    assert_eq!((&other["result"], &other["key"]), (&json!("replaced"), &json!("email:nightly")));
    let now = redispatch::clock::unix_ms() as i64;
    let next = other["next"].as_i64().unwrap();
    assert!((now..=now + 25 * 3_600_000).contains(&next) && next % 60_000 == 30_000, "{next}");
    let expected = json!({
        "pattern": "30 0 1 * * *",
        "timezone": "Europe/Berlin",
        "missed": "one",
        "lane": "pending",
        "message": serde_json::from_str::<Value>(MAIL).unwrap(),
    });
    assert_eq!(stored(&redis, "email", "nightly").await, expected);
}

#[tokio::test]
async fn all_that_can_be_said_of_one_and_its_message_from_stdin() {
    let redis = RedisServer::start().await;
    let args = "schedule add tick -q own -p @hourly --start 2030-01-01T00:00:00Z --end 2031-01-01T00:00:00+01:00 \
                --missed all --lane high -";
    let args: Vec<_> = args.split_whitespace().collect();
    let ran = queuectl_with(&redis, &args, b"\n{\n \"n\": 1.50\n}\n").await.with_code(0);
    assert_eq!(ran.stdout, "own:tick: added, next 2030-01-01T00:00:00.000Z\n");
    assert_eq!(ran.stderr, "queue `own` is new: nobody has served it yet\n");
    let listed = queuectl(&redis, &["schedule", "ls", "--json"]).await.with_code(0).json();
    let last = listed[0]["last"].as_i64().unwrap();
    assert!((0..60_000).contains(&(redispatch::clock::unix_ms() as i64 - last)));
    let expected = json!([{
        "queue": "own",
        "name": "tick",
        "key": "own:tick",
        "pattern": "@hourly",
        "timezone": "UTC",
        "start": 1_893_456_000_000_i64,
        "end": 1_924_988_400_000_i64,
        "missed": "all",
        "lane": "high",
        "message": {"n": 1.5},
        "last": last,
        "next": 1_893_456_000_000_i64,
    }]);
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn the_table_and_what_is_unusable() {
    let redis = RedisServer::start().await;
    let none = queuectl(&redis, &["schedule", "ls"]).await.with_code(1);
    assert_eq!((none.stdout.as_str(), none.stderr.as_str()), ("", "no schedule\n"));
    for (queue, name, pattern, zone) in [
        ("email", "nightly", "0 1 * * *", "America/New_York"),
        ("correction-aggregation", "daily-aggregation", "0 1 * * *", "UTC"),
    ] {
        let start = "2099-07-01T12:00:00Z";
        let rest = ["--pattern", pattern, "--timezone", zone, "--start", start, MAIL];
        queuectl(&redis, &[&["schedule", "add", name, "-q", queue][..], &rest].concat()).await.with_code(0);
        let last = format!("{name}:last");
        redis.command(&["HSET", &format!("queue:{queue}:schedules"), &last, "4086000000000"]).await;
    }
    let ran = queuectl(&redis, &["schedule", "ls"]).await.with_code(0);
    snapshot::fits(&ran.stdout);
    snapshot::matches("schedule-ls", &ran.stdout);
    redis.command(&["HSET", "queue:email:schedules", "broken", "{}"]).await;
    let ran = queuectl(&redis, &["schedule", "ls", "--queue", "email"]).await.with_code(1);
    assert!(ran.stdout.contains("unusable") && ran.stdout.contains("nightly"), "{}", ran.stdout);
    assert!(
        ran.stderr.starts_with("email:broken is unusable: definition: missing field `pattern`"),
        "{}",
        ran.stderr
    );
    let json = queuectl(&redis, &["schedule", "ls", "--queue", "email", "--json"]).await.with_code(1).json();
    assert!(json[0]["fault"].as_str().unwrap().contains("pattern"), "{json}");
}

#[tokio::test]
async fn one_that_is_removed_is_gone() {
    let redis = RedisServer::start().await;
    queuectl(&redis, &["schedule", "add", "tick", "-q", "email", "-p", "@daily", MAIL]).await.with_code(0);
    let ran = queuectl(&redis, &["schedule", "rm", "tick", "--queue", "email"]).await.with_code(0);
    assert_eq!(ran.stdout, "email:tick: removed\n");
    assert_eq!(redis.command(&["EXISTS", "queue:email:schedules"]).await.int(), 0);
    let again = queuectl(&redis, &["schedule", "rm", "tick", "--queue", "email"]).await.with_code(1);
    assert_eq!(again.stdout, "email:tick: there is no such schedule\n");
    let json =
        queuectl(&redis, &["schedule", "rm", "tick", "-q", "email", "--json"]).await.with_code(1).json();
    assert_eq!(json["removed"], false);
}

#[tokio::test]
async fn what_cannot_be_used_is_refused_and_named() {
    let redis = RedisServer::start().await;
    for (args, message, names) in [
        ("tick --pattern 61_*_*_*_*", MAIL, "pattern `61 * * * *`"),
        ("tick --pattern 0_0_31_2_*", MAIL, "never fire"),
        ("tick --pattern @daily --timezone Berlin", MAIL, "timezone `Berlin`: unknown"),
        ("a/b --pattern @daily", MAIL, "name `a/b`"),
        ("tick --pattern @daily --start tomorrow", MAIL, "write 2026-01-31T12:00:00Z"),
        ("tick --pattern @daily --end 2020-01-01T00:00:00Z", MAIL, "end: nothing is left"),
        ("tick --pattern @daily --missed some", MAIL, "skip, one, all"),
        ("tick --pattern @daily --lane left", MAIL, "high, pending, low"),
        ("tick --pattern @daily", "{", "message: not a JSON object"),
        ("tick --pattern @daily", "-", "message: not a JSON object"),
        ("tick --pattern @daily", r#"{"id":"1","to":"a@example.com","body":"."}"#, "leave `id` out"),
        ("tick --pattern @daily", r#"{"to":"nobody","body":"."}"#, "no worker of queue `email` could send"),
        ("tick", MAIL, "--pattern"),
    ] {
        let args = args.split(' ').map(|arg| arg.replace('_', " "));
        let args: Vec<String> = ["schedule", "add", "-q", "email"]
            .map(String::from)
            .into_iter()
            .chain(args)
            .chain([message.into()])
            .collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ran = queuectl(&redis, &args).await.with_code(2);
        assert!(ran.stderr.contains(names), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(redis.command(&["EXISTS", "queue:email:schedules"]).await.int(), 0);
}
