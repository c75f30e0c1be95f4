//! What must never be said.

use redispatch_testkit::redis::RedisServer;

use super::server::Server;

const TOKEN: &str = "the-token-of-this-api";
const PASSWORD: &str = "the-password-of-redis";

#[tokio::test]
async fn no_secret_and_no_recipient_is_in_answers_or_logs() {
    let mut redis = RedisServer::start().await;
    redis.command(&["CONFIG", "SET", "requirepass", PASSWORD]).await;
    let url = format!("redis://:{PASSWORD}@127.0.0.1:{}/0", redis.port());
    let env = [("API_TOKEN", TOKEN), ("RUST_LOG", "debug")];
    let server = Server::at(&url, &env).await;
    let bearer = format!("Bearer {TOKEN}");
    let mut said = String::new();
    all(&server, &bearer, &mut said).await;
    assert!(said.contains("\"healthy\"") && said.contains("created"), "it works: {said}");
    all(&server, "Bearer a-guess-4711", &mut said).await;
    redis.kill();
    all(&server, &bearer, &mut said).await;
    assert!(said.contains("disconnected"), "{said}");

    // Another password, and a host that there is not.
    let wrong = RedisServer::start().await;
    wrong.command(&["CONFIG", "SET", "requirepass", "another one"]).await;
    let server = Server::at(&format!("redis://:{PASSWORD}@127.0.0.1:{}/0", wrong.port()), &env).await;
    all(&server, &bearer, &mut said).await;
    said.push_str(&server.log());
    let server = Server::at(&format!("redis://:{PASSWORD}@nowhere.invalid:6379/0"), &env).await;
    all(&server, &bearer, &mut said).await;
    said.push_str(&server.log());

    assert!(said.contains("request_failed"), "failures are logged: {said}");
    for secret in [TOKEN, PASSWORD, "a-guess-4711", "bob@example.com", "4917012345678"] {
        assert!(!said.contains(secret), "{secret} is in: {said}");
    }
}

/// Asks everything there is, and keeps what was said.
async fn all(server: &Server, bearer: &str, said: &mut String) {
    let token = [("authorization", bearer)];
    for path in [
        "/api/v1/health/redis",
        "/metrics",
        "/api/queue/stats",
        "/api/admin/jobs/email",
        "/api/v1/messages/email/bob@example.com",
        "/api/openapi.json",
    ] {
        let answer = server.get_with(path, &token).await;
        said.push_str(&format!("{:?} {}\n", answer.headers, answer.body));
    }
    for (path, body) in [
        ("/api/v1/messages/email", r#"{"to":"bob@example.com","body":"x"}"#),
        ("/api/v1/messages/email", r#"{"to":"bob@example.com;","body":"x"}"#),
        ("/api/v1/messages/sms", r#"{"to":"4917012345678","body":"x"}"#),
        ("/api/admin/jobs/sms", r#"{"to":"+4917012345678","body":"x"}"#),
    ] {
        let answer = server.post_with(path, &token, body).await;
        said.push_str(&format!("{:?} {}\n", answer.headers, answer.body));
    }
    said.push_str(&server.log());
}
