//! Which server holds the keys that a connection is for. Where there is one, that is no question; sentinels and clusters
//! are asked before each connection, since their answer changes. The client's own support for both is not used: it
//! connects to every server of a cluster or to none, and asks no other sentinel while the first one is silent.

mod answers;
mod ask;
mod guide;
mod watch;

use fred::error::{Error, ErrorKind};
use fred::types::Key;
use fred::types::config::{Config, Server, ServerConfig};

use guide::{Asked, Guide};

/// Where the keys of one queue are.
#[derive(Clone)]
pub(crate) struct Place {
    /// How to log in there. Its server is the right one only where there is no guide.
    config: Config,
    guide: Option<Guide>,
}

impl Place {
    /// Where `key` is, by what `config` leads to.
    pub(crate) fn new(config: Config, key: &Key) -> Self {
        let guide = match config.server.clone() {
            ServerConfig::Sentinel { hosts, service_name: service, username, password } => {
                Some(Guide::new(Asked::Sentinels { service, username, password }, hosts, &config))
            }
            ServerConfig::Clustered { hosts, .. } => {
                let slot = redis_protocol::redis_keyslot(key.as_bytes());
                Some(Guide::new(Asked::Cluster { slot }, hosts, &config))
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
            Some(guide) => Ok(at(&self.config, guide.find().await?)),
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
        for range in guide.tell().await? {
            servers.extend(range.servers.into_iter().next().filter(|server| !servers.contains(server)));
        }
        Ok(servers)
    }

    /// Whether the keys are at `server` still, as far as is known without asking.
    pub(crate) fn is_at(&self, server: &ServerConfig) -> bool {
        let Some(primary) = self.guide.as_ref().and_then(Guide::primary) else { return true };
        matches!(server, ServerConfig::Centralized { server } if *server == primary)
    }

    /// What was found was of no use: somebody else is asked first the next time.
    pub(crate) fn mistrust(&self) {
        if let Some(guide) = &self.guide {
            guide.turn_on();
        }
    }

    /// Whether what was found may turn out to be a replica that does not say so to everybody.
    pub(crate) fn may_be_replica(&self) -> bool {
        self.guide.as_ref().is_some_and(Guide::is_sentinels)
    }

    /// `error` as that of `server`, where it is not the one of the URL.
    pub(crate) fn told_of(&self, server: &ServerConfig, error: Error) -> Error {
        match (&self.guide, server) {
            (Some(_), ServerConfig::Centralized { server }) => guide::told_of(server, &error),
            _ => error,
        }
    }
}

fn at(config: &Config, server: Server) -> Config {
    Config { server: ServerConfig::Centralized { server }, ..config.clone() }
}
