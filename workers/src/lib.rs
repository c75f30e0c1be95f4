//! What the workers send, and how: one module for each channel.

pub mod email;
