//! The workers against real servers.

mod smtp;
mod worker;
