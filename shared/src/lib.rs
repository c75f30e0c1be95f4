//! redispatch: workers that take messages from plain Redis lists and get them sent, once, whatever breaks.

pub mod outcome;

pub use outcome::{Failure, Outcome, Part, Receipt, Verdict};
