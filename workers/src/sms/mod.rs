//! Sending SMS: the settings, the queue's message, and the providers.

pub(crate) mod message;
