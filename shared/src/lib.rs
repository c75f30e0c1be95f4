//! redispatch: workers that take messages from plain Redis lists and get them sent, once, whatever breaks.

pub mod acl;
pub mod clock;
pub mod config;
pub mod dns;
mod handshake;
pub mod job;
pub mod keys;
mod link;
pub mod message;
pub mod outcome;
mod place;
pub mod queue;
mod script;
pub mod service;
pub mod telemetry;
pub mod worker;

pub use outcome::{Failure, Outcome, Part, Receipt, Verdict};
pub use worker::{Delivery, Shutdown, Worker, Workers};
