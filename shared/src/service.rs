//! Tells the service manager that started this process (systemd, with `Type=notify`) how it is: lines of text in
//! datagrams to the socket that `NOTIFY_SOCKET` names.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::warn;

use crate::Shutdown;
use crate::telemetry::event;

/// How often the process is looked at, at least.
const LOOK: Duration = Duration::from_secs(1);

/// A manager that takes nothing for so long is not waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// What comes after the shutdown limit: last settles, the heartbeat's end, connections that say goodbye.
const AFTER_LIMIT: Duration = Duration::from_secs(10);

/// systemd drops what is longer than 4096 bytes.
const LONGEST_STATUS: usize = 400;

/// How a process is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// It is to live on. While it is not, the watchdog is not pinged, so that the manager ends the process.
    pub alive: bool,
    /// What it does, in a few words.
    pub status: String,
}

/// The service manager that started this process.
#[derive(Debug)]
pub struct Manager {
    socket: UnixDatagram,
    addr: SocketAddr,
    /// `WATCHDOG_USEC`: without a ping for so long, the manager ends the process.
    watchdog: Option<Duration>,
    /// The log says that it takes nothing.
    untold: AtomicBool,
}

impl Manager {
    /// The one that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`), if it names one. An address
    /// that cannot be used is a warning in the log.
    pub fn from_env() -> Option<Self> {
        let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        let [limit, pid] = ["WATCHDOG_USEC", "WATCHDOG_PID"].map(|name| std::env::var(name).ok());
        let manager = address(&name).and_then(|addr| {
            let socket = UnixDatagram::unbound()?;
            socket.set_write_timeout(Some(PATIENCE))?;
            let watchdog = watchdog(limit.as_deref(), pid.as_deref(), std::process::id());
            Ok(Self { socket, addr, watchdog, untold: AtomicBool::new(false) })
        });
        let unusable = |error: &io::Error| {
            let name = name.to_string_lossy();
            warn!(event = event::SERVICE_UNTOLD, %error, "NOTIFY_SOCKET `{name}` cannot be used");
        };
        manager.inspect_err(unusable).ok()
    }

    /// Does `work`, which all of the process is there for. Tells first that the process is ready, and meanwhile how it is.
    ///
    /// - What `look` says is told when it changes, and asked for once a second at least.
    /// - The watchdog is pinged twice in its time, as long as `look` says that the process is alive.
    /// - With `shutdown` it tells that the process stops, within `limit` and ten seconds, which may be longer than
    ///   `TimeoutStopSec`.
    pub async fn attend<T>(
        &self,
        work: impl Future<Output = T>,
        look: impl Fn() -> State,
        shutdown: Shutdown,
        limit: Duration,
    ) -> T {
        tokio::select! {
            // First, so that it has seen the shutdown that the work ends with.
            biased;
            never = self.tell_always(look, shutdown, limit) => match never {},
            done = work => done,
        }
    }

    async fn tell_always(
        &self,
        look: impl Fn() -> State,
        mut shutdown: Shutdown,
        limit: Duration,
    ) -> Infallible {
        let mut status = line(&look().status);
        self.tell(&format!("READY=1\nSTATUS={status}\n"));
        let ping = self.watchdog.map(|limit| limit / 2);
        let every = ping.map_or(LOOK, |ping| (ping / 4).min(LOOK));
        let mut looks = interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pinged: Option<Instant> = None;
        let mut stopping = false;
        loop {
            tokio::select! {
                biased;
                () = shutdown.draining(), if !stopping => {
                    stopping = true;
                    let end = (limit + AFTER_LIMIT).as_micros();
                    self.tell(&format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={end}\n"));
                }
                _ = looks.tick() => {}
            }
            let now = look();
            let text = line(&now.status);
            if text != status {
                self.tell(&format!("STATUS={text}\n"));
                status = text;
            }
            let due = ping.filter(|ping| pinged.is_none_or(|last| last.elapsed() + every > *ping));
            if due.is_some() && now.alive {
                self.tell("WATCHDOG=1\n");
                pinged = Some(Instant::now());
            }
        }
    }

    fn tell(&self, lines: &str) {
        let told = self.socket.send_to_addr(lines.as_bytes(), &self.addr);
        let was_untold = self.untold.swap(told.is_err(), Relaxed);
        if let Err(error) = told
            && !was_untold
        {
            warn!(event = event::SERVICE_UNTOLD, %error, "the service manager cannot be told how this process is");
        }
    }
}

fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a path nor an abstract name")),
    }
}

/// The limit of `WATCHDOG_USEC`, unless it is meant for a process other than `this`.
fn watchdog(limit: Option<&str>, pid: Option<&str>, this: u32) -> Option<Duration> {
    let limit = limit?.parse().ok().filter(|limit| *limit > 0).map(Duration::from_micros);
    limit.filter(|_| pid.is_none_or(|pid| pid.parse() == Ok(this)))
}

/// `text` as the value of one line: what comes from a provider or from Redis must not add lines of its own.
fn line(text: &str) -> String {
    text.chars().take(LONGEST_STATUS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_one_line() {
        assert_eq!(line("login refused\nSTOPPING=1\r\n\0"), "login refused STOPPING=1   ");
        assert!(line(&"é".repeat(5000)).len() < 2000);
    }

    #[test]
    fn a_watchdog_is_meant_for_one_process() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(watchdog(Some("1000000"), None, 7), second);
        assert_eq!(watchdog(Some("1000000"), Some("7"), 7), second);
        for (limit, pid) in [
            (None, None),
            (Some("0"), None),
            (Some("soon"), None),
            (Some("-1"), None),
            (Some("1000000"), Some("8")),
            (Some("1000000"), Some("")),
        ] {
            assert_eq!(watchdog(limit, pid, 7), None, "{limit:?} {pid:?}");
        }
    }

    #[test]
    fn an_address_is_a_path_or_an_abstract_name() {
        let path = address(OsStr::new("/run/systemd/notify")).unwrap();
        assert_eq!(path.as_pathname().unwrap().to_str(), Some("/run/systemd/notify"));
        assert_eq!(address(OsStr::new("@a/b")).unwrap().as_abstract_name(), Some(&b"a/b"[..]));
        for name in ["vsock:2:1", "notify", "./notify"] {
            assert_eq!(address(OsStr::new(name)).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name}");
        }
    }
}
