//! Sending email: the settings, the queue's message and its rendering to MIME.

pub mod address;
mod attachments;
pub mod compose;
mod custom_headers;
mod headers;
pub mod json;
mod message_id;
mod parts;
pub mod payload;
pub mod schema;
pub mod settings;
pub mod smtp;
mod text;
