use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// Where mail is handed over, and how.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Host name or IP address; the name the certificate must carry.
    pub host: String,
    /// TCP port: usually 587 (submission), 465 (implicit TLS) or 25.
    pub port: u16,
    /// User and password. `None` sends without AUTH.
    pub credentials: Option<(String, SecretString)>,
    /// Whether and when the connection is encrypted.
    pub tls: TlsMode,
    /// The name given in EHLO. `None`: this host's name if it has a dot, else its address as a literal.
    pub hello_name: Option<String>,
    /// Longest waits.
    pub limits: Limits,
    /// A PEM file with certificates to trust beside the system's.
    pub extra_root_ca: Option<PathBuf>,
    /// Mails after which a connection is replaced; at least 1.
    pub max_messages_per_connection: u32,
    /// A connection idle for longer than this is asked NOOP before it is used again.
    pub idle_noop_after: Duration,
    /// A connection idle for longer than this is closed.
    pub idle_close_after: Duration,
    /// Connections at a time; at least 1.
    pub pool_size: usize,
}

impl SmtpSettings {
    /// The defaults for `host` and `port`: no credentials, [`TlsMode::for_port`], 10 connections, 1,000 mails
    /// a connection, NOOP after 15 s idle, closed after 60 s idle.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            credentials: None,
            tls: TlsMode::for_port(port),
            hello_name: None,
            limits: Limits::default(),
            extra_root_ca: None,
            max_messages_per_connection: 1000,
            idle_noop_after: Duration::from_secs(15),
            idle_close_after: Duration::from_secs(60),
            pool_size: 10,
        }
    }
}

/// Whether and when the connection is encrypted. Certificates are always verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Plain text until STARTTLS (RFC 3207); a server that does not offer it is refused.
    StartTls,
    /// STARTTLS where the server offers it, else plain text. Whoever sits on the line can read and change
    /// everything, the credentials too: for relays on the same host or network.
    Opportunistic,
    /// Plain text throughout, credentials too: for relays on the same host or network.
    None,
}

impl TlsMode {
    /// 465 speaks TLS from the first byte; every other port has to offer STARTTLS.
    pub fn for_port(port: u16) -> Self {
        if port == 465 { Self::Implicit } else { Self::StartTls }
    }
}

/// The longest wait in each phase. A connection that ran into one is dropped.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Name lookup, TCP and TLS handshake: 10 s.
    pub connect: Duration,
    /// The server's first line: 30 s.
    pub greeting: Duration,
    /// EHLO, STARTTLS, AUTH, MAIL, RCPT, RSET, NOOP, each: 30 s.
    pub command: Duration,
    /// From DATA to its 354, and for each piece of the message to be taken: 30 s.
    pub data: Duration,
    /// From the final dot to the server's answer: 60 s.
    pub dot: Duration,
    /// QUIT, when a connection is closed in peace: 1 s.
    pub quit: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            greeting: Duration::from_secs(30),
            command: Duration::from_secs(30),
            data: Duration::from_secs(30),
            dot: Duration::from_secs(60),
            quit: Duration::from_secs(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_password() {
        let mut settings = SmtpSettings::new("mail.example.com", 587);
        settings.credentials = Some(("user".into(), SecretString::from("hunter2")));
        let shown = format!("{settings:?}");
        assert!(shown.contains("user"), "{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn only_465_is_implicit() {
        assert_eq!(TlsMode::for_port(465), TlsMode::Implicit);
        assert_eq!(TlsMode::for_port(587), TlsMode::StartTls);
        assert_eq!(TlsMode::for_port(25), TlsMode::StartTls);
    }
}
