use std::{ffi::OsString, path::Path};

use redispatch::config::Sources;
use secrecy::ExposeSecret as _;

use super::*;

fn smtp_of(settings: EmailSettings) -> SmtpSettings {
    match settings.transport {
        TransportSettings::Smtp(smtp) => *smtp,
        other => panic!("{other:?}"),
    }
}

fn read(env: &[(&str, &str)]) -> (EmailSettings, String) {
    let env = env.iter().map(|(n, v)| (OsString::from(n), OsString::from(v)));
    let sources = Sources::new(&[EMAIL], env, (vec![], vec![]));
    let mut reader = Reader::new(&sources);
    let settings = EmailSettings::read(&mut reader, 10);
    (settings, reader.finish().err().map(|f| f.to_string()).unwrap_or_default())
}

#[test]
fn defaults_follow_port_and_concurrency() {
    for (port, tls) in [("465", TlsMode::Implicit), ("587", TlsMode::StartTls), ("25", TlsMode::StartTls)] {
        let (settings, faults) = read(&[("SMTP_HOST", "mail.example"), ("SMTP_PORT", port)]);
        assert_eq!((settings.from.clone(), &*faults), (None, ""));
        let smtp = smtp_of(settings);
        assert_eq!((&*smtp.host, smtp.tls, smtp.pool_size), ("mail.example", tls, 10));
        assert!(smtp.credentials.is_none());
    }
    let (settings, _) = read(&[("SMTP_HOST", "h"), ("SMTP_PORT", "465"), ("SMTP_TLS", "none # lab")]);
    assert_eq!(smtp_of(settings).tls, TlsMode::None);
}

#[test]
fn the_file_transport_needs_no_server() {
    let (settings, faults) = read(&[("EMAIL_TRANSPORT", "file"), ("EMAIL_OUTBOX_DIR", "/tmp/o # x")]);
    assert_eq!(faults, "");
    assert!(
        matches!(settings.transport, TransportSettings::File(folder) if folder == Path::new("/tmp/o # x"))
    );
    let (settings, _) = read(&[("EMAIL_TRANSPORT", "file")]);
    assert!(matches!(settings.transport, TransportSettings::File(folder) if folder == Path::new("./outbox")));
}

#[test]
fn a_login_is_whole_and_its_password_never_shows() {
    let login = [("SMTP_HOST", "h"), ("SMTP_USER", "me"), ("SMTP_PASS", "hunter$2 # x")];
    let (settings, faults) = read(&login);
    assert_eq!(faults, "");
    assert!(!format!("{settings:?}").contains("hunter"));
    assert_eq!(smtp_of(settings).credentials.unwrap().1.expose_secret(), "hunter$2 # x");
    for alone in [&login[..2], &[login[0], login[2]]] {
        let (_, faults) = read(alone);
        assert!(faults.contains(&format!("{}: is set without SMTP_", alone[1].0)), "{faults}");
        assert!(!faults.contains("hunter"), "{faults}");
    }
}

#[test]
fn all_faults_at_once() {
    let (_, faults) = read(&[
        ("SMTP_PORT", "70000"),
        ("SMTP_USER", "me"),
        ("SMTP_FROM", "nobody"),
        ("SMTP_TLS", "ssl"),
        ("SMTP_POOL_SIZE", "0"),
        ("EMAIL_OUTBOX_DIR", ""),
    ]);
    for name in ["SMTP_HOST", "SMTP_PORT", "SMTP_USER", "SMTP_FROM", "SMTP_TLS", "SMTP_POOL_SIZE"] {
        assert!(faults.contains(&format!("\n  {name}: ")), "{name}: {faults}");
    }
    assert!(faults.starts_with("error: 6 settings cannot be used"), "{faults}");
}

#[test]
fn senders() {
    for good in ["a@example.com", "Coupons <noreply@example.com>", "\"O'Neil, J\" <j@x.org>"] {
        let from = read(&[("SMTP_HOST", "h"), ("SMTP_FROM", good)]).0.from;
        assert_eq!(from, Some(Mailbox::parse(good).unwrap()));
    }
    for bad in ["nobody", "a@", "@b", "a@b, c@d", "X <a@b", "X\n <a@b.c>", "a@b # x"] {
        assert!(read(&[("SMTP_HOST", "h"), ("SMTP_FROM", bad)]).1.contains("SMTP_FROM"), "{bad}");
    }
}
