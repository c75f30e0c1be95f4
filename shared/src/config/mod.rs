//! Settings: flags, before the environment, before `.env`, before defaults; every fault at once.
//!
//! Each [`Setting`] is declared once, in a [`Table`]. [`Cli`] makes flags and help of the tables, [`Sources`]
//! holds what was given, [`Reader`] gives typed values and collects what cannot be used. A program ends with
//! [`Faults::exit`] where there is any: nothing falls back in silence.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use redispatch::config::{self, Cli, Reader, WorkerSettings};
//!
//! fn main() -> ExitCode {
//!     let cli = Cli::new("my-worker", "0.1.0", "Takes messages from a queue of mine.", "my-worker --check");
//!     let (mode, sources) = match cli.tables(config::TABLES).parse(std::env::args_os()) {
//!         Ok(parsed) => parsed,
//!         Err(code) => return code,
//!     };
//!     let mut reader = Reader::new(&sources);
//!     let settings = WorkerSettings::read(&mut reader, 10);
//!     if let Err(faults) = reader.finish() {
//!         return faults.exit();
//!     }
//!     println!("{mode:?} with {settings:?}");
//!     ExitCode::SUCCESS
//! }
//! ```

mod api;
pub mod check;
mod cli;
pub mod dotenv;
mod fault;
mod http;
mod queue;
mod reader;
mod redis;
mod redis_url;
mod setting;
mod source;
mod worker;

pub use api::{API, ApiSettings, api_addr};
pub use cli::{Cli, Mode, flags, given};
pub use fault::{EXIT_UNUSABLE_SETTINGS, Fault, Faults};
pub use http::{HTTP, http_addr};
pub use queue::QueueSettings;
pub use reader::Reader;
pub use redis::{REDIS, RedisSettings};
pub use redis_url::RedisUrl;
pub use setting::{Kind, Otherwise, Setting, Table};
pub use source::Sources;
pub(crate) use worker::LONGEST_LEASE;
pub use worker::{
    Backoff, BackoffKind, OnInDoubt, QUEUE, RATE, RETRIES, ROLE, RateLimit, WorkerSettings, worker_queue,
};

/// The library's own tables; a worker adds its own behind them.
pub const TABLES: &[Table] = &[REDIS, QUEUE, RETRIES, RATE, HTTP, crate::telemetry::LOGS];
