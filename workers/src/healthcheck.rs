//! `--healthcheck`: asks the program that runs on this host whether it is alive.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use redispatch::config::{Fault, Faults, Reader, Sources, api_addr, http_addr, worker_queue};
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
    tell(async {
        let answer = worker(addr).await.map_err(|silence| silence.told(addr))?;
        match answer.queue == queue {
            true => answer.verdict(),
            false => Err(format!(
                "{} is answered by a worker of the queue `{}`; give each its own HTTP_ADDR",
                local(addr),
                answer.queue
            )),
        }
    })
}

/// The same of whichever program runs in this container: a worker of any queue at `HTTP_ADDR`, or else
/// `queuectl serve` at `API_ADDR`.
pub fn healthcheck_of_any(sources: &Sources) -> ExitCode {
    let mut reader = Reader::new(sources);
    let (http, api) = (http_addr(&mut reader), api_addr(&mut reader));
    if let Err(faults) = reader.finish() {
        return faults.exit();
    }
    tell(async {
        match http {
            None => {}
            Some(addr) => match worker(addr).await {
                Ok(answer) => return answer.verdict(),
                Err(Silence::Nobody(_)) => {}
                Err(silence) => return Err(silence.told(addr)),
            },
        }
        match get(api, "/api/openapi.json").await {
            Ok(_) => Ok(format!("queuectl serve answers at {}", local(api))),
            Err(Silence::Nobody(_)) => {
                let http =
                    http.map_or("HTTP_ADDR, which is not set".to_owned(), |addr| local(addr).to_string());
                Err(format!("no worker answers at {http}, nor queuectl serve at {}", local(api)))
            }
            Err(silence) => Err(silence.told(api)),
        }
    })
}

fn tell(asked: impl Future<Output = Result<String, String>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return crate::run::fail(&error),
    };
    let (code, told) = match runtime.block_on(asked) {
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

impl Answer {
    /// The worker's reason: that of one that is alive, else that of one that is not.
    fn verdict(self) -> Result<String, String> {
        if self.status == "ok" { Ok(self.reason) } else { Err(self.reason) }
    }
}

/// Why there is no answer.
enum Silence {
    Nobody(String),
    Late,
    Stranger(u16),
}

impl Silence {
    fn told(&self, addr: SocketAddr) -> String {
        let addr = local(addr);
        match self {
            Self::Nobody(cause) => format!("nobody answers at {addr}: {cause}"),
            Self::Late => format!("no answer from {addr} within {} ms", LIMIT.as_millis()),
            Self::Stranger(code) => format!("what answers at {addr} is no worker (HTTP {code})"),
        }
    }
}

async fn worker(addr: SocketAddr) -> Result<Answer, Silence> {
    let (code, body) = get(addr, "/healthz").await?;
    serde_json::from_slice(&body).map_err(|_| Silence::Stranger(code))
}

async fn get(addr: SocketAddr, path: &str) -> Result<(u16, Bytes), Silence> {
    let silence = |error: reqwest::Error| match error.is_timeout() {
        true => Silence::Late,
        false => Silence::Nobody(root(&error)),
    };
    let client =
        reqwest::Client::builder().tls_backend_preconfigured(tls::no_tls()).no_proxy().timeout(LIMIT);
    let answer = client.build().map_err(silence)?.get(format!("http://{}{path}", local(addr))).send().await;
    let answer = answer.map_err(silence)?;
    Ok((answer.status().as_u16(), answer.bytes().await.map_err(silence)?))
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
