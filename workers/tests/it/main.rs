//! The workers against real servers.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, and says where")]

mod access;
mod contract;
mod deploy;
#[cfg(feature = "sns")]
mod failover;
mod provider;
mod queue;
mod run;
mod site;
mod sms;
mod smtp;
#[cfg(feature = "sns")]
mod sns;
mod topology;
mod whatsapp;
mod worker;
