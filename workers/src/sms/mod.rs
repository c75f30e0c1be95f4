//! Sending SMS: the settings, the queue's message, and the providers.

mod channel;
mod check;
mod failover;
mod health;
pub mod message;
pub(crate) mod parts;
pub mod payload;
mod preview;
mod provider;
pub mod schema;
mod sender;
pub mod settings;
#[cfg(feature = "sns")]
pub mod sns;
mod twilio;

pub use channel::SmsChannel;
