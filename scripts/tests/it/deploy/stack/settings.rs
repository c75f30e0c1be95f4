//! What a `.env` changes, and what it cannot.

use redispatch_testkit::LIMIT;
use redispatch_testkit::smtp::SmtpServer;

use super::Stack;

/// Made for the host, with what other readers of such files get wrong.
const ENV: &str = r#"
REDIS_URL=redis://127.0.0.1:6379/3
REDIS_HOST=localhost
REDIS_PASSWORD=of-the-host
REDIS_TLS=yes
REDIS_TLS_CA_FILE=/etc/ssl/own-ca.pem
WORKER_QUEUE=email-2
HTTP_ADDR=127.0.0.1:9999
API_ADDR=127.0.0.1:8001
API_TOKEN='a$b"c'
API_TOKEN_FILE=/home/me/token
SMTP_HOST=smtp.example.com
SMTP_USER=me # the shop's
SMTP_PASS='pa$$w"o#rd'
SMTP_FROM='Shop <shop@example.com>'
SMTP_POOL_SIZE=   # as many as it takes
SMS_PROVIDER=twilio  # or 'aws-sns'
TWILIO_ACCOUNT_SID=AC00000000000000000000000000000000
TWILIO_AUTH_TOKEN=t
TWILIO_FROM_NUMBER=+15005550006
"#;

#[tokio::test]
#[ignore = "needs docker-compose: scripts/test deploy"]
async fn without_an_env_nothing_starts_that_cannot_run() {
    let stack = Stack::new(None, &[]).await;
    for (service, scale) in
        [("email-worker", 1), ("api", 1), ("redis", 1), ("sms-worker", 0), ("whatsapp-worker", 0)]
    {
        assert_eq!(stack.scale(service), scale, "{service}");
    }
    for service in ["mail-catcher", "first-mail", "prometheus", "grafana"] {
        assert!(!stack.has(service), "{service}");
    }
    assert_eq!(stack.env("email-worker", "SMTP_HOST").as_deref(), Some("mail-catcher"));
    let monitored = Stack::new(None, &["monitoring"]).await;
    assert!(monitored.has("prometheus") && monitored.has("grafana") && !monitored.has("first-mail"));
}

#[tokio::test]
#[ignore = "needs docker-compose: scripts/test deploy"]
async fn settings_arrive_as_written_and_addresses_stay_the_files_own() {
    let catcher = SmtpServer::start().await;
    let mut stack = Stack::new(Some(ENV), &["dev"]).await;
    stack.place(&catcher);
    for (name, value) in [
        ("SMTP_HOST", Some("smtp.example.com")),
        ("SMTP_USER", Some("me")),
        ("SMTP_PASS", Some(r#"pa$$w"o#rd"#)),
        ("SMTP_FROM", Some("Shop <shop@example.com>")),
        // the catcher's, all of them, or none
        ("SMTP_PORT", None),
        ("SMTP_TLS", None),
        ("REDIS_URL", Some("")),
        ("REDIS_URL_FILE", Some("/secrets/redis_url")),
        ("REDIS_TLS_CA_FILE", Some("")),
        ("WORKER_QUEUE", Some("")),
        ("HTTP_ADDR", Some("0.0.0.0:9401")),
    ] {
        assert_eq!(stack.env("email-worker", name).as_deref(), value, "{name}");
    }
    for (name, value) in
        [("API_TOKEN", ""), ("API_TOKEN_FILE", "/secrets/api_token"), ("API_ADDR", "0.0.0.0:8000")]
    {
        assert_eq!(stack.env("api", name).as_deref(), Some(value), "{name}");
    }
    assert_eq!((stack.scale("sms-worker"), stack.scale("whatsapp-worker")), (1, 0));
    let several = Stack::new(Some("SMS_PROVIDER=aws-sns\nSMS_WORKERS=2\nEMAIL_WORKERS=3"), &[]).await;
    assert_eq!((several.scale("sms-worker"), several.scale("email-worker")), (2, 3));

    // half of a server is none
    let half = "SMTP_HOST=\nSMTP_PORT=465\nSMTP_USER=me\nSMTP_PASS=x";
    let half = Stack::new(Some(half), &["dev"]).await;
    for (name, value) in
        [("SMTP_HOST", "mail-catcher"), ("SMTP_PORT", "1025"), ("SMTP_USER", ""), ("SMTP_PASS", "")]
    {
        assert_eq!(half.env("email-worker", name).as_deref(), Some(value), "{name}");
    }

    // no mail of ours to a real server
    let said = stack.run("first-mail").await.with_code(0).stdout;
    assert!(said.contains("is set in .env") && said.lines().count() == 1, "{said}");

    // the programs take it all, and their Redis is that of the file
    stack.run("make-secrets").await.with_code(0);
    assert_eq!(stack.secret("api_token"), "a$b\"c");
    for (service, event) in
        [("email-worker", "worker_started"), ("sms-worker", "worker_started"), ("api", "api_started")]
    {
        let program = stack.start(service, &[]);
        program.wait_for_event(event).await;
        program.sigterm();
        assert_eq!(program.wait_exit(LIMIT).await.code(), Some(0), "{service}");
    }
}
