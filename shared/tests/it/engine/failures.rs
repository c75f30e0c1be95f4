//! Messages that fail, for now or for good, and handlers that misbehave.

use std::time::Duration;

use redispatch::config::{OnInDoubt, WorkerSettings};
use redispatch::worker::TimeUp;
use redispatch::{Failure, Outcome};
use redispatch_testkit::redis::RedisServer;

use super::account::{account, until};
use super::kit::{Desk, Log, PENDING, Running, key, number, push, push_numbers, sent, settings};

#[tokio::test]
async fn three_retries_are_three_sends_and_the_dead_letter_tells() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    push(&redis, r#"{"n":0,"id":"a", "amount": 1.50}"#).await;
    let mut reference = String::new();
    for attempt in 1..=3 {
        let sending = desk.next().await;
        assert_eq!(sending.delivery.attempt(), attempt);
        if attempt > 1 {
            assert_eq!(sending.delivery.reference(), reference);
            assert_eq!(
                sending.json()["_delivery"]["attempts"].as_array().unwrap().len(),
                attempt as usize - 1
            );
        }
        reference = sending.delivery.reference().to_owned();
        sending.answer(Outcome::Retry(Failure::new("busy").with_code(451).by("smtp")));
    }
    let end = until(&redis, "given up", |now| now.dead.len() == 1).await;
    end.adds_up(1, &[]);
    end.counters_are(&[("retried", 2), ("dead_lettered", 1)]);
    assert!(end.dead[0].starts_with(r#"{"n":0,"id":"a", "amount": 1.50,"#), "{}", end.dead[0]);
    let letter = end.dead_letter();
    assert_eq!(letter["retries"], 3);
    let record = &letter["_delivery"];
    for (field, value) in [
        ("reason", "retries_exhausted"),
        ("class", "retry"),
        ("error", "busy"),
        ("code", "451"),
        ("provider", "smtp"),
        ("lane", "pending"),
        ("ref", &reference),
    ] {
        assert_eq!(record[field], value, "{field} of {record}");
    }
    assert!(record["worker"].is_string() && record["dead_at"].as_str().unwrap().ends_with('Z'), "{record}");
    let attempts = record["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    assert!(
        attempts.iter().all(|one| one["error"] == "busy" && one["code"] == "451" && one["at"].is_string())
    );
    assert_eq!(redis.command(&["HGET", &key("status:a"), "state"]).await.text(), "dead");
    worker.stop().await;
}

#[tokio::test]
async fn a_failed_message_waits_for_its_backoff_which_doubles() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let mut settings = settings(&redis.url());
    settings.backoff.delay = Duration::from_secs(40);
    settings.backoff.kind = redispatch::config::BackoffKind::Exponential;
    settings.max_retries = 4;
    let worker = desk.worker(settings);
    push(&redis, r#"{"n":0}"#).await;
    for wait in [40_000, 60_000, 60_000] {
        let before = super::kit::now(&redis).await;
        desk.next().await.fail();
        until(&redis, "delayed", |now| now.delayed.len() == 1).await;
        let after = super::kit::now(&redis).await;
        let members = redis.command(&["ZRANGE", &key("delayed"), "0", "-1", "WITHSCORES"]).await;
        let (member, due) = (members.array()[0].text(), members.array()[1].text().parse::<i64>().unwrap());
        assert!((before + wait..=after + wait).contains(&due), "{due} is not {wait} after {before}");
        redis.command(&["ZADD", &key("delayed"), "1", member]).await;
    }
    assert_eq!(desk.accept(1).await, [0]);
    let end = until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1).await;
    end.counters_are(&[("sent", 1), ("retried", 3)]);
    worker.stop().await;
}

#[tokio::test]
async fn max_retries_of_the_message_wins_and_history_ends_at_twenty() {
    let redis = RedisServer::start().await;
    let tries = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = tries.clone();
    let mut settings = settings(&redis.url());
    settings.backoff.delay = Duration::ZERO;
    let worker = Running::start(settings, move |delivery| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move { Outcome::Retry(Failure::new(format!("number {}", delivery.attempt()))) }
    });
    push(&redis, r#"{"n":0,"max_retries":25}"#).await;
    let end = until(&redis, "given up", |now| now.dead.len() == 1).await;
    end.adds_up(1, &[]);
    end.counters_are(&[("retried", 24), ("dead_lettered", 1)]);
    assert_eq!(tries.load(std::sync::atomic::Ordering::SeqCst), 25);
    let letter = end.dead_letter();
    let errors: Vec<_> = letter["_delivery"]["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["error"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(errors, (6..=25).map(|n| format!("number {n}")).collect::<Vec<_>>());
    worker.stop().await;
}

#[tokio::test]
async fn requeued_by_hand_it_gets_its_full_retries_again_and_keeps_its_history() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    push(&redis, r#"{"n":0}"#).await;
    for round in 1..=2 {
        for attempt in 1..=3 {
            let sending = desk.next().await;
            assert_eq!(sending.delivery.attempt(), attempt);
            let delivery = &sending.json()["_delivery"];
            assert_eq!(
                delivery["dead_at"].is_string(),
                round == 2 && attempt == 1,
                "dead_at goes with the next edit"
            );
            sending.fail();
        }
        let dead = until(&redis, "given up", |now| now.dead.len() == 1).await;
        dead.adds_up(1, &[]);
        assert_eq!(dead.dead_letter()["_delivery"]["attempts"].as_array().unwrap().len(), 3 * round);
        redis.shell("redis-cli rpoplpush queue:q:dead_letter queue:q:pending").await;
    }
    assert_eq!(desk.accept(1).await, [0]);
    let end = until(&redis, "sent", |now| now.is_dry()).await;
    end.adds_up(1, &desk.log.numbers());
    end.counters_are(&[("sent", 1), ("retried", 4), ("dead_lettered", 2)]);
    worker.stop().await;
}

#[tokio::test]
async fn refused_for_good_is_dead_lettered_at_the_first_send() {
    let redis = RedisServer::start().await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    push(&redis, r#"{"n":0}"#).await;
    desk.next().await.answer(Outcome::Reject(Failure::new("no such user").with_code(550)));
    let end = until(&redis, "given up", |now| now.dead.len() == 1).await;
    end.adds_up(1, &[]);
    end.counters_are(&[("dead_lettered", 1)]);
    assert_eq!(end.dead_letter()["_delivery"]["reason"], "reject");
    worker.stop().await;
}

#[tokio::test]
async fn malformed_entries_are_kept_with_the_reason_and_stop_nobody() {
    let redis = RedisServer::start().await;
    let log = Log::default();
    let worker = log.worker(settings(&redis.url()));
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let large = format!(r#"{{"n":0,"body":"{}"}}"#, "x".repeat(11 << 20));
    let large_nonsense = format!("{{{}}}", "x".repeat(11 << 20));
    let entries: Vec<Vec<u8>> = [
        "",
        " ",
        "null",
        "[]",
        "\"x\"",
        "1",
        "{",
        "{]",
        "{}x",
        "{\"a\":1,}",
        "{\"id\":1}",
        "{\"id\":\"\"}",
        "{\"id\":\"a\",\"id\":\"b\"}",
        "{\"retries\":-1}",
        "{\"retries\":\"1\"}",
        "{\"max_retries\":0}",
        "{\"send_at\":1700000000}",
        "{\"send_at\":\"tomorrow\"}",
        "{\"ttl_ms\":5}",
        "{\"metadata\":[]}",
        "{\"_delivery\":7}",
        "{\"_delivery\":{\"attempts\":7}}",
        &deep,
        &large,
        &large_nonsense,
    ]
    .into_iter()
    .map(|text| text.as_bytes().to_vec())
    .chain([b"{\"n\":\"\xff\"}".to_vec(), vec![0], vec![0xc3, 0x28]])
    .collect();
    let commands: Vec<_> =
        entries.iter().map(|entry| vec![b"LPUSH".to_vec(), PENDING.into(), entry.clone()]).collect();
    redis.connect().await.pipeline(&commands).await.unwrap();
    push(&redis, r#"{"n":0}"#).await;
    let count = entries.len();
    let end = until(&redis, "all gone", |now| now.is_dry() && now.counter("sent") == 1).await;
    assert_eq!(log.numbers(), [0]);
    end.counters_are(&[("sent", 1), ("dead_lettered", count as i64)]);
    assert_eq!(end.dead.len(), count);
    for letter in &end.dead {
        let shown: String = letter.chars().take(200).collect();
        let json: serde_json::Value = serde_json::from_str(letter).unwrap_or_else(|e| panic!("{e}: {shown}"));
        assert_eq!(json["_delivery"]["reason"], "malformed", "{shown}");
        assert!(!json["_delivery"]["error"].as_str().unwrap().is_empty(), "{shown}");
    }
    worker.stop().await;
}

#[tokio::test]
async fn a_panic_fails_that_one_message() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 6).await;
    let log = Log::default();
    let accepted = log.clone();
    let mut settings = settings(&redis.url());
    settings.max_retries = 1;
    let worker = Running::start(settings, move |delivery| {
        let n = number(delivery.bytes());
        assert!(n != 1, "in the call");
        let log = log.clone();
        async move {
            tokio::task::yield_now().await;
            assert!(n != 3, "in the future");
            log.accepted(n);
            sent()
        }
    });
    let end = until(&redis, "all gone", |now| now.is_dry() && now.dead.len() == 2).await;
    end.adds_up(6, &accepted.numbers());
    end.counters_are(&[("sent", 4), ("dead_lettered", 2)]);
    let mut errors: Vec<_> = end
        .dead
        .iter()
        .map(|letter| {
            let json: serde_json::Value = serde_json::from_str(letter).unwrap();
            json["_delivery"]["error"].as_str().unwrap().to_owned()
        })
        .collect();
    errors.sort();
    assert_eq!(errors, ["the handler panicked: in the call", "the handler panicked: in the future"]);
    worker.stop().await;
}

#[tokio::test]
async fn a_send_without_end_fails_before_and_is_in_doubt_after_it_was_confirmed() {
    let redis = RedisServer::start().await;
    push_numbers(&redis, 2).await;
    let settings = WorkerSettings {
        send_timeout: Duration::from_millis(100),
        on_in_doubt: OnInDoubt::DeadLetter,
        max_retries: 1,
        ..settings(&redis.url())
    };
    let worker = Running::start(settings, |delivery| async move {
        if number(delivery.bytes()) == 1 {
            delivery.confirm().await.unwrap();
        }
        std::future::pending().await
    });
    let end = until(&redis, "both given up", |now| now.dead.len() == 2).await;
    end.adds_up(2, &[]);
    end.counters_are(&[("dead_lettered", 2)]);
    for letter in &end.dead {
        let json: serde_json::Value = serde_json::from_str(letter).unwrap();
        let (reason, class) =
            if json["n"] == 1 { ("in_doubt", "in_doubt") } else { ("retries_exhausted", "retry") };
        assert_eq!(
            (&json["_delivery"]["reason"], &json["_delivery"]["class"]),
            (&reason.into(), &class.into())
        );
        assert_eq!(json["_delivery"]["error"], "no answer within SEND_TIMEOUT_MS (100 ms)");
    }
    worker.stop().await;
}

#[tokio::test]
async fn in_doubt_is_tried_again_where_nothing_else_is_asked_for() {
    let redis = RedisServer::start().await;
    push(&redis, r#"{"n":0}"#).await;
    let mut desk = Desk::new();
    let worker = desk.worker(settings(&redis.url()));
    desk.next().await.answer(Outcome::InDoubt(Failure::new("no answer")));
    assert_eq!(desk.accept(1).await, [0]);
    let end = until(&redis, "sent", |now| now.is_dry() && now.counter("sent") == 1).await;
    end.adds_up(1, &desk.log.numbers());
    end.counters_are(&[("sent", 1), ("retried", 1)]);
    worker.stop().await;
    assert_eq!(account(&redis).await, end);
}

#[tokio::test]
async fn a_send_whose_time_is_up_answers_with_what_it_knows() {
    let redis = RedisServer::start().await;
    push(&redis, r#"{"n":0}"#).await;
    let send_timeout = Duration::from_millis(400);
    let settings = WorkerSettings {
        send_timeout,
        on_in_doubt: OnInDoubt::DeadLetter,
        max_retries: 1,
        ..settings(&redis.url())
    };
    let worker = Running::start(settings, move |delivery| async move {
        delivery.confirm().await.unwrap();
        let why = delivery.time_is_up().await;
        assert_eq!(why, TimeUp::SendTimeout(send_timeout));
        assert!(tokio::time::Instant::now() < delivery.deadline());
        why.into()
    });
    let end = until(&redis, "given up", |now| now.dead.len() == 1).await;
    let json: serde_json::Value = serde_json::from_str(&end.dead[0]).unwrap();
    assert_eq!(
        json["_delivery"]["reason"], "retries_exhausted",
        "what the handler said, not in doubt: {json}"
    );
    assert_eq!(json["_delivery"]["error"], "no answer within SEND_TIMEOUT_MS (400 ms)");
    worker.stop().await;
}
