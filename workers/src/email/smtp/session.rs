//! From nothing to a connection that is ready for MAIL.

use std::net::IpAddr;
use std::time::Duration;

use lettre::transport::smtp::extension::ClientId;
use redispatch::dns;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::auth;
use super::capabilities::Capabilities;
use super::fault::{Cause, Fault};
use super::settings::{Limits, SmtpSettings, TlsMode};
use super::stage::Stage;
use super::tls::Tls;
use super::wire::{Io, Wire};

/// One connection to the server, logged in.
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) offers: Capabilities,
    pub(super) limits: Limits,
    /// A transaction was left open: RSET comes before the next one.
    pub(super) unfinished: bool,
    /// Nothing more can be said on this connection.
    pub(super) over: bool,
    /// Mails handed to it.
    pub(super) mails: u32,
    last_used: Instant,
}

impl Session {
    /// Connects, encrypts and logs in as `settings` say. `tls` is needed in every mode but [`TlsMode::None`].
    pub(super) async fn connect(settings: &SmtpSettings, tls: Option<&Tls>) -> Result<Self, Fault> {
        let limits = settings.limits;
        let implicit = tls.filter(|_| settings.tls == TlsMode::Implicit);
        let dial = dial(settings, implicit);
        let (io, local) = timeout(limits.connect, dial)
            .await
            .unwrap_or(Err(Cause::Silent(limits.connect)))
            .map_err(|cause| cause.at(Stage::Connect))?;
        let hello = settings.hello_name.clone().unwrap_or_else(|| own_name(local));

        let mut wire = Wire::new(io);
        let greeting = wire.reply(limits.greeting).await.map_err(|cause| cause.at(Stage::Greeting))?;
        if !greeting.is_2xx() {
            return Err(Cause::unexpected(greeting).at(Stage::Greeting));
        }
        let mut offers = say_hello(&mut wire, &hello, limits).await.map_err(|cause| cause.at(Stage::Ehlo))?;

        let upgrade = matches!(settings.tls, TlsMode::StartTls | TlsMode::Opportunistic);
        if let Some(tls) = tls.filter(|_| upgrade) {
            let required = settings.tls == TlsMode::StartTls;
            let encrypted;
            (wire, encrypted) = start_tls(wire, tls, required, offers.starttls, limits)
                .await
                .map_err(|cause| cause.at(Stage::StartTls))?;
            if encrypted {
                let again = say_hello(&mut wire, &hello, limits).await;
                offers = again.map_err(|cause| cause.at(Stage::Ehlo))?;
            }
        }

        if let Some(credentials) = &settings.credentials {
            let logged_in = auth::log_in(&mut wire, &offers, credentials, limits.command).await;
            logged_in.map_err(|cause| cause.at(Stage::Auth))?;
        }
        Ok(Self { wire, offers, limits, unfinished: false, over: false, mails: 0, last_used: Instant::now() })
    }

    /// Whether it can be used again after it lay idle. Asks the server only after `noop_after`.
    pub(super) async fn is_alive(&mut self, noop_after: Duration) -> bool {
        self.wire.is_quiet()
            && (self.idle() < noop_after
                || self.wire.command(self.limits.command, &["NOOP"]).await.is_ok_and(|reply| reply.is_2xx()))
    }

    pub(super) fn idle(&self) -> Duration {
        self.last_used.elapsed()
    }

    /// Starts the idle time.
    pub(super) fn rest(&mut self) {
        self.last_used = Instant::now();
    }

    /// Says goodbye and does not insist on an answer.
    pub(super) async fn quit(mut self) {
        let _ = self.wire.command(self.limits.quit, &["QUIT"]).await;
    }
}

/// Tries every address of the host; all of them share the time there is.
async fn dial(settings: &SmtpSettings, tls: Option<&Tls>) -> Result<(Box<dyn Io>, IpAddr), Cause> {
    let addresses = dns::lookup(&settings.host, settings.port).await.map_err(Cause::Io)?;
    let each = settings.limits.connect / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    let mut problem = Cause::Io(std::io::Error::other("the host has no address"));
    for address in addresses {
        let stream = match timeout(each, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let told = format!("{address}: {error}");
                problem = Cause::Io(std::io::Error::new(error.kind(), told));
                continue;
            }
            Err(_) => {
                problem = Cause::Silent(each);
                continue;
            }
        };
        // Nagle's algorithm would hold every last packet back for the delayed ACK of the one before: 40 ms a mail.
        stream.set_nodelay(true).map_err(Cause::io)?;
        let local = stream.local_addr().map_err(Cause::io)?.ip();
        let stream: Box<dyn Io> = Box::new(stream);
        return match tls {
            Some(tls) => Ok((tls.encrypt(stream).await?, local)),
            None => Ok((stream, local)),
        };
    }
    Err(problem)
}

/// EHLO, or HELO where the server does not know it (RFC 5321, section 3.2).
async fn say_hello(wire: &mut Wire, name: &str, limits: Limits) -> Result<Capabilities, Cause> {
    let reply = wire.command(limits.command, &["EHLO ", name]).await?;
    if reply.is_2xx() {
        return Ok(Capabilities::read(&reply));
    }
    if !matches!(reply.code, 500 | 502 | 504) {
        return Err(Cause::unexpected(reply));
    }
    let reply = wire.command(limits.command, &["HELO ", name]).await?;
    if reply.is_2xx() { Ok(Capabilities::default()) } else { Err(Cause::unexpected(reply)) }
}

/// Gives the connection back and whether it is encrypted now.
async fn start_tls(
    mut wire: Wire,
    tls: &Tls,
    required: bool,
    offered: bool,
    limits: Limits,
) -> Result<(Wire, bool), Cause> {
    if !offered {
        let missing = "the server does not offer STARTTLS, and SMTP_TLS=starttls requires it";
        return if required { Err(Cause::NotOffered(missing.into())) } else { Ok((wire, false)) };
    }
    let reply = wire.command(limits.command, &["STARTTLS"]).await?;
    match reply.code {
        220 => {
            let io = wire.into_io()?;
            let handshake = timeout(limits.connect, tls.encrypt(io)).await;
            Ok((Wire::new(handshake.unwrap_or(Err(Cause::Silent(limits.connect)))?), true))
        }
        400.. if !required && reply.code != 421 => Ok((wire, false)),
        _ => Err(Cause::unexpected(reply)),
    }
}

/// RFC 5321, section 4.1.4: a full host name, else the address in brackets.
fn own_name(local: IpAddr) -> String {
    match (ClientId::default(), local.to_canonical()) {
        (ClientId::Domain(name), _) if name.contains('.') => name,
        (_, IpAddr::V4(address)) => format!("[{address}]"),
        (_, IpAddr::V6(address)) => format!("[IPv6:{address}]"),
    }
}
