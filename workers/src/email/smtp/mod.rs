//! Sending over SMTP: sessions of our own over sockets of our own, kept open in a small pool.
//!
//! `lettre` builds messages and parses addresses; its pool and its connection are not used. The pool leaves
//! Nagle's algorithm on and hands half-used connections on after a cancelled send. The connection reads the
//! greeting and EHLO in one step, lines of any length, nothing but UTF-8, and keeps what came in plain text
//! before a STARTTLS handshake as if it had come after it.
//!
//! A failure before the final dot is surely not delivered. Once the last byte of the dot is handed to the
//! kernel, a missing answer is [`Outcome::InDoubt`](redispatch::Outcome::InDoubt).

mod auth;
mod capabilities;
mod escape;
mod fault;
mod pipeline;
mod pool;
mod reply;
mod session;
mod settings;
mod stage;
mod tally;
mod tls;
mod transaction;
mod verdicts;
mod wire;

pub use pool::Pool;
pub use settings::{Limits, SmtpSettings, TlsMode};
pub use transaction::Mail;
