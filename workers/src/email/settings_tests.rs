use std::{ffi::OsString, fmt::Write as _, path::Path};

use redispatch::config::{Otherwise, Sources, TABLES, dotenv};
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

/// `.env.example` as the tables have it.
fn example() -> String {
    let mut text =
        "# Copy to .env and take the # off what you change. The environment and flags win over it.\n\
        # Values with spaces, $ or quotes go in single quotes. NAME_FILE=/path works for every secret.\n"
            .to_owned();
    for table in TABLES.iter().chain([&EMAIL]) {
        writeln!(text, "\n# --- {} ---", table.heading).unwrap();
        for setting in table.settings {
            let (value, otherwise) = match setting.default {
                Otherwise::Value(value) => (value, String::new()),
                Otherwise::Derived(text) => ("", format!(" (default: {text})")),
                Otherwise::Nothing => ("", String::new()),
            };
            let words = match setting.kind {
                Kind::Choice(words) => format!(": {}", words.join(", ")),
                Kind::YesNo => ": yes, no".to_owned(),
                _ => String::new(),
            };
            writeln!(text, "\n# {}{words}{otherwise}\n#{}={value}", setting.help, setting.name).unwrap();
        }
    }
    text
}

#[test]
fn env_example_has_every_setting_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.env.example");
    if std::env::var_os("UPDATE_ENV_EXAMPLE").is_some() {
        std::fs::write(&path, example()).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text == example(), "run `UPDATE_ENV_EXAMPLE=1 cargo test -p redispatch-workers env_example`");
}

#[test]
fn env_example_loads_with_every_line_taken_in() {
    let settings = || TABLES.iter().chain([&EMAIL]).flat_map(|t| t.settings);
    let text = example();
    let set: String = text
        .lines()
        .map(|line| {
            let assigns = settings().any(|s| line.starts_with(&format!("#{}=", s.name)));
            format!("{}\n", if assigns { &line[1..] } else { line })
        })
        .collect();
    let (lines, faults) = dotenv::parse(set.as_bytes());
    assert_eq!(faults, []);
    let loaded: Vec<_> = lines.into_iter().map(|l| (l.name, l.value)).collect();
    let declared: Vec<_> = settings()
        .map(|s| match s.default {
            Otherwise::Value(value) => (s.name.to_owned(), value.to_owned()),
            _ => (s.name.to_owned(), String::new()),
        })
        .collect();
    assert_eq!(loaded, declared);
}
