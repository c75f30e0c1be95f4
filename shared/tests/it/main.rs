//! The queue on real servers, and the tree held to its rules.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, and says where")]

mod engine;
mod examples;
mod job;
mod scripts;
mod tidy;
