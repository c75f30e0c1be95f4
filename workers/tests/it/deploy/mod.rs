//! The workers as services of a host.

mod notify;
mod pm2;
mod stuck;
mod units;
