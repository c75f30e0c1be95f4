//! One file a verb.

pub(crate) mod cancel;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod dead;
pub(crate) mod delayed;
pub(crate) mod doctor;
pub(crate) mod drain;
pub(crate) mod enqueue;
pub(crate) mod export;
pub(crate) mod healthcheck;
pub(crate) mod import;
pub(crate) mod pause;
pub(crate) mod queues;
pub(crate) mod reschedule;
pub(crate) mod retry;
pub(crate) mod rollback_check;
pub(crate) mod schedule;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod stats;
pub(crate) mod workers;
