//! The scripts by their hashes, which are what a proxy sees of them.

use redispatch_testkit::redis::RedisServer;

macro_rules! lua {
    ($($name:literal),*) => { concat!($(include_str!(concat!("../../../lua/", $name, ".lua"))),*) };
}

pub(crate) const BEGIN: &str = lua!("begin");
pub(crate) const BREAKER: &str = lua!("breaker");
pub(crate) const CLAIM: &str = lua!(
    "claim/contract",
    "claim/fence",
    "claim/gates",
    "claim/read",
    "claim/takeover",
    "claim/due",
    "claim/lanes",
    "claim/write"
);
pub(crate) const COMPLETE: &str = lua!("complete/contract", "complete/leave", "complete/tell");
pub(crate) const DEAD_LETTER: &str = lua!("dead_letter");
pub(crate) const ENQUEUE: &str = lua!("enqueue");
pub(crate) const EXTEND: &str = lua!("extend");
pub(crate) const FIRE: &str = lua!("fire");
pub(crate) const HEARTBEAT: &str = lua!("heartbeat");
pub(crate) const RELEASE: &str = lua!("release");
pub(crate) const RETRY: &str = lua!("retry");
pub(crate) const SPLIT: &str = lua!("split");

/// Loads a script and gives its hash: the first call that holds it is the one that runs.
pub(crate) async fn hash(redis: &RedisServer, script: &str) -> String {
    redis.command(&["SCRIPT", "LOAD", script]).await.text().to_owned()
}
