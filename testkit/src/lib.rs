//! Real servers for the tests of this workspace.
//!
//! - [`redis::RedisServer`]: a `redis-server` of its own for each test, which can be killed, restarted and frozen.
//! - [`cluster::Cluster`], [`sentinel::Sentinels`]: several of them that fail over.
//! - [`proxy::Proxy`]: stands between a client and Redis and breaks on command.
//! - [`process::Worker`]: a worker program, its log lines as events, and the signals it gets.
//! - [`smtp::SmtpServer`]: a scripted SMTP server.
//! - [`twilio::TwilioServer`]: a scripted server with Twilio's Messages API.
//! - [`moto::MotoServer`]: Amazon's SNS as moto plays it.
//! - [`dns::DnsServer`]: a name server that knows a few names.
//! - [`service_manager::ServiceManager`]: systemd's end of `NOTIFY_SOCKET`.
//! - [`http::get`]: one HTTP request.
//! - [`promtool`]: Prometheus's own checks.
//! - [`Port`]: a port that no other test takes.
//! - [`prometheus::Prometheus`]: a Prometheus that scrapes.
//! - [`eventually`]: the one place where a test polls.
//!
//! Everything here panics with an explanation when it cannot do its work: it is called by tests only. Whatever
//! was started ends when its value is dropped, and also when the test process itself is killed.

mod child;
pub mod client;
pub mod cluster;
pub mod dns;
mod eventually;
pub mod http;
mod listener;
pub mod moto;
mod port;
pub mod process;
pub mod prometheus;
mod promtool;
pub mod proxy;
pub mod redis;
mod resp;
pub mod sentinel;
pub mod service_manager;
pub mod smtp;
mod tool;
pub mod twilio;
mod watched;

pub use eventually::{LIMIT, eventually};
pub use port::Port;
pub use promtool::promtool;
pub use resp::Reply;
pub use tool::tool;
