//! What a worker tells: logs, metrics, and the address where both Prometheus and a supervisor ask.
//!
//! Logs: one event name a line, ids and durations as fields, recipients masked, on stderr.
//!
//! A call names its event first, then fields, then an optional text:
//!
//! ```
//! # let (queue, reference, duration_ms) = ("email", "a.1", 12);
//! use redispatch::telemetry::event;
//! tracing::info!(event = event::MESSAGE_SENT, queue, "ref" = %reference, duration_ms, "accepted");
//! ```
//!
//! As JSON: `{"timestamp":"…Z","level":"INFO","event":"message_sent","queue":"email","ref":"a.1",…,"message":"accepted"}`.
//! On a terminal: `05:22:54.123 INFO  message_sent queue=email ref=a.1 duration_ms=12 accepted`.
//!
//! What holds an address or a number goes through [`mask`] at the call.

pub mod event;
mod format;
pub(crate) mod http;
pub mod mask;
pub mod metric;
pub(crate) mod metrics;
mod panics;
mod settings;

use std::io;

use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

pub use settings::{LOGS, LogFormat, LogSettings};

/// Why logging could not be started.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter cannot be used.
    #[error("RUST_LOG cannot be used: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Something in this process logs already.
    #[error("logging is set up already")]
    Again(#[from] tracing_subscriber::util::TryInitError),
}

/// Starts logging of this process to stderr, a line at a time and unbuffered: a crash loses no line. Panics become
/// log lines too, with their text masked.
///
/// # Errors
///
/// See [`InitError`].
pub fn init(settings: &LogSettings) -> Result<(), InitError> {
    let filter = EnvFilter::builder().parse(&settings.filter)?;
    let layer = tracing_subscriber::fmt::layer()
        .event_format(format::Lines { json: settings.format == LogFormat::Json, colour: settings.colour })
        .with_writer(io::stderr)
        // Its complaint about a closed stderr would go to stderr and panic.
        .log_internal_errors(false);
    tracing_subscriber::registry().with(layer.with_filter(filter)).try_init()?;
    mask::set(settings.recipients);
    panics::log();
    Ok(())
}
