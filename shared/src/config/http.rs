//! Where a worker is asked about itself.

use std::net::SocketAddr;

use super::{Kind, Otherwise::*, Reader, Setting, Table};

/// The setting of [`WorkerSettings::http_addr`](super::WorkerSettings::http_addr).
pub const HTTP: Table = Table {
    heading: "Health and metrics",
    settings: &[Setting::new(
        "HTTP_ADDR",
        Kind::Text,
        Nothing,
        "Address and port of /healthz, /readyz and /metrics of this worker: 127.0.0.1:9401",
    )],
};

/// Reads the table [`HTTP`]; `None` where it is not set.
pub fn http_addr(reader: &mut Reader<'_>) -> Option<SocketAddr> {
    reader.parsed("HTTP_ADDR", address)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let addr = text.parse::<SocketAddr>().ok().filter(|addr| addr.port() != 0);
    addr.ok_or_else(|| "write an IP address and a port: 127.0.0.1:9401, 0.0.0.0:9401, [::]:9401".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:9401", "0.0.0.0:80", "[::1]:9401", "[::]:65535"] {
            assert_eq!(address(good).map(|addr| addr.to_string()).as_deref(), Ok(good));
        }
        for bad in
            ["9401", ":9401", "localhost:9401", "127.0.0.1", "127.0.0.1:0", "::1:9401", "1.2.3.4:70000", ""]
        {
            assert!(address(bad).is_err(), "{bad}");
        }
    }
}
