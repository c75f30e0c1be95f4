//! Panics as log lines. Rust's own report goes to stderr as several lines, with whatever address the text holds.

use std::panic::{self, PanicHookInfo};

use tracing::error;

use super::{event, mask};

/// Replaces Rust's report of a panic, in every thread of this process.
pub(super) fn log() {
    panic::set_hook(Box::new(line));
}

fn line(panic: &PanicHookInfo<'_>) {
    let text = panic.payload_as_str().unwrap_or("a panic without a text");
    let location = panic.location().map(tracing::field::display);
    error!(event = event::PANICKED, error = %mask::text(text), location, "a bug: please report it");
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::thread;

    use super::super::{LogFormat, LogSettings, init};

    /// Set in the process that panics.
    const PANICS: &str = "REDISPATCH_TEST_PANICS";

    /// The hook is the whole process's, so it is tried in one of its own: this very test, told to panic.
    #[test]
    fn a_panic_is_one_masked_line() {
        if std::env::var_os(PANICS).is_some() {
            return panic_in_a_thread();
        }
        let mut program = Command::new(std::env::current_exe().unwrap());
        program.args(["--exact", "telemetry::panics::tests::a_panic_is_one_masked_line", "--nocapture"]);
        let output = program.env(PANICS, "yes").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8(output.stderr).unwrap();
        let line: serde_json::Value =
            serde_json::from_str(&lines).expect("one line of JSON and nothing else");
        assert_eq!((&line["event"], &line["level"]), (&"panicked".into(), &"ERROR".into()));
        assert_eq!(line["error"], "cannot send\nto bo…@e….com", "{lines}");
        let location = line["location"].as_str().unwrap();
        assert!(location.starts_with("shared/src/telemetry/panics.rs:"), "{location}");
    }

    fn panic_in_a_thread() {
        init(&LogSettings { format: LogFormat::Json, ..LogSettings::default() }).unwrap();
        let address = "bobby@example.com";
        let panicked = thread::spawn(move || panic!("cannot send\nto {address}")).join();
        assert!(panicked.is_err());
    }
}
