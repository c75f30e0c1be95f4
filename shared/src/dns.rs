//! Addresses of host names, the one way for every connection.
//!
//! The system's resolver is asked, but for a program that carries glibc within itself: there `getaddrinfo` loads shared
//! libraries of exactly that glibc, which an image of nothing else has not got. Such a program reads `/etc/hosts` and
//! `/etc/resolv.conf` and asks the name servers itself.

use std::io::{Error, ErrorKind, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::Name;
use resolv_conf::Config;
use tokio::time::timeout;

const WITHOUT_SYSTEM: bool = cfg!(all(target_env = "gnu", target_feature = "crt-static"));

/// Longest lookup, whatever `/etc/resolv.conf` says of time-outs and attempts.
const LIMIT: Duration = Duration::from_secs(10);

/// The addresses of `host`, a name or an address as text, each with `port`. Never empty.
///
/// # Errors
///
/// No host has that name, or nobody answers who would know: a sentence for the operator.
pub async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if WITHOUT_SYSTEM {
        let found = Names::of_this_host().lookup(host).await?;
        return Ok(found.into_iter().map(|ip| SocketAddr::new(ip, port)).collect());
    }
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// [`lookup`] for connections to Redis.
pub(crate) struct Lookup;

#[async_trait::async_trait]
impl fred::types::Resolve for Lookup {
    async fn resolve(
        &self,
        host: fred::bytes_utils::Str,
        port: u16,
    ) -> std::result::Result<Vec<SocketAddr>, fred::error::Error> {
        Ok(lookup(&host, port).await?)
    }
}

/// What this host's files say of names. Read for each lookup: those of containers are rewritten under running programs.
struct Names {
    hosts: String,
    conf: Config,
    /// Of name servers.
    port: u16,
    limit: Duration,
}

impl Names {
    fn of_this_host() -> Self {
        // A file that is not there says nothing, as resolv.conf(5) and hosts(5) have it.
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned();
        Self::new(read("/etc/hosts"), &read("/etc/resolv.conf"), 53)
    }

    fn new(hosts: String, resolv_conf: &str, port: u16) -> Self {
        // A line that makes no sense is passed over.
        let (mut conf, _) = Config::parse_with_errors(resolv_conf.as_bytes());
        conf.nameservers = conf.get_nameservers_or_local();
        conf.nameservers.truncate(3);
        Self { hosts, conf, port, limit: LIMIT }
    }

    /// Addresses that this host has a route to come first, and of those IPv4.
    async fn lookup(&self, host: &str) -> Result<Vec<IpAddr>> {
        if let Ok(ip) = host.parse() {
            return Ok(vec![ip]);
        }
        let bare = host.trim_end_matches('.');
        let mut found = self.in_hosts(bare);
        if found.is_empty() && is_localhost(bare) {
            found = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        if found.is_empty() {
            found = timeout(self.limit, self.ask(host)).await.unwrap_or_else(|_| Err(self.silent(host)))?;
        }
        found.sort_by_key(|ip| (!has_route(*ip), ip.is_ipv6()));
        found.dedup();
        Ok(found)
    }

    fn in_hosts(&self, host: &str) -> Vec<IpAddr> {
        let lines = self.hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
        let addresses = lines.filter_map(|line| {
            let mut words = line.split_whitespace();
            let ip = words.next()?.parse().ok()?;
            words.any(|name| name.eq_ignore_ascii_case(host)).then_some(ip)
        });
        addresses.collect()
    }

    async fn ask(&self, host: &str) -> Result<Vec<IpAddr>> {
        let resolver = self.resolver().map_err(Error::other)?;
        let mut failed = None;
        for name in self.candidates(host) {
            // No name server could be asked for what is too long or has empty labels.
            let Ok(name) = Name::from_str_relaxed(&name) else { continue };
            match resolver.lookup_ip(name).await {
                Ok(found) if found.iter().next().is_some() => return Ok(found.iter().collect()),
                Ok(_) | Err(NetError::Dns(DnsError::NoRecordsFound(_))) => {}
                // What serves one domain badly may serve the next one well.
                Err(NetError::Dns(error)) => failed = Some(error),
                Err(_) => return Err(self.silent(host)),
            }
        }
        Err(match failed {
            Some(error) => Error::other(format!("{} cannot tell where `{host}` is: {error}", self.servers())),
            None => {
                Error::new(ErrorKind::NotFound, format!("there is no host `{host}`, says {}", self.servers()))
            }
        })
    }

    /// What a name may stand for, in the order of resolv.conf(5); each ends with a dot.
    fn candidates(&self, host: &str) -> Vec<String> {
        if host.ends_with('.') {
            return vec![host.to_owned()];
        }
        let searched = self.conf.get_last_search_or_domain().map(|domain| domain.trim_matches('.'));
        let searched = searched.filter(|domain| !domain.is_empty()).map(|domain| format!("{host}.{domain}."));
        let mut names: Vec<String> = searched.collect();
        let whole = host.matches('.').count() >= self.conf.ndots as usize;
        names.insert(if whole { 0 } else { names.len() }, format!("{host}."));
        names
    }

    /// Asks all name servers at once, so that a dead one costs nothing. Remembers nothing.
    fn resolver(&self) -> std::result::Result<TokioResolver, NetError> {
        let servers = self.conf.nameservers.iter().map(|ip| {
            let ip = IpAddr::from(ip);
            let over = if self.conf.use_vc { NameServerConfig::tcp } else { NameServerConfig::udp_and_tcp };
            let mut server = over(ip);
            server.connections.iter_mut().for_each(|connection| connection.port = self.port);
            server
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut options = ResolverOpts::default();
        options.ip_strategy = match self.conf.no_aaaa {
            true => LookupIpStrategy::Ipv4Only,
            false => LookupIpStrategy::Ipv4AndIpv6,
        };
        options.timeout = Duration::from_secs(u64::from(self.conf.timeout.max(1)));
        // It counts the tries after the first one.
        options.attempts = (self.conf.attempts as usize).saturating_sub(1);
        options.edns0 = self.conf.edns0;
        options.num_concurrent_reqs = self.conf.nameservers.len();
        options.cache_size = 0;
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
    }

    fn silent(&self, host: &str) -> Error {
        Error::new(ErrorKind::TimedOut, format!("no answer from {} about `{host}`", self.servers()))
    }

    /// `name server 10.0.0.2, 10.0.0.3`
    fn servers(&self) -> String {
        let servers: Vec<String> = self.conf.nameservers.iter().map(ToString::to_string).collect();
        format!("name server {}", servers.join(", "))
    }
}

/// RFC 6761, section 6.3.
fn is_localhost(host: &str) -> bool {
    host.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case("localhost"))
}

/// Sends nothing.
fn has_route(ip: IpAddr) -> bool {
    let any: IpAddr = if ip.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind((any, 0)).and_then(|socket| socket.connect((ip, 9))).is_ok()
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
