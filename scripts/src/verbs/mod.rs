//! One file a verb.

pub(crate) mod pause;
pub(crate) mod serve;
