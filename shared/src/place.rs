//! Which server holds the keys that a connection is for. Where there is one, that is no question; sentinels and clusters
//! are asked before each connection, since their answer changes. The client's own support for both is not used: it
//! connects to every server of a cluster or to none, and asks no other sentinel while the first one is silent.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fred::error::{Error, ErrorKind};
use fred::prelude::{Client, ClientLike};
use fred::types::config::{Config, Server, ServerConfig};
use fred::types::{CustomCommand, Key, Value};

use crate::link;
use crate::script::into_text;

/// Longest wait for one that is asked for the way.
const ASK_LIMIT: Duration = Duration::from_secs(1);

/// Where the keys of one queue are.
#[derive(Clone)]
pub(crate) struct Place {
    /// How to log in there. Its server is the right one only where there is no guide.
    config: Config,
    guide: Option<Guide>,
}

/// Who knows the way.
#[derive(Clone)]
struct Guide {
    asked: Asked,
    /// Those to ask, known at first or heard of since.
    servers: Arc<Mutex<Vec<Server>>>,
    /// Who is asked first: another one each time, since one of them may be wrong and not know it.
    turn: Arc<AtomicUsize>,
}

#[derive(Clone)]
enum Asked {
    /// For the primary of a service, with a login of their own.
    Sentinels { service: String, username: Option<String>, password: Option<String> },
    /// For the primary of a slot.
    Cluster { slot: u16 },
}

impl Place {
    /// Where `key` is, by what `config` leads to.
    pub(crate) fn new(config: Config, key: &Key) -> Self {
        let guide =
            |servers, asked| Guide { asked, servers: Arc::new(Mutex::new(servers)), turn: Arc::default() };
        let guide = match config.server.clone() {
            ServerConfig::Sentinel { hosts, service_name: service, username, password } => {
                Some(guide(hosts, Asked::Sentinels { service, username, password }))
            }
            ServerConfig::Clustered { hosts, .. } => {
                Some(guide(hosts, Asked::Cluster { slot: redis_protocol::redis_keyslot(key.as_bytes()) }))
            }
            ServerConfig::Centralized { .. } | ServerConfig::Unix { .. } => None,
        };
        Self { config, guide }
    }

    /// The same login at another server.
    pub(crate) fn at(&self, server: Server) -> Self {
        Self { config: at(&self.config, server), guide: None }
    }

    /// How to connect to the server that has the keys now.
    ///
    /// # Errors
    ///
    /// Nobody who could be asked knows it.
    pub(crate) async fn find(&self) -> Result<Config, Error> {
        match &self.guide {
            None => Ok(self.config.clone()),
            Some(guide) => Ok(at(&self.config, guide.find(&self.config).await?)),
        }
    }

    /// All primaries of a cluster.
    ///
    /// # Errors
    ///
    /// Nobody who could be asked knows them, or it is no cluster.
    pub(crate) async fn primaries(&self) -> Result<Vec<Server>, Error> {
        let Some(guide) = &self.guide else { return Err(Error::new(ErrorKind::Config, "no cluster")) };
        let mut servers = Vec::new();
        for range in guide.tell(&self.config).await? {
            servers.extend(range.servers.into_iter().next().filter(|server| !servers.contains(server)));
        }
        Ok(servers)
    }

    /// Whether what was found may turn out to be a replica that does not say so to everybody.
    pub(crate) fn may_be_replica(&self) -> bool {
        matches!(&self.guide, Some(Guide { asked: Asked::Sentinels { .. }, .. }))
    }
}

impl Guide {
    /// The server that has the keys.
    async fn find(&self, config: &Config) -> Result<Server, Error> {
        let ranges = self.tell(config).await?;
        let held = |range: &Range| match &self.asked {
            Asked::Sentinels { .. } => true,
            Asked::Cluster { slot } => range.slots.contains(slot),
        };
        let server = ranges.into_iter().find(held).and_then(|range| range.servers.into_iter().next());
        server.ok_or_else(|| {
            Error::new(ErrorKind::Cluster, "no server of the cluster holds the keys of this queue")
        })
    }

    /// Who holds what, as the first one who answers says.
    async fn tell(&self, config: &Config) -> Result<Vec<Range>, Error> {
        let servers = self.lock().clone();
        let first = self.turn.fetch_add(1, Relaxed);
        let mut failed = Error::new(ErrorKind::Config, "nobody to ask");
        for step in 0..servers.len() {
            let server = &servers[(first + step) % servers.len()];
            match tokio::time::timeout(ASK_LIMIT, self.ask(config, server)).await {
                Ok(Ok(ranges)) => return Ok(ranges),
                Ok(Err(error)) => {
                    let said = self.mistaken(&error).unwrap_or(error.details());
                    failed = Error::new(error.kind().clone(), format!("{server}: {said}"));
                }
                Err(_) => failed = Error::new(ErrorKind::Timeout, format!("{server}: no answer")),
            }
        }
        Err(failed)
    }

    /// What is wrong where the URL leads to another kind of server.
    fn mistaken(&self, error: &Error) -> Option<&'static str> {
        let said = error.details();
        match self.asked {
            Asked::Cluster { .. } if said.contains("cluster support disabled") => {
                Some("is no cluster: write its URL as redis://")
            }
            Asked::Sentinels { .. } if said.contains("unknown command") => Some("is no sentinel"),
            _ => None,
        }
    }

    async fn ask(&self, config: &Config, server: &Server) -> Result<Vec<Range>, Error> {
        let mut login = at(config, server.clone());
        login.database = None;
        if let Asked::Sentinels { username, password, .. } = &self.asked {
            (login.username, login.password) = (username.clone(), password.clone());
        }
        let (client, task) = link::connect_to(login).await?;
        let answer = match &self.asked {
            Asked::Sentinels { service, .. } => self.ask_sentinel(&client, server, service).await,
            Asked::Cluster { .. } => {
                ask(&client, &["CLUSTER", "SLOTS"]).await.map(|slots| ranges(slots, server))
            }
        };
        link::end(client, task);
        let ranges = answer?;
        if matches!(self.asked, Asked::Cluster { .. }) {
            self.learn(ranges.iter().flat_map(|range| range.servers.clone()));
        }
        Ok(ranges)
    }

    async fn ask_sentinel(
        &self,
        client: &Client,
        server: &Server,
        service: &str,
    ) -> Result<Vec<Range>, Error> {
        let primary = ask(client, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", service]).await?;
        let unknown = || Error::new(ErrorKind::Sentinel, format!("knows no service `{service}`"));
        let primary = address(primary, server).ok_or_else(unknown)?;
        if let Ok(others) = ask(client, &["SENTINEL", "SENTINELS", service]).await {
            self.learn(list(others).into_iter().filter_map(sentinel));
        }
        Ok(vec![Range { slots: 0..=u16::MAX, servers: vec![primary] }])
    }

    fn learn(&self, heard: impl Iterator<Item = Server>) {
        let mut servers = self.lock();
        for server in heard {
            if !servers.contains(&server) {
                servers.push(server);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Server>> {
        self.servers.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

async fn ask(client: &Client, words: &[&str]) -> Result<Value, Error> {
    let command = CustomCommand::new(words[0].to_owned(), None::<u16>, false);
    client.custom(command, words[1..].iter().map(|word| Value::from(*word)).collect::<Vec<_>>()).await
}

fn at(config: &Config, server: Server) -> Config {
    Config { server: ServerConfig::Centralized { server }, ..config.clone() }
}

/// A range of slots, and who holds it: the primary first.
struct Range {
    slots: std::ops::RangeInclusive<u16>,
    servers: Vec<Server>,
}

/// An answer to `CLUSTER SLOTS`. A server that does not know its own address is the one that was `asked`.
fn ranges(slots: Value, asked: &Server) -> Vec<Range> {
    let range = |entry: Value| {
        let mut parts = list(entry).into_iter();
        let mut number = || u16::try_from(parts.next()?.as_u64()?).ok();
        let slots = number()?..=number()?;
        Some(Range { slots, servers: parts.filter_map(|server| address(server, asked)).collect() })
    };
    list(slots).into_iter().filter_map(range).collect()
}

/// `[host, port, …]`
fn address(server: Value, asked: &Server) -> Option<Server> {
    let mut parts = list(server).into_iter();
    let host = into_text(parts.next()?);
    let port = into_text(parts.next()?).parse().ok()?;
    let unknown = host.is_empty() || host == "?";
    Some(Server::new(if unknown { asked.host.to_string() } else { host }, port))
}

/// The address in one of the answers to `SENTINEL SENTINELS`: names and values in turn.
fn sentinel(fields: Value) -> Option<Server> {
    let fields: Vec<String> = list(fields).into_iter().map(into_text).collect();
    let field = |name| fields.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| pair[1].clone());
    Some(Server::new(field("ip")?, field("port")?.parse().ok()?))
}

fn list(value: Value) -> Vec<Value> {
    if let Value::Array(values) = value { values } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots() -> Value {
        let server = |host: &str, port: i64| Value::Array(vec![host.into(), port.into(), "id".into()]);
        let range = |start: i64, end: i64, servers: Vec<Value>| {
            Value::Array([vec![start.into(), end.into()], servers].concat())
        };
        Value::Array(vec![
            range(0, 99, vec![server("10.0.0.1", 7000), server("10.0.0.2", 7001)]),
            range(100, 16383, vec![server("", 7002), server("?", 7003)]),
            Value::Null,
        ])
    }

    #[test]
    fn slots_and_who_holds_them() {
        let asked = Server::new("seed", 7002);
        let ranges = ranges(slots(), &asked);
        let shown: Vec<_> = ranges.iter().map(|range| (range.slots.clone(), range.servers.clone())).collect();
        let server = |host: &str, port| Server::new(host, port);
        assert_eq!(
            shown,
            [
                (0..=99, vec![server("10.0.0.1", 7000), server("10.0.0.2", 7001)]),
                (100..=16383, vec![server("seed", 7002), server("seed", 7003)]),
            ]
        );
    }

    #[test]
    fn sentinels_tell_of_others() {
        let told =
            |fields: &[&str]| sentinel(Value::Array(fields.iter().map(|text| Value::from(*text)).collect()));
        assert_eq!(
            told(&["name", "ip", "ip", "10.0.0.3", "port", "26379"]),
            Some(Server::new("10.0.0.3", 26379))
        );
        assert_eq!(told(&["ip", "10.0.0.3", "port", "x"]), None);
        assert_eq!(told(&[]), None);
    }
}
