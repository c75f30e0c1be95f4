//! `--dry-run`: shows what would become of the messages that wait, and claims none.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use redispatch::config::WorkerSettings;
use redispatch::queue::{Plan, Queue, Waiting};
use redispatch::telemetry::mask;
use redispatch::{Failure, clock};

use crate::{Channel, run};

/// Messages looked at.
const SAMPLE: usize = 20;

pub(crate) async fn dry_run<C: Channel>(
    queue: &str,
    settings: &WorkerSettings,
    channel: &C::Settings,
) -> ExitCode {
    let waiting = match Queue::new(queue, settings) {
        Ok(queue) => queue.peek(SAMPLE, settings.max_message_bytes).await,
        Err(error) => Err(error),
    };
    let waiting = match waiting {
        Ok(waiting) => waiting,
        Err(error) => return run::fail(&error),
    };
    let mut unusable = 0;
    for (index, message) in waiting.iter().enumerate() {
        let preview = match &message.plan {
            Plan::GiveUp(failure) => Err(failure.clone()),
            Plan::Send | Plan::Park(_) => C::preview(channel, message),
        };
        unusable += usize::from(preview.is_err());
        // A closed stdout changes nothing about the exit code.
        let _ = std::io::stdout().write_all(shown(index + 1, message, preview).as_bytes());
    }
    let count = waiting.len();
    let _ = writeln!(
        std::io::stderr(),
        "{count} of the messages waiting in {queue} (at most {SAMPLE} are looked at); {unusable} would be dead-lettered; \
         nothing was claimed or sent"
    );
    if unusable == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn shown(number: usize, message: &Waiting, preview: Result<Vec<(&str, String)>, Failure>) -> String {
    let id = message.id.as_deref().map(|id| format!(" id={id}")).unwrap_or_default();
    let mut text = format!("{number} {}{id}\n", message.lane.name());
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<11} {value}");
    };
    match preview {
        Ok(lines) => {
            if let Plan::Park(due) = message.plan {
                line("not before", &clock::rfc3339(due.unsigned_abs()));
            }
            lines.iter().for_each(|(name, value)| line(name, value));
        }
        Err(failure) => {
            let reason = if failure.malformed { "malformed: " } else { "" };
            line("dead letter", &format!("{reason}{}", mask::text(&failure.error)));
        }
    }
    text
}
