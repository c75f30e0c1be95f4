//! Real servers for the tests of this workspace.

pub mod smtp;
