//! `queuectl serve` as a process, against a real Redis.

mod changing;
mod content;
mod contract;
mod copies;
mod dead;
mod enqueueing;
mod guard;
pub(crate) mod http;
mod limits;
mod live;
mod openapi;
mod operations;
mod outages;
mod page;
mod pause;
mod schedules;
mod scraping;
mod search;
mod secrets;
pub(crate) mod server;
mod session;
mod starting;
