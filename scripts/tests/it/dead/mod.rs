//! `dead`: looked at, requeued, mended, purged, and nothing lost whatever happens meanwhile.

mod edit;
mod killed;
mod looking;
pub(crate) mod million;
mod moving;
mod running;

/// The hash of a script, which is what a proxy sees of its calls.
pub(crate) async fn hash(redis: &redispatch_testkit::redis::RedisServer, script: &str) -> String {
    redis.command(&["SCRIPT", "LOAD", script]).await.text().to_owned()
}

pub(crate) const DEAD_TURN: &str = concat!(
    include_str!("../../../../shared/lua/dead_turn/contract.lua"),
    include_str!("../../../../shared/lua/dead_turn/move.lua")
);
