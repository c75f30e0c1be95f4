//! Whether a Redis may be trusted with messages.

use std::collections::HashMap;

use fred::clients::Client;
use fred::interfaces::ConfigInterface;
use fred::prelude::ClientLike;
use fred::types::InfoKind;
use tracing::warn;

use super::WorkerError;
use crate::config::WorkerSettings;
use crate::telemetry::event;

const OLDEST_MAJOR: u32 = 7;

/// Refuses a server that is too old, a cluster behind a plain URL, and one that may evict messages. One that does not let itself be asked is
/// trusted. Gives its name and version.
pub(crate) async fn inspect(client: &Client, settings: &WorkerSettings) -> Result<String, WorkerError> {
    let allow_eviction = settings.allow_eviction;
    let info: String = client.info(Some(InfoKind::Server)).await.unwrap_or_default();
    let server = describe(&info);
    if is_too_old(&info) {
        return Err(WorkerError::Version(server));
    }
    if field(&info, "redis_mode") == Some("cluster") && !settings.redis.is_cluster() {
        return Err(WorkerError::Cluster);
    }
    let policy =
        config_value(client, "maxmemory-policy").await.filter(|policy| policy.starts_with("allkeys-"));
    let limited = config_value(client, "maxmemory").await.is_some_and(|limit| limit != "0");
    match policy.filter(|_| limited) {
        Some(policy) if !allow_eviction => Err(WorkerError::Eviction(policy)),
        Some(policy) => {
            warn!(event = event::REDIS_ERROR, policy, "Redis may evict messages when its memory is full");
            Ok(server)
        }
        None => Ok(server),
    }
}

fn is_too_old(info: &str) -> bool {
    let major =
        field(info, "redis_version").and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    major.is_some_and(|major| major < OLDEST_MAJOR)
}

/// Valkey tells the version of Redis it follows, and its own beside it.
fn describe(info: &str) -> String {
    match (field(info, "valkey_version"), field(info, "redis_version")) {
        (Some(version), _) => format!("Valkey {version}"),
        (None, Some(version)) => format!("Redis {version}"),
        (None, None) => "Redis of unknown version".to_owned(),
    }
}

fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

async fn config_value(client: &Client, name: &str) -> Option<String> {
    let answer: HashMap<String, String> = client.config_get(name).await.ok()?;
    answer.into_values().next()
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
            assert_eq!((describe(info).as_str(), is_too_old(info)), (name, too_old));
        }
    }
}
