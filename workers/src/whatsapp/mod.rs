//! Sending WhatsApp messages through Twilio: the settings and the queue's message.

mod channel;
mod check;
mod message;
pub mod payload;
mod preview;
pub mod schema;
pub mod settings;

pub use channel::WhatsAppChannel;
