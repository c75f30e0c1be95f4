//! The settings of email-worker, beside those of the library.

use std::path::PathBuf;

use redispatch::config::{Fault, Kind, Otherwise::*, Reader, Setting, Table, check};

use super::address::Mailbox;
use super::smtp::{SmtpSettings, TlsMode};

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
        Setting::new(
            "EMAIL_OUTBOX_DIR",
            Kind::Path,
            Value("./outbox"),
            "Where the file transport writes; X-Envelope-To in a file names everybody who would get it",
        ),
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
            "Connections at a time; with fewer than CONCURRENCY messages wait for one",
        ),
    ],
};

/// How email-worker sends.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// How mail leaves.
    pub transport: TransportSettings,
    /// Sender of messages that name none.
    pub from: Option<Mailbox>,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub enum TransportSettings {
    /// To an SMTP server.
    Smtp(Box<SmtpSettings>),
    /// Into `.eml` files in this folder.
    File(PathBuf),
    /// Nowhere (load tests).
    Null,
}

#[derive(Clone, Copy, PartialEq)]
enum Transport {
    Smtp,
    File,
    Null,
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
        let outbox = reader.path("EMAIL_OUTBOX_DIR").unwrap_or_default();
        let from = reader.parsed("SMTP_FROM", sender);
        if transport == Some(Transport::Smtp) && !reader.is_set("SMTP_HOST") {
            let cure = "set it, or EMAIL_TRANSPORT=file to try things out";
            reader.fault(Fault::new("SMTP_HOST", "is needed for EMAIL_TRANSPORT=smtp", cure));
        }
        let smtp = smtp(reader, concurrency);
        let transport = match (transport, smtp) {
            (Some(Transport::Smtp), Some(smtp)) => TransportSettings::Smtp(smtp.into()),
            (Some(Transport::File), _) => TransportSettings::File(outbox),
            (Some(Transport::Null) | Some(Transport::Smtp) | None, _) => TransportSettings::Null,
        };
        Self { transport, from }
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
    let tls = reader.choice("SMTP_TLS", &TLS_MODES);
    let pool_size = reader.number_if_set("SMTP_POOL_SIZE").unwrap_or(concurrency);
    let settings = SmtpSettings::new(host?, port);
    Some(SmtpSettings {
        credentials: user.zip(pass),
        tls: tls.unwrap_or(settings.tls),
        pool_size,
        ..settings
    })
}

fn sender(text: &str) -> Result<Mailbox, String> {
    let cure = "write an address such as a@example.com or Name <a@example.com>";
    Mailbox::parse(text).map_err(|_| cure.to_owned())
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
