//! The workers as services of a host.

mod notify;
mod stuck;
