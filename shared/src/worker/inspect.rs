//! Whether a Redis may be trusted with messages.

use fred::clients::Client;
use fred::interfaces::HashesInterface;
use fred::prelude::ClientLike;
use fred::types::InfoKind;
use tracing::warn;

use super::WorkerError;
use crate::config::WorkerSettings;
use crate::keys::{Keys, is_newer};
use crate::queue::{fields, is_too_old, server_name};
use crate::telemetry::event;

/// Refuses a server that is too old, a cluster behind a plain URL, and one that may evict messages. One that does not let itself be asked is
/// trusted. Gives its name and version.
pub(crate) async fn inspect(client: &Client, settings: &WorkerSettings) -> Result<String, WorkerError> {
    let allow_eviction = settings.allow_eviction;
    let section = async |kind| fields(&client.info::<String>(Some(kind)).await.unwrap_or_default());
    let (info, memory) = (section(InfoKind::Server).await, section(InfoKind::Memory).await);
    let server = server_name(&info);
    if is_too_old(&info) {
        return Err(WorkerError::Version(server));
    }
    if info.get("redis_mode").is_some_and(|mode| mode == "cluster") && !settings.redis.is_cluster() {
        return Err(WorkerError::Cluster);
    }
    let policy = memory.get("maxmemory_policy").filter(|policy| policy.starts_with("allkeys-")).cloned();
    let limited = memory.get("maxmemory").is_some_and(|limit| limit != "0");
    match policy.filter(|_| limited) {
        Some(policy) if !allow_eviction => Err(WorkerError::Eviction(policy)),
        Some(policy) => {
            warn!(event = event::REDIS_ERROR, policy, "Redis may evict messages when its memory is full");
            Ok(server)
        }
        None => Ok(server),
    }
}

/// Refuses a queue whose keys a newer version has laid out otherwise.
pub(crate) async fn layout(client: &Client, keys: &Keys) -> Result<(), WorkerError> {
    let layout: Option<String> = client.hget(keys.control.clone(), "layout").await.unwrap_or_default();
    match layout.filter(|layout| is_newer(layout)) {
        Some(newer) => Err(WorkerError::Layout(newer)),
        None => Ok(()),
    }
}
