//! Data on stdout, talk on stderr, tables that fit 80 columns.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::error::Error;

/// Writes a line of data. A reader that has gone away wants no more: the program ends well, as `head` expects.
pub(crate) fn data(text: &str) {
    let mut out = io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// Writes a line of data about work that goes on whether somebody reads it or not.
pub(crate) fn report(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
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
    // `drawn` takes the first blank away.
    table.set_width(width() + 1);
    table
}

/// Columns of the terminal, 80 where there is none.
pub(crate) fn width() -> u16 {
    console::Term::stdout().size_checked().map_or(80, |(_, columns)| columns.max(40))
}

/// Puts numbers to the right, one blank apart, and never breaks them.
pub(crate) fn numbers(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
            column.set_padding((1, 0)).set_constraint(ColumnConstraint::ContentWidth);
        }
    }
}

/// A count in at most six columns: `15`, `999999`, `1.2M`, `34M`.
pub(crate) fn count(n: u64) -> String {
    match n {
        0..1_000_000 => n.to_string(),
        1_000_000..10_000_000 => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
        10_000_000..10_000_000_000 => format!("{}M", n / 1_000_000),
        _ => format!("{}G", n / 1_000_000_000),
    }
}

/// Writes a table.
pub(crate) fn show(table: &Table) {
    data(&drawn(table));
}

/// A table without the blanks at the ends of its lines.
pub(crate) fn drawn(table: &Table) -> String {
    let text = table.to_string();
    let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n")
}

/// A progress bar on stderr, where that is a terminal: `what 1,204/5,000 [####    ] 3 s`.
pub(crate) fn bar(what: &str, of: u64) -> ProgressBar {
    let bar = ProgressBar::new(of);
    let style = ProgressStyle::with_template("{msg} {human_pos}/{human_len} [{bar:24}] {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("## "));
    bar.set_message(what.to_owned());
    bar
}

/// The same for bytes: `what 1.2 MiB/3 MiB [####    ] 3 s`; only how many so far where nobody knows of how many (0).
pub(crate) fn byte_bar(what: &str, of: u64) -> ProgressBar {
    let bar = if of == 0 { ProgressBar::new_spinner() } else { ProgressBar::new(of) };
    let template = if of == 0 { "{msg} {bytes}" } else { "{msg} {bytes}/{total_bytes} [{bar:24}] {eta}" };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style.progress_chars("## "));
    bar.set_message(what.to_owned());
    bar
}

/// `1,204`
pub(crate) fn thousands(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
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
        return Err(error.hint("say --yes in scripts"));
    }
    let _ = write!(io::stderr(), "{what}? [y/N] ");
    let mut answer = String::new();
    let _ = io::stdin().lock().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
