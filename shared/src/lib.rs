//! redispatch: workers that take messages from plain Redis lists and get them sent, once, whatever breaks.

pub mod clock;
pub mod config;
pub mod dns;
pub mod job;
pub mod keys;
mod link;
pub mod message;
pub mod outcome;
mod place;
pub mod queue;
mod script;
pub mod telemetry;
pub mod worker;

pub use outcome::{Failure, Outcome, Part, Receipt, Verdict};
pub use worker::{Delivery, Shutdown, Worker, Workers};
