//! Data on stdout, talk on stderr, tables that fit 80 columns.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::error::Error;

/// Writes a line of data. A reader that has gone away wants no more: the program ends well, as `head` expects.
pub(crate) fn data(text: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Writes a value as a line of JSON.
pub(crate) fn json(value: &impl Serialize) {
    data(&serde_json::to_string(value).unwrap_or_default());
}

/// Writes a line of talk.
pub(crate) fn say(text: &str) {
    // A closed stderr changes nothing about what was done.
    let _ = writeln!(io::stderr(), "{text}");
}

/// An empty table under `header`: no lines, no colour, as wide as the terminal, 80 columns where there is none.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    if !io::stdout().is_terminal() {
        table.set_width(80);
    }
    table
}

/// Writes a table without the blanks at the ends of its lines.
pub(crate) fn show(table: &Table) {
    let text = table.to_string();
    let lines: Vec<&str> =
        text.lines().map(|line| line.trim_end().strip_prefix(' ').unwrap_or(line)).collect();
    data(&lines.join("\n"));
}

/// Asks whether to do `what`, unless `yes` has said so.
///
/// # Errors
///
/// Nobody can be asked.
pub(crate) fn confirm(what: &str, yes: bool) -> Result<bool, Error> {
    if yes {
        return Ok(true);
    }
    if !io::stdin().is_terminal() {
        let error = Error::new(format!("nobody is here to ask: {what}?")).changed("nothing");
        return Err(error.hint("say --yes in scripts, or --dry-run to see what it would do"));
    }
    let _ = write!(io::stderr(), "{what}? [y/N] ");
    let mut answer = String::new();
    let _ = io::stdin().lock().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
