//! What the queue itself reads of a message, and edits that keep all other bytes.

mod edit;
mod head;
mod record;

pub(crate) use edit::{add_id, edit, wrap_raw};
pub(crate) use head::Head;
pub use head::Malformed;
pub(crate) use record::{Attempt, Excuse, Record};

#[cfg(test)]
mod edit_tests;
#[cfg(test)]
mod head_tests;
