//! `doctor`.

use std::process::ExitCode;

use clap::Args;

use crate::cli::Cli;
use crate::doctor::{self, Level, Task};
use crate::output;

const AFTER: &str = "\
Looks at the settings of this folder, at Redis and every queue in it, and at the
login of each provider that is set up. Sends nothing; changes nothing without
--fix. Exit code 1 where there is a fault, also where Redis cannot be reached.

Examples:
  queuectl doctor
  queuectl doctor --fix
  queuectl doctor --json --no-provider";

/// `doctor`
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(crate) struct Doctor {
    /// Mend orphans: remove entries without a message, bring messages back that have no entry
    #[arg(long)]
    fix: bool,
    /// Do not try the providers' logins
    #[arg(long)]
    no_provider: bool,
}

/// Runs on its own: settings that cannot be used are what it is for.
pub(crate) fn main(args: &Doctor, cli: &Cli) -> ExitCode {
    let task = Task { fix: args.fix, providers: !args.no_provider };
    let findings = match doctor::examine(&cli.flags, task) {
        Ok(findings) => findings,
        Err(error) => {
            output::say(&format!("error: cannot start: {error}"));
            return ExitCode::from(2);
        }
    };
    match cli.common.json {
        true => output::json(&findings),
        false => doctor::show(&findings),
    }
    let is_well = findings.iter().all(|finding| finding.level != Level::Fault);
    if is_well { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
