//! The command line: the verbs, what they all take, and the settings as flags.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use redispatch::config::{self, API, QUEUE, REDIS, Sources, Table, dotenv};
use redispatch::telemetry::LOGS;

use crate::verbs;

/// The settings that every verb knows, each a flag too.
const TABLES: &[Table] = &[REDIS, QUEUE, LOGS, API];

const AFTER: &str = "\
Redis is where REDIS_URL says (default redis://127.0.0.1:6379/0). Settings come
from flags (--redis-url), before the environment, before .env in the working
directory; .env.example lists them all.

Data goes to stdout, talk to stderr.
Exit codes: 0 done, 1 no (nothing matched, not drained in time, unhealthy),
2 failed or wrong usage, 78 unusable settings.

Examples:
  queuectl stats --watch
  queuectl dead ls --queue email --group
  queuectl dead requeue --queue email --code 535 --dry-run
  queuectl COMMAND --help";

/// Looks at queues and mends them.
#[derive(Debug, Parser)]
#[command(name = "queuectl", version, after_help = AFTER, term_width = 80, disable_help_subcommand = true)]
#[command(infer_subcommands = false, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What all verbs take.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// The settings that flags gave, by the names of their variables.
    #[arg(skip)]
    pub(crate) flags: Vec<(String, OsString)>,
}

/// What all verbs take.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Print JSON instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// One queue.
#[derive(Debug, Clone, Args)]
pub(crate) struct OneQueue {
    /// Queue: email, sms, whatsapp, or one of your own
    #[arg(long, short, value_name = "QUEUE")]
    pub(crate) queue: String,
}

/// Queues.
#[derive(Debug, Clone, Args)]
pub(crate) struct Queues {
    /// Queue, as often as wanted or with commas between; all where none is named
    #[arg(long = "queue", short = 'q', alias = "queues", value_name = "QUEUE", value_delimiter = ',')]
    pub(crate) names: Vec<String>,
}

/// One queue, with or without `--queue` in front of it.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct NamedQueue {
    /// Queue: email, sms, whatsapp, or one of your own
    #[arg(value_name = "QUEUE")]
    argument: Option<String>,
    /// The same
    #[arg(long = "queue", short = 'q', value_name = "QUEUE")]
    flag: Option<String>,
}

impl NamedQueue {
    /// The queue's name.
    pub(crate) fn name(&self) -> &str {
        self.argument.as_deref().or(self.flag.as_deref()).unwrap_or_default()
    }
}

/// What an operator can do, one file a verb under `verbs/`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Take messages back that are not sent yet
    Cancel(verbs::cancel::Cancel),
    /// Forget messages that ended long ago
    Clean(verbs::clean::Clean),
    /// Print a completion script for a shell
    Completions(verbs::completions::Completions),
    /// Look at dead letters, requeue, purge or mend them
    Dead(verbs::dead::Dead),
    /// List what is scheduled for later, and what waits for a retry
    Delayed(verbs::delayed::DelayedArgs),
    /// Find what is wrong with settings, Redis, queues and providers
    Doctor(verbs::doctor::Doctor),
    /// Wait until queues are empty
    Drain(verbs::drain::Drain),
    /// Put messages into a queue
    Enqueue(verbs::enqueue::Enqueue),
    /// Write all messages of a queue down, byte-true and in order
    Export(verbs::export::Export),
    /// Ask the program of this container whether it is alive
    #[command(long_flag_alias = "healthcheck")]
    Healthcheck(verbs::healthcheck::Healthcheck),
    /// Put exported messages back where they were
    Import(verbs::import::Import),
    /// Let nobody claim from a queue, or enqueue into it, for a while
    Pause(verbs::pause::Pause),
    /// List the names of the queues
    Queues(verbs::queues::Queues),
    /// Change when a message is sent
    Reschedule(verbs::reschedule::Reschedule),
    /// End a pause of a queue, or of its intake
    Resume(verbs::pause::Resume),
    /// Try one message again, now
    Retry(verbs::retry::Retry),
    /// Say what a rollback has to wait for
    RollbackCheck(verbs::rollback_check::RollbackCheck),
    /// Put messages into a queue again and again, at the times of a cron pattern
    Schedule(verbs::schedule::Schedule),
    /// Serve the HTTP API: health, metrics, statistics, enqueueing
    Serve(verbs::serve::Serve),
    /// Show what became of a message
    Show(verbs::show::Show),
    /// Count what queues hold, and say what keeps them from moving
    Stats(verbs::stats::StatsArgs),
    /// List the workers that serve queues
    Workers(verbs::workers::Workers),
}

impl Cli {
    /// Reads the command line (the first of `args` is the program's name), the environment and `.env`.
    ///
    /// # Errors
    ///
    /// The exit code after `--help` or `--version` (0) or wrong usage (2), with the text already printed.
    pub(crate) fn read(args: impl IntoIterator<Item = OsString>) -> Result<(Self, Sources), ExitCode> {
        // `--queues` names the queues of a verb; the setting QUEUES is left to the environment.
        let flags = config::flags(TABLES).filter(|flag| flag.get_id() != "QUEUES");
        let flags = flags.map(|flag| flag.global(true).hide(true));
        let matches = Self::command().args(flags).try_get_matches_from(args);
        let parsed = matches.and_then(|matches| {
            // A flag stands in the matches of the verb that it was given behind, or above.
            let mut given = config::given(&matches, TABLES);
            let mut below = matches.subcommand();
            while let Some((_, matches)) = below {
                given.extend(config::given(matches, TABLES));
                below = matches.subcommand();
            }
            Ok((Self::from_arg_matches(&matches)?, given))
        });
        let (mut cli, given) = parsed.map_err(|error| {
            // A closed stdout changes nothing about the exit code.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        })?;
        cli.flags.clone_from(&given);
        Ok((cli, Sources::new(TABLES, std::env::vars_os(), dotenv::load()).with_flags(given)))
    }
}
