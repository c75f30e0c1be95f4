//! What Redis says of itself.

use std::collections::{BTreeMap, HashMap};

use fred::interfaces::ClientLike as _;
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, FromValue, Value};

use super::{Client, QueueError};
use crate::link::{Connected, Link};
use crate::script::into_text;

impl Client {
    /// The fields of a section of `INFO` of any of its servers: see [`Node::info`].
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`] where it cannot be reached; nothing is changed by asking.
    pub async fn info(&self, section: &str) -> Result<BTreeMap<String, String>, QueueError> {
        Node { client: self.clone(), server: None }.info(section).await
    }

    /// The servers that hold the keys: the only one, or the primaries of a cluster.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`] where it cannot be reached; nothing is changed by asking.
    pub async fn nodes(&self) -> Result<Vec<Node>, QueueError> {
        let mut servers = Vec::new();
        if self.settings().redis.is_cluster() {
            let slots = self.ask_by(command("CLUSTER"), vec!["SLOTS".into()], None).await?;
            servers = primaries(slots.unwrap_or(Value::Null));
        }
        let node = |server| Node { client: self.clone(), server };
        match servers.is_empty() {
            true => Ok(vec![node(None)]),
            false => Ok(servers.into_iter().map(|server| node(Some(server))).collect()),
        }
    }

    /// Redis's clock, ms since 1970.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn clock(&self) -> Result<i64, QueueError> {
        let live = self.link.client().await?;
        Ok(now(&self.link, &live).await?)
    }

    /// Asks about a key, which stands behind a subcommand, what the server may refuse to tell: then `None`.
    pub(super) async fn ask_about<T: FromValue>(
        &self,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<T>, QueueError> {
        self.ask_by(CustomCommand::new_static(name, ClusterHash::Offset(1), false), args, None).await
    }

    async fn ask_by<T: FromValue>(
        &self,
        command: CustomCommand,
        args: Vec<Value>,
        server: Option<Server>,
    ) -> Result<Option<T>, QueueError> {
        let live = self.link.client().await?;
        let options = Options { cluster_node: server, ..Options::default() };
        let answer = live.client.with_options(&options).custom(command, args).await;
        match self.link.checked(&live, answer) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if crate::link::breaks_connection(&error) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}

/// Redis's clock, ms since 1970.
pub(crate) async fn now(link: &Link, live: &Connected) -> Result<i64, fred::error::Error> {
    let time = live.client.custom(command("TIME"), Vec::<Value>::new()).await;
    let (seconds, micros): (i64, i64) = link.checked(live, time)?;
    Ok(seconds * 1000 + micros / 1000)
}

/// One of the servers that hold the keys.
#[derive(Clone)]
pub struct Node {
    client: Client,
    server: Option<Server>,
}

impl Node {
    /// Its address in a cluster; `None` for a server that is the only one.
    pub fn address(&self) -> Option<String> {
        self.server.as_ref().map(ToString::to_string)
    }

    /// The fields of a section of `INFO`: `server`, `memory`, `persistence`, `replication`, … Empty where the server
    /// does not let itself be asked.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`] where it cannot be reached; nothing is changed by asking.
    pub async fn info(&self, section: &str) -> Result<BTreeMap<String, String>, QueueError> {
        let text: Option<String> = self.ask("INFO", vec![section.into()]).await?;
        Ok(fields(&text.unwrap_or_default()))
    }

    /// The configuration by its names, those that the server knows. `None` where it does not let itself be asked.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`] where it cannot be reached; nothing is changed by asking.
    pub async fn config(&self, names: &[&str]) -> Result<Option<BTreeMap<String, String>>, QueueError> {
        let mut args: Vec<Value> = vec!["GET".into()];
        args.extend(names.iter().map(|name| Value::from(*name)));
        Ok(self.ask::<HashMap<String, String>>("CONFIG", args).await?.map(BTreeMap::from_iter))
    }

    async fn ask<T: FromValue>(&self, name: &'static str, args: Vec<Value>) -> Result<Option<T>, QueueError> {
        self.client.ask_by(command(name), args, self.server.clone()).await
    }
}

/// The primaries in an answer to `CLUSTER SLOTS`, each once. Empty where they do not know their own addresses.
fn primaries(slots: Value) -> Vec<Server> {
    let list = |value| if let Value::Array(values) = value { values } else { Vec::new() };
    let address = |slot| {
        let mut primary = list(list(slot).into_iter().nth(2)?).into_iter();
        let host = into_text(primary.next()?);
        let port = primary.next()?.as_u64().and_then(|port| u16::try_from(port).ok())?;
        (!host.is_empty()).then(|| Server::new(host, port))
    };
    let mut servers: Vec<Server> = Vec::new();
    for server in list(slots).into_iter().filter_map(address) {
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers
}

fn command(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, None::<u16>, false)
}

/// The oldest version of Redis that has all that is needed.
const OLDEST_MAJOR: u32 = 7;

/// The fields of an answer to `INFO`.
pub(crate) fn fields(info: &str) -> BTreeMap<String, String> {
    let fields = info.lines().filter_map(|line| line.trim().split_once(':'));
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `Redis 7.0.15` or `Valkey 9.1.2`, out of the section `server`. Valkey tells the version of Redis it follows, and its
/// own beside it.
pub fn server_name(server: &BTreeMap<String, String>) -> String {
    match (server.get("valkey_version"), server.get("redis_version")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, Some(version)) => format!("Redis {version}"),
        (None, None) => "Redis of unknown version".to_owned(),
    }
}

/// Whether the section `server` is that of one older than Redis 7.0. One that does not tell is not.
pub fn is_too_old(server: &BTreeMap<String, String>) -> bool {
    let major =
        server.get("redis_version").and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    major.is_some_and(|major| major < OLDEST_MAJOR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (info, name, too_old) in [
            ("# Server\r\nredis_version:6.2.14\r\nredis_mode:standalone\r\n", "Redis 6.2.14", true),
            ("# Server\r\nredis_version:7.0.15\r\n", "Redis 7.0.15", false),
            ("# Server\r\nredis_version:7.2.4\r\nvalkey_version:9.1.2\r\n", "Valkey 9.1.2", false),
            ("", "Redis of unknown version", false),
        ] {
            let info = fields(info);
            assert_eq!((server_name(&info).as_str(), is_too_old(&info)), (name, too_old));
        }
    }
}
