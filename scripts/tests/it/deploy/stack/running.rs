//! `docker compose --profile dev up` without a `.env`: the first mail, and who may ask the API.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use redispatch_testkit::LIMIT;
use redispatch_testkit::client::Client;
use redispatch_testkit::process::Worker;
use redispatch_testkit::smtp::SmtpServer;

use super::Stack;
use crate::api::http::request;

#[tokio::test]
#[ignore = "needs docker-compose: scripts/test deploy"]
async fn the_first_mail_comes_and_the_api_is_not_open() {
    let catcher = SmtpServer::start().await;
    let mut stack = Stack::new(None, &["dev"]).await;
    stack.place(&catcher);
    stack.run("make-secrets").await.with_code(0);
    let redis = redis(&stack);
    stack.healthy("redis").await;

    let worker = stack.start("email-worker", &[]);
    stack.healthy("email-worker").await;
    let said = stack.run("first-mail").await.with_code(0).stdout;
    let web = &stack.service("mail-catcher")["ports"][0];
    let url = format!("http://{}:{}", web["host_ip"].as_str().unwrap(), web["published"].as_str().unwrap());
    assert!(said.contains(&url), "{said}");
    let mails = catcher.received(1).await;
    assert_eq!(mails[0].recipients, ["you@example.com"]);
    let mail = String::from_utf8_lossy(&mails[0].data).into_owned();
    assert!(mail.contains("Subject: Hello from the queue\r\n"), "{mail}");
    assert!(
        stack.env("email-worker", "SMTP_FROM").is_some_and(|from| from.contains(&mails[0].from)),
        "{mail}"
    );

    let api = stack.start("api", &[]);
    api.wait_for_event("api_started").await;
    let addr = format!("127.0.0.1:{}", super::port(&stack.text("0.0.0.0:8000"))).parse().unwrap();
    request(addr, "GET /api/v1/health/redis", &[], "").await.with_status(200);
    request(addr, "GET /api/queue/stats", &[], "").await.with_status(401);
    let bearer = format!("Bearer {}", stack.secret("api_token"));
    let stats = request(addr, "GET /api/queue/stats?queue=email", &[("authorization", &bearer)], "").await;
    assert_eq!(stats.with_status(200).json()["completed"], 1);

    for program in [&worker, &api] {
        program.sigterm();
        assert_eq!(program.wait_exit(LIMIT).await.code(), Some(0));
    }
    redis.sigterm();
    assert_eq!(redis.wait_exit(LIMIT).await.code(), Some(0));
}

/// The Redis of the file, on the port that `place` gave it.
fn redis(stack: &Stack) -> Worker {
    let addr = stack.text("redis:6379");
    let port = addr.rsplit(':').next().unwrap();
    fs::create_dir(stack.path("data")).unwrap();
    stack.start("redis", &["--port", port, "--bind", "127.0.0.1", "--dir", &stack.path("data")])
}

#[tokio::test]
#[ignore = "needs docker-compose: scripts/test deploy"]
async fn redis_asks_for_the_password_keeps_a_log_and_forgets_nothing() {
    let catcher = SmtpServer::start().await;
    let mut stack = Stack::new(None, &[]).await;
    stack.place(&catcher);
    stack.run("make-secrets").await.with_code(0);
    let redis = redis(&stack);
    stack.healthy("redis").await;
    let url = stack.secret("redis_url");
    let (login, addr) = url.strip_prefix("redis://default:").unwrap().split_once('@').unwrap();
    assert_eq!(login.len(), 64, "a password of 32 random bytes");
    let mut client = Client::connect(addr.strip_suffix("/0").unwrap()).await.unwrap();
    let refused = client.command(&["PING"]).await.unwrap();
    assert!(format!("{refused:?}").contains("NOAUTH"), "{refused:?}");
    client.command(&["AUTH", login]).await.unwrap();
    for (name, value) in
        [("appendonly", "yes"), ("maxmemory-policy", "noeviction"), ("maxmemory", "536870912")]
    {
        let found = client.command(&["CONFIG", "GET", name]).await.unwrap();
        assert_eq!(found.array()[1].text(), value, "{name}");
    }
    redis.sigterm();
    redis.wait_exit(LIMIT).await;
}

#[tokio::test]
#[ignore = "needs docker-compose: scripts/test deploy"]
async fn secrets_are_made_once_and_a_given_token_wins() {
    let catcher = SmtpServer::start().await;
    let mut first = Stack::new(None, &[]).await;
    first.place(&catcher);
    let made = async |stack: &Stack| {
        stack.run("make-secrets").await.with_code(0);
        ["redis.conf", "redis_url", "api_token"].map(|name| stack.secret(name))
    };
    let before = made(&first).await;
    for name in ["redis.conf", "redis_url", "api_token"] {
        let mode = fs::metadata(first.path(&format!("secrets/{name}"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o444, "{name}: the programs run as users without a name");
    }
    assert_eq!(made(&first).await, before);
    let mut other = Stack::new(None, &[]).await;
    other.place(&catcher);
    assert_ne!(made(&other).await[2], before[2]);

    let token = "a $HOME \"and\" \\n";
    let mut given = Stack::new(Some(&format!("API_TOKEN='{token}'")), &[]).await;
    given.place(&catcher);
    assert_eq!(made(&given).await[2], token);
}
