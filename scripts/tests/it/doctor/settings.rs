//! `.env`, the environment, and what each worker says to them.

use super::{Bench, sound};

#[tokio::test]
async fn a_good_file_is_well() {
    let redis = sound().await;
    let file = "# SMTP_HOTS=x\nMAX_RETRIES=3\nQUEUES=news\nLOG_FORMAT='json'\n";
    let report = Bench::new(&redis.url()).file(file).report(&[]).await;
    assert_eq!((report.code, report.bad()), (0, vec![]));
    assert_eq!(report.of(".env"), [("ok", "every line is a setting, and nothing is odd about it", "")]);
    assert_eq!(report.queue("orphans", "news").0, "ok", "QUEUES of the file counts");
}

#[tokio::test]
async fn each_trap_of_a_file() {
    let redis = sound().await;
    for (line, code, expected) in [
        ("SMPT_HOST=x", 0, ("warning", "unknown names", ".env line 2: SMPT_HOST is no setting")),
        ("BULLMQ_PREFIX=x", 0, ("warning", "unknown names", ".env line 2: BULLMQ_PREFIX is no setting")),
        (
            "RETRY_DELAY_MS=5000 # ms",
            0,
            ("warning", "inline comments", "behind a value in .env: RETRY_DELAY_MS (line 2)"),
        ),
        ("MAX_RETRIES=3", 0, ("warning", "duplicates", ".env lines 1 and 2 both set MAX_RETRIES")),
        ("MAX_RETRIES=4", 1, ("fault", "settings", ".env line 2 sets MAX_RETRIES again (first in line 1)")),
        ("SMTP_PASS=a$b", 1, ("fault", "settings", ".env line 2 has a $, which would be substituted")),
        ("SMTP_PASS=a\"b", 1, ("fault", "settings", ".env line 2 has a quote or backslash in its value")),
        ("WORKER_ID=two words", 1, ("fault", "settings", ".env line 2 has a space in its value")),
        ("SMTP_HOST", 1, ("fault", "settings", ".env line 2 is not NAME=value")),
        ("RETRY_JITTER=2", 1, ("fault", "settings", "RETRY_JITTER (.env line 2) `2` cannot be used")),
    ] {
        let bench = Bench::new(&redis.url()).file(&format!("MAX_RETRIES=3\n{line}\n"));
        let report = bench.report(&[]).await;
        let (level, check, found) = report.only();
        assert_eq!((report.code, level, check), (code, expected.0, expected.1), "{line}: {report:?}");
        assert!(found.starts_with(expected.2), "{line}: {found}");
        assert_eq!(report.queue("orphans", "email").0, "ok", "REDIS_URL says where Redis is");
    }
}

#[tokio::test]
async fn a_line_that_may_have_said_where_redis_is_keeps_it_from_being_asked() {
    let report = Bench::new("").file("REDIS_URL=redis://:pa$$word@db.example.com\n").report(&[]).await;
    assert_eq!((report.code, report.of("settings").len()), (1, 1));
    assert_eq!(report.of("redis"), [("skipped", "not asked: the settings do not say where it is", "")]);
    assert!(!report.text.contains("word@"), "{}", report.text);
}

#[tokio::test]
async fn names_of_an_example_beside_the_file_are_known() {
    let redis = sound().await;
    let bench = Bench::new(&redis.url()).file("OUR_OWN=1\n").named(".env.example", "#OUR_OWN=\n");
    assert_eq!(bench.report(&[]).await.bad(), []);
}

#[tokio::test]
async fn what_the_environment_says_otherwise() {
    let redis = sound().await;
    let bench = Bench::new(&redis.url()).file("MAX_RETRIES=3\nPOLL_INTERVAL_MS=500\nAPI_SECRET=1\n");
    let report = bench.env("MAX_RETRIES", "5").env("POLL_INTERVAL_MS", "500").report(&[]).await;
    let [(level, found, todo)] = report.of("drift")[..] else { panic!("{report:?}") };
    assert_eq!((report.code, level, todo), (0, "warning", "set it in one place"));
    let expected = "MAX_RETRIES is set otherwise in the environment (`5`, and `3` in .env)";
    assert!(found.starts_with(expected), "{found}");
}

#[tokio::test]
async fn secrets_are_never_shown() {
    let redis = sound().await;
    let file = "SMTP_PASS=hunter2\nTWILIO_AUTH_TOKEN=hunter2 # old\nWHATSAPP_AUTH_TOKEN=\"hunter2\nREDIS_PASSWORD=hunter2\n";
    let bench =
        Bench::new(&redis.url()).file(file).env("SMTP_PASS", "hunter3").env("TWILIO_AUTH_TOKEN", "# hunter4");
    let report = bench.report(&["--no-provider"]).await;
    assert!(report.of("drift").len() >= 2 && !report.text.contains("hunter"), "{}", report.text);
}

#[tokio::test]
async fn each_worker_is_told_all_that_it_would_refuse() {
    let redis = sound().await;
    let bench =
        Bench::new(&redis.url()).env("SMTP_USER", "me").env("SMTP_TLS", "ssl").env("CONCURRENCY", "0");
    let report = bench.env("TWILIO_ACCOUNT_SID", "secret-word").report(&["--no-provider"]).await;
    assert_eq!(report.code, 1);
    let found =
        |check: &str| report.of(check).iter().map(|(_, found, _)| (*found).to_owned()).collect::<Vec<_>>();
    assert_eq!(found("settings"), ["CONCURRENCY `0` cannot be used"]);
    let email = [
        "SMTP_HOST is needed for EMAIL_TRANSPORT=smtp",
        "SMTP_USER is set without SMTP_PASS",
        "SMTP_TLS `ssl` cannot be used",
    ];
    let mut told = found("email-worker");
    told.sort();
    let mut email = email.map(str::to_owned);
    email.sort();
    assert_eq!(told, email);
    assert_eq!(found("sms-worker").len(), 3, "{:?}", found("sms-worker"));
    assert_eq!(report.of("whatsapp-worker")[0].0, "skipped");
    assert!(!report.text.contains("secret-word"), "{}", report.text);
}

#[tokio::test]
async fn an_api_that_would_be_open_to_all() {
    let redis = sound().await;
    let report = Bench::new(&redis.url()).env("API_ADDR", "0.0.0.0:8000").report(&[]).await;
    assert_eq!((report.code, report.only().0, report.only().1), (1, "fault", "queuectl serve"));
}

#[tokio::test]
async fn settings_of_redis_that_cannot_be_used() {
    let report = Bench::new("bogus://x").report(&[]).await;
    assert_eq!((report.code, report.only().1), (1, "settings"));
    assert_eq!(report.of("redis")[0].0, "skipped");
}

#[tokio::test]
async fn flags_count_as_for_any_other_verb() {
    let redis = sound().await;
    let report = Bench::new("redis://127.0.0.1:1").report(&["--redis-url", &redis.url()]).await;
    assert_eq!((report.code, report.bad()), (0, vec![]));
}
