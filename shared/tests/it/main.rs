//! The queue on real servers, and the tree held to its rules.

mod scripts;
mod tidy;
