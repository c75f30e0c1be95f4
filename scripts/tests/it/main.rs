//! `queuectl` as a process, against a real Redis.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, and says where")]

mod access;
mod acl;
mod api;
mod away;
mod cancel;
mod clean;
mod cluster;
mod dead;
mod delayed;
mod deploy;
mod doctor;
mod documents;
mod drain;
mod enqueue;
mod healthcheck;
mod help;
mod intake;
mod live;
mod pause;
mod queue;
mod reschedule;
mod run;
mod schedule;
mod serving;
mod shell;
mod show;
mod snapshot;
mod stats;
mod transfer;
mod workers;
