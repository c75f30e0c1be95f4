//! What `queuectl doctor` looks at, one file a group of checks.

mod channels;
mod clock;
mod env_file;
mod finding;
mod memory;
mod names;
mod orphans;
mod persistence;
mod queues;
mod redis;
mod replication;
mod report;
mod settings;

use std::ffi::OsString;
use std::time::Duration;

use redispatch::config::QueueSettings;
use redispatch::queue::Client;

pub(crate) use finding::{Finding, Level};
pub(crate) use report::show;

/// What to do beside looking.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    /// Mend orphans.
    pub(crate) fix: bool,
    /// Try the providers' logins.
    pub(crate) providers: bool,
}

/// How to look at queues.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// How long a claim holds: `PROCESSING_TIMEOUT_MS`.
    lease: Duration,
    /// Mend orphans.
    fix: bool,
    /// Nothing can be written here.
    is_replica: bool,
}

/// What the settings are good for.
struct Usable {
    /// Where the queues are; `None` where the settings do not say it.
    queues: Option<QueueSettings>,
    /// How long a claim holds: `PROCESSING_TIMEOUT_MS`.
    lease: Duration,
    channels: channels::Channels,
}

/// Looks at everything. Must not be called inside of an async runtime.
///
/// # Errors
///
/// There is no runtime to be had.
pub(crate) fn examine(flags: &[(String, OsString)], task: Task) -> std::io::Result<Vec<Finding>> {
    let (mut findings, usable) = settings::check(flags);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let logins = async {
            match task.providers {
                true => usable.channels.log_in().await,
                false => Vec::new(),
            }
        };
        let queues = async {
            match usable.queues.map(Client::new) {
                Some(Ok(client)) => redis::check(&client, usable.lease, task.fix).await,
                Some(Err(error)) => {
                    vec![Finding::fault("redis", error.to_string(), "see REDIS_URL in .env.example")]
                }
                None => vec![Finding::skipped("redis", "not asked: the settings do not say where it is")],
            }
        };
        let (queues, logins) = tokio::join!(queues, logins);
        findings.extend(queues);
        findings.extend(logins);
    });
    // A name lookup that hangs must not hold up the report.
    runtime.shutdown_background();
    Ok(findings)
}
