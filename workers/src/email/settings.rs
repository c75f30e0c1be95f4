//! The settings of email-worker, beside those of the library.

use std::path::PathBuf;

use lettre::message::Mailbox;
use redispatch::config::{Fault, Kind, Otherwise::*, Reader, Setting, Table, check};
use secrecy::SecretString;

/// The settings of [`EmailSettings`].
pub const EMAIL: Table = Table {
    heading: "Email",
    settings: &[
        Setting::new(
            "EMAIL_TRANSPORT",
            Kind::Choice(&["smtp", "file", "null"]),
            Value("smtp"),
            "How mail leaves: file writes .eml files, null discards",
        ),
        Setting::new("EMAIL_OUTBOX_DIR", Kind::Path, Value("./outbox"), "Where the file transport writes"),
        Setting::new(
            "SMTP_HOST",
            Kind::Text,
            Nothing,
            "Host of the SMTP server, needed for EMAIL_TRANSPORT=smtp",
        ),
        Setting::new("SMTP_PORT", Kind::Number(1, 65_535), Value("587"), "Port of the SMTP server"),
        Setting::new("SMTP_USER", Kind::Text, Nothing, "User to log in as"),
        Setting::new("SMTP_PASS", Kind::Secret, Nothing, "Password to log in with"),
        Setting::new(
            "SMTP_FROM",
            Kind::Text,
            Nothing,
            "Sender of messages that name none: a@b or Name <a@b>",
        ),
        Setting::new(
            "SMTP_TLS",
            Kind::Choice(&["implicit", "starttls", "opportunistic", "none"]),
            Derived("implicit on port 465, else starttls"),
            "How the connection is encrypted",
        ),
        Setting::new(
            "SMTP_POOL_SIZE",
            Kind::Number(1, 10_000),
            Derived("CONCURRENCY"),
            "Connections at a time",
        ),
    ],
};

/// How email-worker sends.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// How mail leaves.
    pub transport: Transport,
    /// Where the file transport writes.
    pub outbox_dir: PathBuf,
    /// The SMTP server; always there for [`Transport::Smtp`].
    pub smtp: Option<SmtpSettings>,
    /// Sender of messages that name none: `a@b` or `Name <a@b>`.
    pub from: Option<String>,
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// To an SMTP server.
    Smtp,
    /// Into `.eml` files.
    File,
    /// Nowhere (load tests).
    Null,
}

/// How to reach the SMTP server.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Host name or address.
    pub host: String,
    /// Port, not 0.
    pub port: u16,
    /// User to log in as; there is a password exactly where there is a user.
    pub user: Option<String>,
    /// Password to log in with.
    pub pass: Option<SecretString>,
    /// How the connection is encrypted.
    pub tls: TlsMode,
    /// Connections at a time, 1 to 10,000.
    pub pool_size: usize,
}

/// How an SMTP connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// From the first byte.
    Implicit,
    /// By STARTTLS, or the server is not used.
    StartTls,
    /// By STARTTLS where the server offers it.
    Opportunistic,
    /// Not at all.
    None,
}

const TRANSPORTS: [(&str, Transport); 3] =
    [("smtp", Transport::Smtp), ("file", Transport::File), ("null", Transport::Null)];
const TLS_MODES: [(&str, TlsMode); 4] = [
    ("implicit", TlsMode::Implicit),
    ("starttls", TlsMode::StartTls),
    ("opportunistic", TlsMode::Opportunistic),
    ("none", TlsMode::None),
];

impl EmailSettings {
    /// Reads the table [`EMAIL`]; `concurrency` is the default of `SMTP_POOL_SIZE`. What cannot be used is a
    /// placeholder, and a fault of `reader`.
    pub fn read(reader: &mut Reader<'_>, concurrency: usize) -> Self {
        let transport = reader.choice("EMAIL_TRANSPORT", &TRANSPORTS);
        let outbox_dir = reader.path("EMAIL_OUTBOX_DIR").unwrap_or_default();
        let from = reader.parsed("SMTP_FROM", sender);
        if transport == Some(Transport::Smtp) && !reader.is_set("SMTP_HOST") {
            let cure = "set it, or EMAIL_TRANSPORT=file to try things out";
            reader.fault(Fault::new("SMTP_HOST", "is needed for EMAIL_TRANSPORT=smtp", cure));
        }
        let smtp = smtp(reader, concurrency);
        Self { transport: transport.unwrap_or(Transport::Smtp), outbox_dir, smtp, from }
    }
}

/// All of it is checked, also where there is no host to use it with.
fn smtp(reader: &mut Reader<'_>, concurrency: usize) -> Option<SmtpSettings> {
    let host = reader.parsed("SMTP_HOST", check::host);
    let port = reader.number("SMTP_PORT");
    let (user, pass) = (reader.text("SMTP_USER"), reader.secret("SMTP_PASS"));
    for (name, other) in [("SMTP_USER", "SMTP_PASS"), ("SMTP_PASS", "SMTP_USER")] {
        if reader.is_set(name) && !reader.is_set(other) {
            let cure = format!("set {other} too, or neither for a server without login");
            reader.fault(Fault::new(name, format!("is set without {other}"), cure));
        }
    }
    let by_port = if port == 465 { TlsMode::Implicit } else { TlsMode::StartTls };
    let tls = reader.choice("SMTP_TLS", &TLS_MODES).unwrap_or(by_port);
    let pool_size = reader.number_if_set("SMTP_POOL_SIZE").unwrap_or(concurrency);
    Some(SmtpSettings { host: host?, port, user, pass, tls, pool_size })
}

fn sender(text: &str) -> Result<String, String> {
    match text.parse::<Mailbox>() {
        Ok(_) if !text.contains(char::is_control) => Ok(text.to_owned()),
        _ => Err("write an address such as a@example.com or Name <a@example.com>".to_owned()),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
