//! `queuectl` as a process, against a real Redis.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, and says where")]

mod api;
mod dead;
mod deploy;
mod pause;
mod queue;
mod run;
mod transfer;
