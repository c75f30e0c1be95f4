//! What the workers send, and how: one module for each channel.

mod channel;
mod check;
mod confirmed;
mod content;
mod dry_run;
pub mod email;
#[cfg(test)]
#[cfg(feature = "sns")]
mod env_example;
mod healthcheck;
pub mod json;
mod names;
pub mod phone;
mod run;
mod schema;
pub mod sms;
mod tables;
mod tls;
pub mod twilio;
mod typo;
mod validate;
mod verdict;
pub mod whatsapp;

pub use channel::Channel;
pub use healthcheck::healthcheck_of_any;
pub use run::run;
pub use tables::settings_tables;
pub use validate::validate;
