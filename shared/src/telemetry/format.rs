//! One event, one line: flat JSON, or words for a terminal.

use std::fmt::{self, Write as _};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use crate::clock;

/// Writes events in one of the two forms.
pub(super) struct Lines {
    pub(super) json: bool,
    pub(super) colour: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut parts =
            Parts { json: self.json, name: String::new(), fields: String::new(), text: String::new() };
        event.record(&mut parts);
        let time = clock::rfc3339(clock::unix_ms());
        let level = *event.metadata().level();
        let Parts { name, fields, text, .. } = parts;
        if self.json {
            write!(out, "{{\"timestamp\":\"{time}\",\"level\":\"{level}\"")?;
            // Other crates' lines have no event name; their target tells where they come from.
            match name.is_empty() {
                true => pair(&mut out, "target", event.metadata().target())?,
                false => pair(&mut out, "event", &name)?,
            }
            out.write_str(&fields)?;
            if !text.is_empty() {
                pair(&mut out, "message", &text)?;
            }
            return out.write_str("}\n");
        }
        let (on, off) = match self.colour {
            true => (colour(level), "\x1b[0m"),
            false => ("", ""),
        };
        let clock = time.get(11..23).unwrap_or(&time);
        let name = if name.is_empty() { event.metadata().target() } else { &name };
        write!(out, "{clock} {on}{level:<5}{off} {name}{fields}")?;
        if !text.is_empty() {
            out.write_char(' ')?;
            printable(&mut out, &text)?;
        }
        out.write_char('\n')
    }
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[2m",
    }
}

/// The pieces of a line, gathered in one pass over the fields.
struct Parts {
    json: bool,
    name: String,
    fields: String,
    text: String,
}

impl Parts {
    /// A value that JSON writes as it stands.
    fn bare(&mut self, field: &Field, value: impl fmt::Display) {
        let _ = match self.json {
            true => write!(self.fields, ",\"{}\":{value}", key(field)),
            false => write!(self.fields, " {}={value}", key(field)),
        };
    }
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match key(field) {
            "event" => self.name.write_str(value),
            "message" => self.text.write_str(value),
            name if self.json => pair(&mut self.fields, name, value),
            name => {
                let _ = write!(self.fields, " {name}=");
                let plain = !value.is_empty()
                    && !value.contains(|c: char| c.is_whitespace() || c == '"' || c.is_control());
                if plain { self.fields.write_str(value) } else { write!(self.fields, "{value:?}") }
            }
        };
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.bare(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.bare(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.bare(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match value.is_finite() {
            true => self.bare(field, value),
            false => self.record_str(field, &value.to_string()),
        }
    }
}

/// `r#ref` is written `ref`.
fn key(field: &Field) -> &'static str {
    field.name().strip_prefix("r#").unwrap_or(field.name())
}

/// `,"name":"value"`
fn pair(out: &mut impl fmt::Write, name: &str, value: &str) -> fmt::Result {
    write!(out, ",\"{name}\":\"")?;
    let mut rest = value;
    while let Some(at) = rest.find(|c: char| c == '"' || c == '\\' || c < ' ' || c == '\u{7f}') {
        let (clean, odd) = rest.split_at(at);
        out.write_str(clean)?;
        match odd.as_bytes()[0] {
            b'"' => out.write_str("\\\"")?,
            b'\\' => out.write_str("\\\\")?,
            b'\n' => out.write_str("\\n")?,
            b'\r' => out.write_str("\\r")?,
            b'\t' => out.write_str("\\t")?,
            other => write!(out, "\\u{other:04x}")?,
        }
        rest = &odd[1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

/// The text without anything that would move a terminal's cursor or start a new line.
fn printable(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    text.chars().try_for_each(|c| match c.is_control() {
        true => write!(out, "{}", c.escape_default()),
        false => out.write_char(c),
    })
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
