//! The protocol at the level of its scripts: EVALSHA on a real Redis, with pretend workers.

mod account;
mod acl;
mod begin;
mod breaker;
mod broken;
mod call;
mod cancelling;
mod claim_due;
mod claim_fence;
mod claim_lanes;
mod claim_room;
mod dead;
mod every;
mod in_doubt;
mod note;
mod orders;
mod orphans;
mod probe;
mod queue;
mod rate_limit;
mod schedules;
mod settle;
mod stamps;
mod traces;
mod upkeep;
mod worker;

pub(crate) use queue::{SCRIPTS, script_parts, script_text};
