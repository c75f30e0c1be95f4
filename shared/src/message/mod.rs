//! What the queue itself reads of a message, and edits that keep all other bytes.

mod edit;
mod head;
mod record;

pub(crate) use edit::{add_id, edit, set_send_at, wrap_raw};
pub use head::Malformed;
pub(crate) use head::{END_OF_TIME, Head};
pub use record::FailedAttempt;
pub(crate) use record::{Excuse, Record, attempts};

#[cfg(test)]
mod edit_tests;
#[cfg(test)]
mod head_tests;
