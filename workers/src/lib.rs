//! What the workers send, and how: one module for each channel.

mod channel;
mod check;
mod confirmed;
mod dry_run;
pub mod email;
mod run;
pub mod sms;
mod verdict;

pub use channel::Channel;
pub use run::run;
