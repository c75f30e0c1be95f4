//! The queue on real servers, and the tree held to its rules.

mod engine;
mod scripts;
mod tidy;
