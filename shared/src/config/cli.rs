//! Flags and help out of the tables of settings.

use std::io::{Write as _, stdout};
use std::{ffi::OsString, process::ExitCode};

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, builder::OsStringValueParser, value_parser};
use clap_complete::Shell;

use super::{Kind, Otherwise, Setting, Sources, Table, dotenv, setting::flag};

/// The command line of a worker: one flag for each setting, and the flags of [`Mode`].
pub struct Cli {
    command: Command,
    tables: Vec<Table>,
}

/// What a worker is started for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Work until told to stop.
    Run,
    /// `--check`: try settings, Redis and the provider's login; send nothing.
    Check,
    /// `--dry-run`: print what would be sent; claim nothing.
    DryRun,
    /// `--healthcheck`: ask the worker that runs on this host whether it is alive.
    Healthcheck,
}

const MODES: [(&str, Mode, &str); 3] = [
    ("check", Mode::Check, "Try settings, Redis and the provider's login, send nothing; exit 0 or 1"),
    ("dry-run", Mode::DryRun, "Print what would be sent out of a sample of the queue; claim nothing"),
    (
        "healthcheck",
        Mode::Healthcheck,
        "Ask the worker at HTTP_ADDR of this host whether it is alive, for containers; exit 0 or 1",
    ),
];

const COMPLETIONS: &str = "completions";

const PRECEDENCE: &str = "Flags win over the environment, the environment over .env in the working directory.\n\
    A secret can be in a file: NAME_FILE=/path, or --name-file /path.\n\
    Exit codes: 0 asked to stop, 1 failed, 2 wrong usage, 78 unusable settings.";

impl Cli {
    /// The command line of the program `name`; `examples` are lines to show at the end of `--help`.
    pub fn new(
        name: &'static str,
        version: &'static str,
        about: &'static str,
        examples: &'static str,
    ) -> Self {
        let modes =
            MODES.map(|(name, _, help)| Arg::new(name).long(name).help(help).action(ArgAction::SetTrue));
        let examples: String = examples.lines().map(|l| format!("\n  {l}")).collect();
        let command = Command::new(name)
            .version(version)
            .about(about)
            .after_help(format!("{PRECEDENCE}\n\nExamples:{examples}"))
            .term_width(80)
            .next_line_help(true)
            .args(modes)
            .arg(
                Arg::new(COMPLETIONS)
                    .long(COMPLETIONS)
                    .value_name("SHELL")
                    .value_parser(value_parser!(Shell))
                    .hide_possible_values(true)
                    .help("Print a completion script for a shell: bash, zsh, fish"),
            )
            .group(ArgGroup::new("mode").args(MODES.map(|(name, ..)| name)).arg(COMPLETIONS));
        Self { command, tables: Vec::new() }
    }

    /// Adds a flag for each setting of `tables`, grouped under their headings.
    #[must_use]
    pub fn tables(mut self, tables: &[Table]) -> Self {
        for table in tables {
            self.command = self.command.next_help_heading(table.heading);
            for setting in table.settings {
                self.command = self.command.args(args(setting));
            }
        }
        self.tables.extend(tables);
        self
    }

    /// Reads the command line (the first of `args` is the program's name), the environment and `.env`.
    ///
    /// # Errors
    ///
    /// The exit code after `--help`, `--version` or `--completions` (0) or wrong usage (2), with the text already printed.
    pub fn parse(mut self, args: impl IntoIterator<Item = OsString>) -> Result<(Mode, Sources), ExitCode> {
        let matches = self.command.try_get_matches_from_mut(args).map_err(|e| {
            // A closed stdout changes nothing about the exit code.
            let _ = e.print();
            ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2))
        })?;
        if let Some(shell) = matches.get_one::<Shell>(COMPLETIONS) {
            let _ = stdout().write_all(&self.completions(*shell));
            return Err(ExitCode::SUCCESS);
        }
        let (mode, flags) = self.given(&matches);
        Ok((mode, Sources::new(&self.tables, std::env::vars_os(), dotenv::load()).with_flags(flags)))
    }

    fn given(&self, matches: &ArgMatches) -> (Mode, Vec<(String, OsString)>) {
        let mode = MODES.iter().find(|(name, ..)| matches.get_flag(name)).map(|(_, mode, _)| *mode);
        (mode.unwrap_or(Mode::Run), given(matches, &self.tables))
    }

    fn completions(&mut self, shell: Shell) -> Vec<u8> {
        let (name, mut script) = (self.command.get_name().to_owned(), Vec::new());
        clap_complete::generate(shell, &mut self.command, name, &mut script);
        script
    }
}

/// One flag for each setting of `tables`, for a command line of one's own; [`given`] reads what came of them. An alias
/// and the `-file` of a secret are flags of their own that help does not list.
pub fn flags(tables: &[Table]) -> impl Iterator<Item = Arg> {
    tables.iter().flat_map(|table| table.settings).flat_map(args)
}

/// The settings that the [`flags`] of `tables` gave, by the names of their variables, for [`Sources::with_flags`].
pub fn given(matches: &ArgMatches, tables: &[Table]) -> Vec<(String, OsString)> {
    let names = tables.iter().flat_map(|t| t.settings).flat_map(Setting::names);
    let value = |name: String| {
        let value = matches.try_get_one::<OsString>(&name).ok()??.clone();
        Some((name, value))
    };
    names.filter_map(value).collect()
}

fn args(setting: &Setting) -> impl Iterator<Item = Arg> {
    setting.names().enumerate().map(|(index, name)| {
        let mut arg = Arg::new(&name)
            .long(flag(&name))
            .value_name(value_name(setting))
            .value_parser(OsStringValueParser::new())
            .help(help(setting))
            .hide(index > 0);
        if setting.kind == Kind::YesNo {
            arg = arg.num_args(0..=1).default_missing_value("yes");
        }
        arg
    })
}

fn value_name(setting: &Setting) -> String {
    match setting.kind {
        Kind::Text => "TEXT".to_owned(),
        Kind::Secret => "SECRET".to_owned(),
        Kind::Path => "PATH".to_owned(),
        Kind::Number(..) | Kind::Fraction(..) => "N".to_owned(),
        Kind::Millis(..) => "MS".to_owned(),
        Kind::Choice(words) => words.join("|"),
        Kind::YesNo => "yes|no".to_owned(),
    }
}

fn help(setting: &Setting) -> String {
    let default = match setting.default {
        Otherwise::Value(text) => format!(" [default: {text}]"),
        Otherwise::Derived(text) => format!(" [default: {text}]"),
        Otherwise::Nothing => String::new(),
    };
    let names: Vec<String> = setting.names().collect();
    let range = match setting.kind {
        Kind::Number(low, high) | Kind::Millis(low, high) => format!(" [{low} to {high}]"),
        Kind::Fraction(low, high) => format!(" [{low} to {high}]"),
        _ => String::new(),
    };
    format!("{}{range}{default} [env: {}]", setting.help, names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Reader, TABLES};

    fn cli() -> Cli {
        Cli::new("x-worker", "1.2.3", "Sends x.", "x-worker --check").tables(TABLES)
    }

    fn parse(args: &[&str]) -> Result<(Mode, Vec<(String, OsString)>), clap::Error> {
        let mut cli = cli();
        let args = ["x-worker"].iter().chain(args).map(OsString::from);
        cli.command.try_get_matches_from_mut(args).map(|matches| cli.given(&matches))
    }

    #[test]
    fn help_lists_every_setting_within_80_columns() {
        let text = parse(&["--help"]).unwrap_err().to_string();
        for setting in TABLES.iter().flat_map(|t| t.settings) {
            assert!(
                text.contains(&format!("--{} <", flag(setting.name))) || setting.kind == Kind::YesNo,
                "{text}"
            );
            let unwrapped = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(unwrapped.contains(&format!("[env: {}", setting.name)), "{}\n{text}", setting.name);
            assert!(unwrapped.contains(setting.help), "{}\n{text}", setting.name);
        }
        for table in TABLES {
            assert!(text.contains(&format!("\n{}:\n", table.heading)), "{text}");
        }
        let widest = text.lines().max_by_key(|l| l.chars().count()).unwrap();
        assert!(widest.chars().count() <= 80, "{widest}");
        assert!(text.contains("x-worker --check"), "{text}");
    }

    #[test]
    fn flags_in_both_spellings_win_over_the_environment() {
        for args in [&["--max-retries", "5"][..], &["--max-retries=5"]] {
            let (mode, flags) = parse(args).unwrap();
            let env = [("MAX_RETRIES".into(), "7".into()), ("CONCURRENCY".into(), "9".into())];
            let sources = Sources::new(TABLES, env, (vec![], vec![])).with_flags(flags);
            let mut reader = Reader::new(&sources);
            assert_eq!(mode, Mode::Run);
            assert_eq!(reader.number::<u32>("MAX_RETRIES"), 5);
            assert_eq!(reader.number_if_set::<u32>("CONCURRENCY"), Some(9));
            reader.finish().unwrap();
        }
        let flags = parse(&["--queue-concurrency=4", "--redis-url-file=/x", "--allow-eviction"]).unwrap().1;
        let mut flags: Vec<_> = flags.into_iter().map(|(n, v)| format!("{n}={}", v.display())).collect();
        flags.sort();
        assert_eq!(flags, ["ALLOW_EVICTION=yes", "QUEUE_CONCURRENCY=4", "REDIS_URL_FILE=/x"]);
    }

    #[test]
    fn completions_know_the_flags_and_are_a_mode_of_their_own() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = String::from_utf8(cli().completions(shell)).unwrap();
            assert!(script.contains("x-worker") && script.contains("redis-url"), "{shell}: {script}");
        }
        for wrong in [&["--completions", "bash", "--check"][..], &["--completions", "csh"]] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn modes_exclude_each_other_and_wrong_usage_is_2() {
        assert_eq!(parse(&["--check"]).unwrap().0, Mode::Check);
        assert_eq!(parse(&["--dry-run"]).unwrap().0, Mode::DryRun);
        assert_eq!(parse(&["--healthcheck"]).unwrap().0, Mode::Healthcheck);
        for wrong in [&["--check", "--dry-run"][..], &["--max-retrys=5"], &["word"], &["--max-retries"]] {
            assert_eq!(parse(wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
        assert!(!parse(&["--redis-pasword=hunter2"]).unwrap_err().to_string().contains("hunter2"));
        let version = parse(&["--version"]).unwrap_err();
        assert_eq!((version.exit_code(), version.to_string()), (0, "x-worker 1.2.3\n".to_owned()));
    }
}
