//! The settings of `queuectl serve`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use secrecy::{ExposeSecret as _, SecretString};

use super::{Fault, Kind, Otherwise::*, Reader, Setting, Table};

/// The settings of [`ApiSettings`].
pub const API: Table = Table {
    heading: "HTTP API",
    settings: &[
        Setting::new(
            "API_ADDR",
            Kind::Text,
            Value("127.0.0.1:8000"),
            "Where queuectl serve listens; any address but loopback needs API_TOKEN",
        ),
        Setting::new(
            "API_TOKEN",
            Kind::Secret,
            Nothing,
            "What clients of queuectl serve send as Authorization: Bearer, and people log in with",
        ),
        Setting::new(
            "API_READ_ONLY",
            Kind::YesNo,
            Value("no"),
            "queuectl serve shows, and changes nothing for anybody",
        ),
    ],
};

/// Stands for an address that cannot be used.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Where the HTTP API listens, and who may use it.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Address and port; port 0 lets the host choose one.
    pub addr: SocketAddr,
    /// What clients have to know. Never missing unless `addr` is loopback.
    pub token: Option<SecretString>,
    /// Nobody changes anything.
    pub read_only: bool,
}

impl ApiSettings {
    /// Reads the table [`API`]. What cannot be used is a placeholder, and a fault of `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let addr = reader.parsed("API_ADDR", address);
        let token = reader.secret("API_TOKEN");
        if token.as_ref().is_some_and(|token| !can_be_sent(token.expose_secret())) {
            let problem = "has characters that no HTTP header can carry";
            reader.fault(Fault::new("API_TOKEN", problem, "write printable ASCII without blanks"));
        }
        let is_exposed = addr.is_some_and(|addr| !addr.ip().to_canonical().is_loopback());
        if is_exposed && token.is_none() && !reader.has_fault_of("API_TOKEN") {
            let cure = "set API_TOKEN (openssl rand -hex 32), or listen on 127.0.0.1";
            reader.fault(Fault::new("API_ADDR", "is open to other hosts, and there is no API_TOKEN", cure));
        }
        Self { addr: addr.unwrap_or(NOWHERE), token, read_only: reader.yes_no("API_READ_ONLY") }
    }
}

/// Reads `API_ADDR` alone, for one who asks there and does not serve.
pub fn api_addr(reader: &mut Reader<'_>) -> SocketAddr {
    reader.parsed("API_ADDR", address).unwrap_or(NOWHERE)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "write an IP address and a port: 127.0.0.1:8000, [::1]:8000".to_owned())
}

fn can_be_sent(token: &str) -> bool {
    token.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn read(settings: &[(&str, &str)]) -> Result<ApiSettings, String> {
        let environment = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let sources = Sources::new(&[API], environment, Default::default());
        let mut reader = Reader::new(&sources);
        let settings = ApiSettings::read(&mut reader);
        reader.finish().map(|()| settings).map_err(|faults| faults.to_string())
    }

    #[test]
    fn loopback_needs_no_token() {
        assert_eq!(read(&[]).unwrap().addr.to_string(), "127.0.0.1:8000");
        for addr in ["127.0.0.1:0", "127.8.9.1:80", "[::1]:8000", "[::ffff:127.0.0.1]:8000"] {
            assert!(read(&[("API_ADDR", addr)]).unwrap().token.is_none(), "{addr}");
        }
    }

    #[test]
    fn every_other_address_does() {
        for addr in ["0.0.0.0:8000", "[::]:8000", "192.168.1.7:8000", "[::ffff:10.0.0.1]:8000"] {
            let refused = read(&[("API_ADDR", addr)]).unwrap_err();
            assert!(refused.contains("there is no API_TOKEN"), "{refused}");
            let token = read(&[("API_ADDR", addr), ("API_TOKEN", "x")]).unwrap().token;
            assert_eq!(token.unwrap().expose_secret(), "x");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_once_and_without_the_secret() {
        for addr in ["8000", ":8000", "localhost:8000", "127.0.0.1", "127.0.0.1:99999"] {
            let refused = read(&[("API_ADDR", addr)]).unwrap_err();
            assert_eq!(refused.matches("API_ADDR").count(), 1, "{refused}");
        }
        for token in ["two words", "line\nbreak", "schlüssel"] {
            let refused = read(&[("API_ADDR", "0.0.0.0:1"), ("API_TOKEN", token)]).unwrap_err();
            assert!(refused.contains("one setting") && !refused.contains(token), "{refused}");
        }
    }
}
