//! `doctor`.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use redispatch::acl;
use redispatch::config::{QueueSettings, Reader, Sources};

use crate::cli::Cli;
use crate::doctor::{self, Level, Task};
use crate::output;

const AFTER: &str = "\
Looks at the settings of this folder, at Redis and every queue in it, and at the
login of each provider that is set up. Sends nothing; changes nothing without
--fix. Exit code 1 where there is a fault, also where Redis cannot be reached.

--acl asks nobody: the rights follow from REDIS_URL and QUEUE_PREFIX. They are
those of workers and queuectl (worker), of programs that only push plain
messages (producer), or of whoever asks the sentinels (sentinel).

Examples:
  queuectl doctor
  queuectl doctor --fix
  queuectl doctor --json --no-provider
  redis-cli ACL SETUSER redispatch on '>PASSWORD' $(queuectl doctor --acl)";

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
    /// Print the rights that a Redis user needs, and no others, for ACL SETUSER and aclfile
    #[arg(
        long,
        value_name = "ROLE",
        num_args = 0..=1,
        default_missing_value = "worker",
        conflicts_with_all = ["fix", "no_provider"]
    )]
    acl: Option<Role>,
}

/// What a Redis user is for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Worker,
    Producer,
    Sentinel,
}

/// Runs on its own: settings that cannot be used are what it is for.
pub(crate) fn main(args: &Doctor, cli: &Cli, sources: &Sources) -> ExitCode {
    if let Some(role) = args.acl {
        return rights(role, cli, sources);
    }
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

/// Prints the rights that a Redis user needs.
fn rights(role: Role, cli: &Cli, sources: &Sources) -> ExitCode {
    let mut reader = Reader::new(sources);
    let settings = QueueSettings::read(&mut reader);
    if let Err(faults) = reader.finish() {
        return faults.exit();
    }
    let (role, name, flag) = match role {
        Role::Worker => (acl::Role::Worker, "redispatch", "--acl"),
        Role::Producer => (acl::Role::Producer, "producer", "--acl producer"),
        Role::Sentinel => (acl::Role::Sentinel, "redispatch", "--acl sentinel"),
    };
    let rule = acl::rule(&settings, role);
    if cli.common.json {
        output::json(&serde_json::json!({ "rule": rule }));
        return ExitCode::SUCCESS;
    }
    output::say(&format!(
        "The rights of the Redis user, for:\n  redis-cli ACL SETUSER {name} on '>PASSWORD' $(queuectl doctor {flag})\n\
         or a line of the server's aclfile:\n  user {name} on >PASSWORD RULE\n"
    ));
    output::data(&rule);
    ExitCode::SUCCESS
}
