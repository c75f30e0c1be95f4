//! Email: from a message to a mail that a server has taken.

pub mod smtp;
