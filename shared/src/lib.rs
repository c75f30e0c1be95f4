//! redispatch: workers that take messages from plain Redis lists and get them sent, once, whatever breaks.

pub mod clock;
pub mod config;
pub mod outcome;
pub mod telemetry;

pub use outcome::{Failure, Outcome, Part, Receipt, Verdict};
