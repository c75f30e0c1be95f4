//! The server: whether it can be reached, what it is, whether it may throw messages away.

use std::collections::BTreeMap;
use std::time::Duration;

use redispatch::queue::{Client, Node, QueueError, is_too_old, server_name};

use super::{Finding, Way, clock, memory, persistence, queues, replication};

/// A section of `INFO`, or of the configuration.
pub(super) type Fields = BTreeMap<String, String>;

/// What the server says of itself. Empty where it does not let itself be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub(super) server: Fields,
    pub(super) memory: Fields,
    pub(super) persistence: Fields,
    pub(super) replication: Fields,
    /// `None` where this user may not ask for the configuration.
    pub(super) config: Option<Fields>,
}

const CONFIG: [&str; 4] = ["maxmemory", "maxmemory-policy", "appendfsync", "save"];

const RIGHTS: &str = "give this user what `queuectl doctor --acl` prints";

/// What to do about an error: rights that are missing have a cure of their own.
pub(super) fn cure<'a>(error: &QueueError, otherwise: &'a str) -> &'a str {
    if error.lacks_rights() { RIGHTS } else { otherwise }
}

/// Looks at the server, or each of a cluster, and at the queues.
pub(super) async fn check(client: &Client, lease: Duration, fix: bool) -> Vec<Finding> {
    let settings = client.settings();
    let url = settings.redis.url.to_string();
    let nodes = match facts(client).await {
        Ok(nodes) => nodes,
        Err(error) => {
            let todo = cure(&error, "start it, or mend REDIS_URL (see .env.example)");
            let away = Finding::fault("redis", format!("cannot ask {url}: {error}"), todo);
            return vec![away, Finding::skipped("queues", "not looked at without Redis")];
        }
    };
    let told = nodes.iter().filter_map(|(_, facts)| facts.as_ref().ok());
    let is_replica = told.into_iter().any(|facts| replication::is_replica(&facts.replication));
    let queues = queues::check(client, Way { lease, fix, is_replica }).await;
    let mut findings = Vec::new();
    for (address, facts) in nodes {
        let facts = match facts {
            Ok(facts) => facts,
            Err(error) => {
                let found = format!("cannot ask {}: {error}", address.unwrap_or_default());
                let todo = "start it, or let its replica take its place; its queues stand still until then";
                findings.push(Finding::fault("redis", found, todo));
                continue;
            }
        };
        let mut found = vec![version(&facts, &url, settings.redis.is_cluster())];
        found.extend(rights(&facts));
        found.push(eviction(&facts));
        found.extend(persistence::check(&facts));
        found.extend(replication::check(&facts.replication));
        found.push(memory::check(&facts, queues.footprint));
        let named = |finding: Finding| match &address {
            Some(address) => Finding { found: format!("{address}: {}", finding.found), ..finding },
            None => finding,
        };
        findings.extend(found.into_iter().map(named));
    }
    findings.push(clock::check(client).await);
    findings.extend(queues.findings);
    findings
}

/// Each server's address, where there are several, and what it says. One of several may be away.
async fn facts(client: &Client) -> Result<Vec<(Option<String>, Result<Facts, QueueError>)>, QueueError> {
    let mut all = Vec::new();
    for node in client.nodes().await? {
        match (node.address(), ask(&node).await) {
            (None, Err(error)) => return Err(error),
            told => all.push(told),
        }
    }
    Ok(all)
}

async fn ask(node: &Node) -> Result<Facts, QueueError> {
    Ok(Facts {
        server: node.info("server").await?,
        memory: node.info("memory").await?,
        persistence: node.info("persistence").await?,
        replication: node.info("replication").await?,
        config: node.config(&CONFIG).await?,
    })
}

fn version(facts: &Facts, url: &str, is_cluster: bool) -> Finding {
    const CHECK: &str = "redis version";
    let found = format!("{} at {url}", server_name(&facts.server));
    if is_too_old(&facts.server) {
        return Finding::fault(CHECK, found, "install Redis or Valkey 7.0 or newer");
    }
    if facts.server.get("redis_mode").is_some_and(|mode| mode == "cluster") && !is_cluster {
        let found = format!("{found}: a cluster, behind the URL of a single server");
        return Finding::fault(CHECK, found, "write REDIS_URL as redis-cluster://host:port");
    }
    Finding::ok(CHECK, found)
}

/// What this user may not ask. `CONFIG GET` is among the rights of nobody: it shows passwords.
fn rights(facts: &Facts) -> Option<Finding> {
    const CHECK: &str = "redis rights";
    if facts.server.is_empty() {
        let found = "this user may not ask INFO: some checks know less";
        return Some(Finding::warning(CHECK, found, RIGHTS));
    }
    let found =
        "this user may not ask CONFIG GET (nor should it: that shows passwords): some checks know less";
    facts.config.is_none().then(|| Finding::skipped(CHECK, found))
}

/// Anything but `noeviction` may lose messages, or the statuses that keep an id from being sent twice.
fn eviction(facts: &Facts) -> Finding {
    const CHECK: &str = "eviction";
    let configured = facts.config.as_ref().and_then(|config| config.get("maxmemory-policy"));
    let Some(policy) = configured.or_else(|| facts.memory.get("maxmemory_policy")) else {
        let todo = "look at maxmemory-policy in redis.conf: it must be noeviction";
        return Finding::warning(CHECK, "the server does not tell its maxmemory-policy", todo);
    };
    let todo = "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf";
    match policy.as_str() {
        "noeviction" => Finding::ok(CHECK, "maxmemory-policy noeviction"),
        policy if policy.starts_with("allkeys-") => {
            let found =
                format!("maxmemory-policy {policy}: Redis may throw messages away when memory is full");
            Finding::fault(CHECK, found, todo)
        }
        policy => {
            let found = format!(
                "maxmemory-policy {policy}: Redis may forget which ids were sent when memory is full"
            );
            Finding::fault(CHECK, found, todo)
        }
    }
}

/// Fields and their values, in tests.
#[cfg(test)]
pub(super) type Pairs<'a> = &'a [(&'a str, &'a str)];

#[cfg(test)]
pub(super) fn fields(pairs: Pairs<'_>) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    #[test]
    fn versions() {
        for (server, is_cluster, level) in [
            (&[("redis_version", "7.0.15"), ("redis_mode", "standalone")][..], false, Level::Ok),
            (&[("redis_version", "6.2.14"), ("redis_mode", "standalone")], false, Level::Fault),
            (&[("redis_version", "7.2.4"), ("redis_mode", "cluster")], false, Level::Fault),
            (&[("redis_version", "7.2.4"), ("redis_mode", "cluster")], true, Level::Ok),
            (&[], false, Level::Ok),
        ] {
            let facts = Facts { server: fields(server), ..Facts::default() };
            assert_eq!(version(&facts, "redis://x", is_cluster).level, level, "{server:?}");
        }
    }

    #[test]
    fn the_policy_is_known_without_the_right_to_ask_for_the_configuration() {
        let told = |policy| Facts { memory: fields(&[("maxmemory_policy", policy)]), ..Facts::default() };
        for (facts, level) in [
            (told("noeviction"), Level::Ok),
            (told("allkeys-lru"), Level::Fault),
            (told("volatile-ttl"), Level::Fault),
            (Facts::default(), Level::Warning),
        ] {
            assert_eq!(eviction(&facts).level, level, "{facts:?}");
        }
    }
}
