//! Twilio's Messages API, for SMS and for WhatsApp.

mod answer;
mod client;
mod post;
mod settings;
mod verdicts;

pub(crate) use answer::Origin;
pub(crate) use client::Client;
pub(crate) use post::{Content, Post, Sender};
pub use settings::TwilioSettings;
pub(crate) use settings::{Names, is_sid, sid};

/// What it is called in logs and dead letters.
pub(crate) const NAME: &str = "twilio";
