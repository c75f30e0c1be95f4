//! `--healthcheck`: asks the worker that runs on this host whether it is alive.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use redispatch::config::{Fault, Faults, Reader, Sources, http_addr, worker_queue};
use serde::Deserialize;

use crate::tls;

/// Whoever starts a health check gives it a few seconds.
const LIMIT: Duration = Duration::from_millis(2500);

/// What is read of a worker's answer.
#[derive(Deserialize)]
struct Answer {
    queue: String,
    status: String,
    reason: String,
}

/// Prints why the worker of `channel` is alive or not: exit code 0 or 1; 78 where no address is set. Reads no other
/// setting.
pub(crate) fn healthcheck(sources: &Sources, channel: &str) -> ExitCode {
    let mut reader = Reader::new(sources);
    let queue = worker_queue(&mut reader, channel);
    let Some(addr) = http_addr(&mut reader) else {
        let unset = || {
            let cure = "set it for the worker and its health check alike: 127.0.0.1:9401";
            Faults::from(Fault::new("HTTP_ADDR", "is not set, so no worker can be asked", cure))
        };
        return reader.finish().err().unwrap_or_else(unset).exit();
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return crate::run::fail(&error),
    };
    let (code, told) = match runtime.block_on(ask(local(addr), &queue)) {
        Ok(reason) => (ExitCode::SUCCESS, format!("ok: {reason}")),
        Err(reason) => (ExitCode::FAILURE, format!("unhealthy: {reason}")),
    };
    // A closed stdout changes nothing about the exit code.
    let _ = writeln!(std::io::stdout(), "{told}");
    code
}

/// The address at which this host reaches what listens at `addr`.
fn local(addr: SocketAddr) -> SocketAddr {
    let ip = match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, addr.port())
}

/// The worker's reason: that of one that is alive, else that of one that is not.
async fn ask(addr: SocketAddr, queue: &str) -> Result<String, String> {
    let client =
        reqwest::Client::builder().tls_backend_preconfigured(tls::no_tls()).no_proxy().timeout(LIMIT);
    let client = client.build().map_err(|error| error.to_string())?;
    let unanswered = |error: reqwest::Error| match error.is_timeout() {
        true => format!("no answer from {addr} within {} ms", LIMIT.as_millis()),
        false => format!("nobody answers at {addr}: {}", root(&error)),
    };
    let answer = client.get(format!("http://{addr}/healthz")).send().await.map_err(unanswered)?;
    let (code, body) = (answer.status(), answer.bytes().await.map_err(unanswered)?);
    let answer: Answer = serde_json::from_slice(&body)
        .map_err(|_| format!("what answers at {addr} is no worker (HTTP {})", code.as_u16()))?;
    match (answer.queue == queue, answer.status.as_str()) {
        (false, _) => Err(format!(
            "{addr} is answered by a worker of the queue `{}`; give each its own HTTP_ADDR",
            answer.queue
        )),
        (true, "ok") => Ok(answer.reason),
        (true, _) => Err(answer.reason),
    }
}

/// The last cause: reqwest's own text says which URL it was, three times.
fn root(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_listens_everywhere_is_asked_on_the_loopback() {
        for (addr, asked) in [
            ("0.0.0.0:9401", "127.0.0.1:9401"),
            ("[::]:9401", "[::1]:9401"),
            ("10.0.0.7:9401", "10.0.0.7:9401"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(local(addr.parse().unwrap()).to_string(), asked);
        }
    }
}
