//! Logins, without sending.

use std::time::Instant;

use redispatch_testkit::smtp::{Act, Offers, Rule, SmtpServer, Step, Tls};
use redispatch_testkit::twilio::TwilioServer;

use super::{Bench, sound};

const ACCOUNT: &str = "AC00000000000000000000000000000001";

async fn smtp() -> SmtpServer {
    let credentials = Some(("me".to_owned(), "right-word".to_owned()));
    SmtpServer::start_with(Offers { credentials, tls: Tls::StartTls, ..Offers::default() }).await
}

fn emailing(bench: Bench, smtp: &SmtpServer, password: &str) -> Bench {
    let bench = bench.env("SMTP_HOST", smtp.host()).env("SMTP_PORT", &smtp.port().to_string());
    let bench = bench.env("SMTP_USER", "me").env("SMTP_PASS", password);
    bench.env("SSL_CERT_FILE", smtp.ca_file().to_str().unwrap())
}

#[tokio::test]
async fn smtp_with_the_right_and_the_wrong_password() {
    let (redis, smtp) = (sound().await, smtp().await);
    let right = emailing(Bench::new(&redis.url()), &smtp, "right-word").report(&[]).await;
    assert_eq!((right.code, right.bad()), (0, vec![]));
    assert_eq!(right.of("email provider"), [("ok", "connected and logged in; nothing sent", "")]);

    let wrong = emailing(Bench::new(&redis.url()), &smtp, "wrong-word").report(&[]).await;
    let (level, check, found) = wrong.only();
    assert_eq!((wrong.code, level, check), (1, "fault", "email provider"));
    assert!(found.contains("535"), "{found}");
    assert!(!wrong.text.contains("-word"), "{}", wrong.text);
    assert_eq!(smtp.count("MAIL"), 0);
}

#[tokio::test]
async fn twilio_with_the_right_and_the_wrong_token() {
    let (redis, twilio) = (sound().await, TwilioServer::start().await);
    twilio.require_login(ACCOUNT, "right-word");
    for (token, code, levels) in [("right-word", 0, ["ok", "ok"]), ("wrong-word", 1, ["fault", "fault"])] {
        let bench =
            Bench::new(&redis.url()).env("TWILIO_ACCOUNT_SID", ACCOUNT).env("TWILIO_AUTH_TOKEN", token);
        let bench = bench.env("TWILIO_FROM_NUMBER", "+14155552671").env("TWILIO_API_URL", &twilio.url());
        let bench = bench.env("WHATSAPP_ACCOUNT_SID", ACCOUNT).env("WHATSAPP_AUTH_TOKEN", token);
        let bench = bench.env("WHATSAPP_FROM_NUMBER", "+14155552671").env("WHATSAPP_API_URL", &twilio.url());
        let report = bench.report(&[]).await;
        let told = ["sms provider", "whatsapp provider"].map(|check| report.of(check)[0].0);
        assert_eq!((report.code, told), (code, levels), "{report:?}");
        assert_eq!(report.of("email-worker")[0].0, "skipped");
        assert!(report.of("email provider").is_empty());
    }
    assert!(twilio.accepted().is_empty());
}

#[tokio::test]
async fn nobody_is_asked_where_nobody_is_to_be() {
    let (redis, smtp) = (sound().await, smtp().await);
    let report = emailing(Bench::new(&redis.url()), &smtp, "wrong-word").report(&["--no-provider"]).await;
    assert_eq!((report.code, report.bad(), smtp.connections()), (0, vec![], 0));
}

#[tokio::test]
async fn providers_that_hang_are_waited_for_at_the_same_time_and_not_for_long() {
    let (redis, smtp, twilio) = (sound().await, smtp().await, TwilioServer::start().await);
    smtp.script(Rule::at(Step::Greeting).act(Act::Stall));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let bench = emailing(Bench::new(&redis.url()), &smtp, "right-word");
    let bench = bench.env("WHATSAPP_ACCOUNT_SID", ACCOUNT).env("WHATSAPP_AUTH_TOKEN", "x");
    let bench = bench.env("WHATSAPP_FROM_NUMBER", "+14155552671").env("WHATSAPP_API_URL", &url);
    let started = Instant::now();
    let report = bench.report(&[]).await;
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
    for check in ["email provider", "whatsapp provider"] {
        assert_eq!(report.of(check)[0].0, "fault", "{report:?}");
    }
    drop(twilio);
}
