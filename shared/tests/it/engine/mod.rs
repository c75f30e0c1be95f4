//! The engine against real servers that break: each test is named after its fault and ends with a count.

mod account;
mod breaker;
mod confirming;
mod crashes;
mod default_sender;
mod excuses;
mod failures;
mod health;
mod idle;
mod ids;
mod in_doubt;
pub(crate) mod kit;
mod lanes;
mod late_calls;
mod leases;
mod lost_replies;
mod metrics;
mod operators;
mod outages;
mod pauses;
mod rate_limit;
mod schedules;
mod scripts;
mod settling;
mod starting;
mod stopping;
mod times;
