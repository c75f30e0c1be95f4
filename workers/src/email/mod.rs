//! Sending email.

pub mod settings;
