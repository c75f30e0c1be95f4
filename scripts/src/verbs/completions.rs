//! `completions`: for shells.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;
use crate::error::Exit;
use crate::output;

const HELP: &str = "\
Examples:
  queuectl completions bash >~/.local/share/bash-completion/completions/queuectl
  queuectl completions zsh >~/.zfunc/_queuectl
  queuectl completions fish >~/.config/fish/completions/queuectl.fish";

/// `completions`
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

/// Needs neither settings nor Redis.
pub(crate) fn run(args: &Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "queuectl", &mut script);
    output::data(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}
