use redispatch_testkit::twilio::{Answer, Rule};
use serde_json::json;

use super::Site;
use crate::queue::{Left, NOTHING};
use crate::run::{output, told};
use crate::site::{ACCOUNT, Channel as _, FROM};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sms-worker");

#[tokio::test]
async fn unusable_settings_are_all_told_and_end_with_78() {
    let env = [
        ("SMS_PROVIDER", "twilio"),
        ("TWILIO_ACCOUNT_SID", "a-token-in-the-wrong-place"),
        ("TWILIO_API_URL", "https://me:secret-word@api.twilio.com"),
        ("PHONE_VALIDATION", "maybe"),
        ("CONCURRENCY", "0"),
    ];
    let out = output(PROGRAM, &[], &env).await;
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!((out.status.code(), &*out.stdout), (Some(78), &b""[..]), "{said}");
    assert!(said.starts_with("error: 6 settings cannot be used"), "{said}");
    let names = [
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN",
        "TWILIO_FROM_NUMBER",
        "TWILIO_API_URL",
        "PHONE_VALIDATION",
    ];
    for name in names {
        assert!(said.contains(&format!("\n  {name}: ")), "{name}: {said}");
    }
    assert!(!said.contains("secret-word") && !said.contains("a-token-in-the-wrong-place"), "{said}");
}

#[tokio::test]
async fn help() {
    let out = output(PROGRAM, &["--help"], &[]).await;
    let help = String::from_utf8(out.stdout).unwrap();
    assert_eq!(out.status.code(), Some(0));
    for name in
        ["--check", "--dry-run", "TWILIO_AUTH_TOKEN_FILE", "SMS_PROVIDER", "PHONE_VALIDATION", "Examples:"]
    {
        assert!(help.contains(name), "{name}: {help}");
    }
    let widest = help.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert!(widest.chars().count() <= 80, "{widest}");
}

#[tokio::test]
async fn check_asks_for_the_account_and_sends_nothing() {
    let site = Site::start().await;
    site.push([0]).await;
    let (code, said, _) = told(&site, &["--check"], &[]).await;
    let url = site.channel.server.url();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.ends_with(&format!("\nsms       ok: twilio: logged in at {url}; nothing sent\n")), "{said}");
    let requests = site.channel.server.requests(1).await;
    assert_eq!(
        (&*requests[0].method, &*requests[0].path),
        ("GET", &*format!("/2010-04-01/Accounts/{ACCOUNT}.json"))
    );
    assert_eq!((requests.len(), site.queue().left().await), (1, Left { waiting: 1, ..NOTHING }));
}

/// What is wrong, and where to look.
#[tokio::test]
async fn check_says_what_is_wrong() {
    let mut site = Site::start().await;
    let key = [
        ("TWILIO_API_KEY_SID", "SK00112233445566778899aabbccddeeff"),
        ("TWILIO_API_KEY_SECRET", "key-secret"),
    ];
    let suspended = r#"{"sid":"AC1","status":"suspended"}"#;
    for (answer, settings, words) in [
        (Answer::error(401, 20003), &[][..], "; check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"),
        (
            Answer::error(401, 20003),
            &key,
            "; check TWILIO_ACCOUNT_SID, TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET",
        ),
        (Answer::status(200, suspended), &[], "FAILED: the account in TWILIO_ACCOUNT_SID is suspended"),
        (Answer::status(404, "<html>nginx</html>"), &[], "is TWILIO_API_URL right?"),
    ] {
        site.channel.server.script(Rule::answer(answer));
        let (code, said, _) = told(&site, &["--check"], settings).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(
            said.contains("\nredis     ok") && said.contains(words) && !said.contains("secret"),
            "{words}: {said}"
        );
        site.channel.server.behave();
    }
    // an API key may not ask for the account, so it asks for messages
    site.channel.server.script(Rule::answer(Answer::status(200, r#"{"messages":[],"page_size":1}"#)));
    let (code, said, _) = told(&site, &["--check"], &key).await;
    assert_eq!(code, Some(0), "{said}");
    let last = site.channel.server.requests(5).await.pop().unwrap();
    assert_eq!(
        (&*last.method, last.path.ends_with("/Messages.json?PageSize=1")),
        ("GET", true),
        "{}",
        last.path
    );

    site.channel.server.stop().await;
    let (code, said, _) = told(&site, &["--check"], &[]).await;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("sms       FAILED: cannot reach http://127.0.0.1:") && said.contains("refused"),
        "{said}"
    );
}

#[tokio::test]
async fn dry_run_shows_what_would_be_sent_and_changes_nothing() {
    let site = Site::start().await;
    let long = "Grüße 🎉 ".repeat(20);
    let messages = [
        json!({"to": "+491701234567", "body": "a\nb{c", "id": "order-1"}),
        json!({"to": "+491701234567", "body": long, "from": "ACME", "media_urls": ["https://a.example/1.png"]}),
        json!({"to": "0170 1234567", "body": "x"}),
        json!({"topic": true, "body": "x"}),
        json!({"too": "+491701234567", "body": "x"}),
    ];
    for message in &messages {
        site.queue().push(&[message.to_string()]).await;
    }
    let (code, said, talk) = told(&site, &["--dry-run"], &[]).await;
    assert_eq!(code, Some(1), "{said}");
    let first = format!(
        "1 pending id=order-1\n  from        {FROM}\n  to          +4917••••••67\n  body        \"a\\nb{{c\"\n  \
         size        5 characters, 1 part of GSM-7\n"
    );
    assert!(said.starts_with(&first), "{said}");
    assert!(
        said.contains("  from        ACME\n")
            && said.contains("160 characters, 3 parts of UCS-2\n  media       1\n"),
        "{said}"
    );
    assert!(said.contains("  dead letter `topic` needs SNS"), "{said}");
    assert!(said.contains("  dead letter malformed: `to` is missing (there is a `too`)\n"), "{said}");
    assert!(!said.contains("1701234567") && !said.contains("170 1234567"), "{said}");
    assert!(talk.contains("3 would be dead-lettered"), "{talk}");
    assert_eq!((site.channel.attempts(), site.queue().left().await), (0, Left { waiting: 5, ..NOTHING }));
}
