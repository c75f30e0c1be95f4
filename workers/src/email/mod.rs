//! Sending email: the settings, the queue's message and its rendering to MIME.

pub mod address;
mod attachments;
pub mod compose;
mod custom_headers;
mod headers;
mod message_id;
mod outbox;
mod parts;
pub mod payload;
mod preview;
pub mod schema;
mod sender;
pub mod settings;
pub mod smtp;
mod text;
mod transport;

pub use sender::Email;
