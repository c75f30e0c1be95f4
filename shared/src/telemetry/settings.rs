//! The settings of logging.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use super::mask::Recipients;
use crate::config::{Kind, Otherwise::*, Reader, Setting, Table};

/// The settings of [`LogSettings`].
pub const LOGS: Table = Table {
    heading: "Logs",
    settings: &[
        Setting::new(
            "LOG_FORMAT",
            Kind::Choice(&["pretty", "json"]),
            Derived("pretty on a terminal, else json"),
            "Form of the lines on stderr",
        ),
        Setting::new(
            "RUST_LOG",
            Kind::Text,
            Value("info"),
            "Level, or levels by target: info,redispatch=debug",
        ),
        Setting::new(
            "LOG_RECIPIENTS",
            Kind::Choice(&["masked", "hashed", "plain"]),
            Value("masked"),
            "How addresses and numbers are shown, in providers' error texts too",
        ),
    ],
};

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// Form of a line.
    pub format: LogFormat,
    /// Whether levels are coloured (pretty lines only).
    pub colour: bool,
    /// Level, or levels by target, as of `RUST_LOG`.
    pub filter: String,
    /// How addresses and numbers are shown.
    pub recipients: Recipients,
}

/// Form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One flat JSON object.
    Json,
}

impl LogSettings {
    /// Reads the table [`LOGS`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let by_terminal = if terminal { LogFormat::Pretty } else { LogFormat::Json };
        let formats = [("pretty", LogFormat::Pretty), ("json", LogFormat::Json)];
        let recipients =
            [("masked", Recipients::Masked), ("hashed", Recipients::Hashed), ("plain", Recipients::Plain)];
        Self {
            format: reader.choice("LOG_FORMAT", &formats).unwrap_or(by_terminal),
            colour: terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
            filter: reader.parsed("RUST_LOG", filter).unwrap_or_else(|| "info".to_owned()),
            recipients: reader.choice("LOG_RECIPIENTS", &recipients).unwrap_or_default(),
        }
    }
}

/// A bare word must be a level: `RUST_LOG=inof` would be a target, and silence all others.
fn filter(text: &str) -> Result<String, String> {
    let levels = ["off", "error", "warn", "info", "debug", "trace"];
    let bare = |part: &str| !part.contains(['=', '[']) && !levels.contains(&&*part.to_ascii_lowercase());
    if text.split(',').map(str::trim).any(bare) || EnvFilter::builder().parse(text).is_err() {
        return Err("write a level (error, warn, info, debug, trace) or target=level, with commas".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_filters_are_refused() {
        for good in ["info", "WARN", "info,redispatch=debug", "redispatch::worker=trace,off", "off"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for broken in ["inof", "redispatch=loud", "info,,", "info;debug", "a=b=c"] {
            assert!(filter(broken).is_err(), "{broken}");
        }
    }
}
