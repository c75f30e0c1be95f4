//! The kit itself, on real servers.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, and says where")]

mod moto;
mod process;
mod proxy;
mod redis;
mod twilio;

type Reply = redispatch_testkit::Reply;
