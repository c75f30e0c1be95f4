//! One file a verb.

pub(crate) mod dead;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod pause;
pub(crate) mod serve;
