//! What Redis says of itself.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use fred::interfaces::ClientLike as _;
use fred::types::config::Server;
use fred::types::{CustomCommand, FromValue, Value};

use super::{Client, Queue, QueueError};
use crate::link::{Connected, Link};

impl Client {
    /// The fields of a section of `INFO` of any of its servers: see [`Node::info`].
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`] where it cannot be reached; nothing is changed by asking.
    pub async fn info(&self, section: &str) -> Result<BTreeMap<String, String>, QueueError> {
        Node { link: self.links.registry().clone(), server: None }.info(section).await
    }

    /// The servers that hold the keys: the only one, or the primaries of a cluster.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`] where none can be reached; nothing is changed by asking.
    pub async fn nodes(&self) -> Result<Vec<Node>, QueueError> {
        let only = || Node { link: self.links.registry().clone(), server: None };
        if !self.settings().redis.is_cluster() {
            return Ok(vec![only()]);
        }
        let servers = self.links.place().primaries().await?;
        let node = |server: Server| {
            let link = Link::new(self.links.place().at(server.clone()), "node");
            Node { link: Arc::new(link), server: Some(server) }
        };
        Ok(servers.into_iter().map(node).collect())
    }

    /// Redis's clock, ms since 1970; in a cluster that of one server.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn clock(&self) -> Result<i64, QueueError> {
        clock(self.links.registry()).await
    }
}

impl Queue {
    /// The clock of the queue's server, ms since 1970.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn clock(&self) -> Result<i64, QueueError> {
        clock(&self.link).await
    }

    /// What the server may refuse to tell: then `None`.
    pub(super) async fn ask<T: FromValue>(
        &self,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<T>, QueueError> {
        ask(&self.link, name, args).await
    }
}

async fn clock(link: &Link) -> Result<i64, QueueError> {
    let live = link.client().await?;
    Ok(now(link, &live).await?)
}

async fn ask<T: FromValue>(
    link: &Link,
    name: &'static str,
    args: Vec<Value>,
) -> Result<Option<T>, QueueError> {
    let live = link.client().await?;
    match link.checked(&live, live.client.custom(command(name), args).await) {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if crate::link::breaks_connection(&error) => Err(error.into()),
        Err(_) => Ok(None),
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
    link: Arc<Link>,
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
        ask(&self.link, name, args).await
    }
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
