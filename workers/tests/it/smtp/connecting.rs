//! TLS modes, EHLO, AUTH, `--check`.

use std::time::Duration;

use redispatch_testkit::smtp::{Act, Offers, Rule, SmtpServer, Step, Tls};
use redispatch_workers::email::smtp::{Limits, Pool, SmtpSettings, TlsMode};
use secrecy::SecretString;

use super::{assert_failed, assert_sent, hasty, pool, send, settings};

async fn server(tls: Tls) -> SmtpServer {
    SmtpServer::start_with(Offers { tls, ..Offers::default() }).await
}

fn trusting(server: &SmtpServer, tls: TlsMode) -> SmtpSettings {
    SmtpSettings { tls, extra_root_ca: Some(server.ca_file().to_path_buf()), ..settings(server) }
}

fn with_password(settings: SmtpSettings, password: &str) -> SmtpSettings {
    SmtpSettings { credentials: Some(("user".into(), SecretString::from(password))), ..settings }
}

async fn server_with_login(mechanisms: &str, tls: Tls) -> SmtpServer {
    let credentials = Some(("user".to_owned(), "geheim".to_owned()));
    SmtpServer::start_with(Offers { credentials, mechanisms: mechanisms.into(), tls, ..Offers::default() })
        .await
}

#[tokio::test]
async fn implicit_tls() {
    let server = server(Tls::Implicit).await;
    assert_sent(&send(&pool(trusting(&server, TlsMode::Implicit)), &["a"]).await);
    assert!(server.received(1).await[0].encrypted);
}

#[tokio::test]
async fn starttls() {
    let server = server(Tls::StartTls).await;
    assert_sent(&send(&pool(trusting(&server, TlsMode::StartTls)), &["a"]).await);
    assert!(server.received(1).await[0].encrypted);
    assert_eq!(server.count("EHLO"), 2);
}

#[tokio::test]
async fn opportunistic_encrypts_where_it_can() {
    let server = server(Tls::StartTls).await;
    assert_sent(&send(&pool(trusting(&server, TlsMode::Opportunistic)), &["a"]).await);
    assert!(server.received(1).await[0].encrypted);
}

#[tokio::test]
async fn opportunistic_without_tls_on_the_other_side() {
    let server = server(Tls::None).await;
    let settings = SmtpSettings { tls: TlsMode::Opportunistic, ..settings(&server) };
    assert_sent(&send(&pool(settings), &["a"]).await);
    assert!(!server.received(1).await[0].encrypted);
}

#[tokio::test]
async fn none_stays_in_plain_text() {
    let server = server(Tls::StartTls).await;
    assert_sent(&send(&pool(settings(&server)), &["a"]).await);
    assert!(!server.received(1).await[0].encrypted);
    assert_eq!(server.count("STARTTLS"), 0);
}

#[tokio::test]
async fn starttls_not_offered() {
    let server = server_with_login("PLAIN", Tls::None).await;
    let settings = with_password(SmtpSettings { tls: TlsMode::StartTls, ..settings(&server) }, "geheim");
    assert_failed(&send(&pool(settings), &["a"]).await, "config", "STARTTLS: the server does not offer");
    assert_eq!(server.count("AUTH"), 0, "the password stays at home");
}

#[tokio::test]
async fn starttls_refused() {
    let server = server(Tls::StartTls).await;
    server.script(Rule::at(Step::StartTls).act(Act::reply("454 4.7.0 TLS not available")));
    let outcome = send(&pool(trusting(&server, TlsMode::StartTls)), &["a"]).await;
    assert_failed(&outcome, "config", "STARTTLS: 454 4.7.0 TLS not available");
    assert_sent(&send(&pool(trusting(&server, TlsMode::Opportunistic)), &["a"]).await);
}

#[tokio::test]
async fn certificate_not_trusted() {
    for (offered, mode) in [(Tls::Implicit, TlsMode::Implicit), (Tls::StartTls, TlsMode::StartTls)] {
        let server = server(offered).await;
        let outcome = send(&pool(SmtpSettings { tls: mode, ..settings(&server) }), &["a"]).await;
        assert_failed(&outcome, "config", "certificate");
    }
}

#[tokio::test]
async fn tls_spoken_to_a_server_without() {
    let server = server(Tls::None).await;
    let outcome = send(&pool(SmtpSettings { tls: TlsMode::Implicit, ..settings(&server) }), &["a"]).await;
    assert_failed(&outcome, "config", "connect: the server sent something else than a TLS handshake");
}

/// What an attacker puts behind the answer to STARTTLS must not be taken for the answer to the EHLO after it.
#[tokio::test]
async fn replies_injected_before_the_handshake() {
    let server = server(Tls::StartTls).await;
    let injected = b"220 go ahead\r\n250-localhost\r\n250 AUTH PLAIN\r\n".to_vec();
    server.script(Rule::at(Step::StartTls).act(Act::Write(injected)));
    let outcome = send(&pool(trusting(&server, TlsMode::StartTls)), &["a"]).await;
    assert_failed(&outcome, "config", "STARTTLS: the server sent more than it was asked for");
}

#[tokio::test]
async fn login() {
    for mechanisms in ["PLAIN LOGIN", "LOGIN", "CRAM-MD5 PLAIN"] {
        let server = server_with_login(mechanisms, Tls::StartTls).await;
        let settings = trusting(&server, TlsMode::StartTls);
        assert_sent(&send(&pool(with_password(settings.clone(), "geheim")), &["a"]).await);
        let outcome = send(&pool(with_password(settings, "falsch")), &["a"]).await;
        assert_failed(&outcome, "config", "AUTH: 535 5.7.8 wrong credentials");
        assert_eq!(super::failed(&outcome).1.code.as_deref(), Some("535"));
        assert_eq!(server.received(1).await.len(), 1);
    }
}

#[tokio::test]
async fn login_not_offered() {
    for mechanisms in ["CRAM-MD5", ""] {
        let server = server_with_login(mechanisms, Tls::None).await;
        let outcome = send(&pool(with_password(settings(&server), "geheim")), &["a"]).await;
        assert_failed(&outcome, "config", "AUTH: the server offers neither PLAIN nor LOGIN");
    }
}

#[tokio::test]
async fn login_needed_and_not_set() {
    let server = server_with_login("PLAIN", Tls::None).await;
    assert_failed(&send(&pool(settings(&server)), &["a"]).await, "config", "MAIL: 530");
}

#[tokio::test]
async fn login_out_of_order() {
    let server = server_with_login("PLAIN", Tls::None).await;
    server.script(Rule::at(Step::Auth).times(1).act(Act::reply("454 4.7.0 try again")));
    let pool = pool(with_password(settings(&server), "geheim"));
    assert_failed(&send(&pool, &["a"]).await, "throttle", "AUTH: 454 4.7.0 try again");
    assert_sent(&send(&pool, &["a"]).await);
}

#[tokio::test]
async fn helo_where_ehlo_is_unknown() {
    let server = server(Tls::None).await;
    server.script(Rule::at(Step::Ehlo).times(1).act(Act::reply("502 5.5.1 unknown command")));
    assert_sent(&send(&pool(settings(&server)), &["a"]).await);
    assert_eq!(server.count("HELO"), 1);
}

#[tokio::test]
async fn greeting_and_ehlo_refused() {
    for (step, reply, name) in [
        (Step::Greeting, "421 4.3.2 too busy", "throttle"),
        (Step::Greeting, "554 5.7.1 not you", "config"),
        (Step::Ehlo, "421 4.3.2 too busy", "throttle"),
        (Step::Ehlo, "550 5.7.1 bad name", "config"),
    ] {
        let server = server(Tls::None).await;
        server.script(Rule::at(step).act(Act::reply(reply)));
        assert_failed(&send(&pool(settings(&server)), &["a"]).await, name, reply);
    }
}

#[tokio::test]
async fn nobody_listens() {
    let mut server = server(Tls::None).await;
    server.stop().await;
    let pool = pool(settings(&server));
    assert_failed(&send(&pool, &["a"]).await, "unreachable", "connect: ");
    server.restart().await;
    assert_sent(&send(&pool, &["a"]).await);
}

#[tokio::test]
async fn no_such_host() {
    let server = server(Tls::None).await;
    let settings = SmtpSettings { host: "host.invalid".into(), ..hasty(&server) };
    assert_failed(&send(&pool(settings), &["a"]).await, "unreachable", "connect: ");
}

#[tokio::test]
async fn check_logs_in_and_sends_nothing() {
    let server = server_with_login("PLAIN", Tls::StartTls).await;
    let settings = trusting(&server, TlsMode::StartTls);
    pool(with_password(settings.clone(), "geheim")).check().await.unwrap();
    assert_eq!((server.count("AUTH"), server.count("QUIT"), server.count("MAIL")), (1, 1, 0));
    let refused = pool(with_password(settings, "falsch")).check().await.unwrap_err();
    assert_eq!(refused.error, "AUTH: 535 5.7.8 wrong credentials");
}

#[test]
fn settings_that_cannot_work() {
    let wrong_name =
        SmtpSettings { hello_name: Some("a\r\nQUIT".into()), ..SmtpSettings::new("localhost", 25) };
    let no_file = SmtpSettings {
        extra_root_ca: Some("/nonexistent/ca.pem".into()),
        ..SmtpSettings::new("localhost", 25)
    };
    for (settings, told) in [(wrong_name, "a\\r\\nQUIT"), (no_file, "/nonexistent/ca.pem")] {
        let error = Pool::new(settings).err().unwrap();
        assert!(error.contains(told), "{error}");
    }
}

/// The port is open and nobody answers: the TLS handshake belongs to the connecting.
#[tokio::test]
async fn handshake_never_answered() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let limits = Limits { connect: Duration::from_millis(100), ..Limits::default() };
    let settings = SmtpSettings { tls: TlsMode::Implicit, limits, ..SmtpSettings::new("127.0.0.1", port) };
    assert_failed(&send(&pool(settings), &["a"]).await, "unreachable", "connect: no answer within 100 ms");
}

#[tokio::test]
async fn stall_and_hang_up_before_the_first_mail() {
    for (step, stage) in [(Step::StartTls, "STARTTLS"), (Step::Auth, "AUTH")] {
        for (act, error) in [(Act::Stall, "no answer"), (Act::Drop, "the server closed the connection")] {
            let server = server_with_login("PLAIN", Tls::StartTls).await;
            server.script(Rule::at(step).times(1).act(act));
            let limits = Limits { command: Duration::from_millis(400), ..Limits::default() };
            let settings = SmtpSettings { limits, ..trusting(&server, TlsMode::StartTls) };
            let pool = pool(with_password(settings, "geheim"));
            assert_failed(&send(&pool, &["a"]).await, "unreachable", &format!("{stage}: {error}"));
            assert_sent(&send(&pool, &["a"]).await);
            assert_eq!(server.received(1).await.len(), 1);
        }
    }
}
