//! Dead letters, as the verbs and the HTTP API see them.

mod check;
pub(crate) mod fields;
mod filter;
mod find;
mod groups;
mod words;

pub(crate) use check::refusal;
pub(crate) use filter::{Filter, unchosen};
pub(crate) use find::{Sought, by_id, by_key, key};
pub(crate) use groups::{Group, Groups, Kind};
pub(crate) use words::{letters, past, what_is_done, word};
