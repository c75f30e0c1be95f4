//! workers

pub mod email;
