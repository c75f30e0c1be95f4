//! Sending SMS: the settings, the queue's message, and the providers.

pub mod message;
#[cfg(feature = "sns")]
pub mod sns;
