//! Typed values out of [`Sources`]; what cannot be used is collected, so that all is told at once.

use std::{fmt::Display, path::PathBuf, str::FromStr, time::Duration};

use secrecy::SecretString;

use super::{Fault, Faults, Kind, Otherwise, Setting, Sources, source::Given};

/// Reads settings one by one, by the names of their tables.
///
/// Every method gives a usable placeholder where the setting cannot be used; [`Reader::finish`] then tells all
/// faults. A name that is in no table, or read as another kind than declared, is a mistake of the program: it
/// panics, at every start.
pub struct Reader<'a> {
    sources: &'a Sources,
    faults: Vec<Fault>,
}

impl<'a> Reader<'a> {
    /// A reader of `sources`, starting with what was wrong there already (lines of `.env`).
    pub fn new(sources: &'a Sources) -> Self {
        Self { sources, faults: sources.faults.clone() }
    }

    /// Nothing if all could be used, else every fault found.
    pub fn finish(self) -> Result<(), Faults> {
        if self.faults.is_empty() { Ok(()) } else { Err(Faults(self.faults)) }
    }

    /// Adds a fault that only shows when several settings are looked at.
    pub fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Whether any source sets `name`, be it with a value that cannot be used.
    pub fn is_set(&self, name: &str) -> bool {
        !matches!(self.sources.find(self.declared(name)), Ok(None))
    }

    /// Whether `name` is set by a flag.
    pub fn is_flag(&self, name: &str) -> bool {
        matches!(self.sources.find(self.declared(name)), Ok(Some(Given { by_flag: true, .. })))
    }

    /// A text, trimmed.
    pub fn text(&mut self, name: &str) -> Option<String> {
        self.kind(name, |k| k == Kind::Text);
        self.given(name).map(|g| g.text.trim().to_owned())
    }

    /// A text that has to pass `parse`; its error is the cure ("write …"). The value is shown.
    pub fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        self.kind(name, |k| k == Kind::Text);
        let given = self.given(name)?;
        self.check(&given, given.text.trim(), parse)
    }

    /// A path of a file or folder.
    pub fn path(&mut self, name: &str) -> Option<PathBuf> {
        self.kind(name, |k| k == Kind::Path);
        self.given(name).map(|g| g.text.trim().into())
    }

    /// A secret, to the byte; out of the file that `NAME_FILE` names, without one newline at its end.
    pub fn secret(&mut self, name: &str) -> Option<SecretString> {
        self.kind(name, |k| k == Kind::Secret);
        let given = self.given(name)?;
        if !given.in_file {
            return Some(given.text.into());
        }
        let path = given.text.trim();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let text =
                    text.strip_suffix('\n').map(|t| t.strip_suffix('\r').unwrap_or(t)).unwrap_or(&text);
                if text.is_empty() {
                    let cure = "write the secret into it, or unset the name";
                    self.fault(Fault::new(given.origin, format!("`{path}` is empty"), cure));
                    return None;
                }
                Some(text.into())
            }
            Err(e) => {
                let cure = "name a file that this user may read";
                self.fault(Fault::new(given.origin, format!("cannot read `{path}`: {e}"), cure));
                None
            }
        }
    }

    /// A whole number within its declared range; the table must give a default.
    pub fn number<T: TryFrom<u64>>(&mut self, name: &str) -> T {
        let Kind::Number(lowest, _) = self.declared(name).kind else { wrong_kind(name) };
        self.number_if_set(name).unwrap_or_else(|| fits(lowest, name))
    }

    /// A whole number within its declared range, if it is set or has a default.
    pub fn number_if_set<T: TryFrom<u64>>(&mut self, name: &str) -> Option<T> {
        let Kind::Number(low, high) = self.declared(name).kind else { wrong_kind(name) };
        let given = self.given(name)?;
        self.check(&given, bare(&given), |text| in_range(text, low, high, "a whole number"))
            .map(|n| fits(n, name))
    }

    /// Milliseconds within their declared range.
    pub fn millis(&mut self, name: &str) -> Duration {
        let Kind::Millis(low, high) = self.declared(name).kind else { wrong_kind(name) };
        let Some(given) = self.given(name) else { return Duration::from_millis(low) };
        let n = self.check(&given, bare(&given), |text| in_range(text, low, high, "whole milliseconds"));
        Duration::from_millis(n.unwrap_or(low))
    }

    /// A decimal number within its declared range.
    pub fn fraction(&mut self, name: &str) -> f64 {
        let Kind::Fraction(low, high) = self.declared(name).kind else { wrong_kind(name) };
        let Some(given) = self.given(name) else { return low };
        self.check(&given, bare(&given), |text| in_range(text, low, high, "a number")).unwrap_or(low)
    }

    /// What stands for the chosen word, if it is set or has a default; `words` are those of the table.
    pub fn choice<T: Copy>(&mut self, name: &str, words: &[(&str, T)]) -> Option<T> {
        let Kind::Choice(declared) = self.declared(name).kind else { wrong_kind(name) };
        assert!(
            words.iter().map(|(w, _)| *w).eq(declared.iter().copied()),
            "{name}: other words than declared"
        );
        let given = self.given(name)?;
        self.check(&given, bare(&given), |text| {
            let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
            found.map(|(_, value)| *value).ok_or_else(|| format!("choose {}", one_of(declared)))
        })
    }

    /// Yes or no; no where there is no default.
    pub fn yes_no(&mut self, name: &str) -> bool {
        self.kind(name, |k| k == Kind::YesNo);
        let Some(given) = self.given(name) else { return false };
        let answer = self.check(&given, bare(&given), |text| match &*text.to_ascii_lowercase() {
            "yes" | "true" | "on" | "1" => Ok(true),
            "no" | "false" | "off" | "0" => Ok(false),
            _ => Err("write yes or no".to_owned()),
        });
        answer.unwrap_or(false)
    }

    /// Whether a fault of `name` was found already, so that it need not be blamed twice.
    pub fn has_fault_of(&self, name: &str) -> bool {
        let origins = [name.to_owned(), format!("--{}", super::setting::flag(name))];
        self.faults.iter().any(|f| f.name.split(' ').next().is_some_and(|n| origins.iter().any(|o| o == n)))
    }

    fn declared(&self, name: &str) -> &'a Setting {
        let all = || self.sources.tables.iter().flat_map(|t| t.settings);
        all().find(|s| s.name == name).unwrap_or_else(|| panic!("setting {name} is in no table"))
    }

    fn kind(&self, name: &str, is: impl FnOnce(Kind) -> bool) {
        if !is(self.declared(name).kind) {
            wrong_kind(name)
        }
    }

    fn given(&mut self, name: &str) -> Option<Given> {
        let setting = self.declared(name);
        let found = self.sources.find(setting).unwrap_or_else(|fault| {
            self.faults.push(fault);
            None
        });
        // Numbers, words and answers lose their comment, so `# 5 or 10` and `#5` are both unset.
        let unset =
            |g: &Given| !matches!(setting.kind, Kind::Text | Kind::Path | Kind::Secret) && bare(g).is_empty();
        found.filter(|g| !unset(g)).or_else(|| match setting.default {
            Otherwise::Value(text) => Some(Given {
                origin: name.to_owned(),
                text: text.to_owned(),
                by_flag: false,
                raw: false,
                in_file: false,
            }),
            Otherwise::Derived(_) | Otherwise::Nothing => None,
        })
    }

    fn check<T>(
        &mut self,
        given: &Given,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        parse(text)
            .map_err(|cure| {
                let shown: String = text.escape_debug().take(60).collect();
                self.faults.push(Fault::new(&given.origin, format!("`{shown}` cannot be used"), cure));
            })
            .ok()
    }
}

/// The value without white space around it and, where it came as a raw line, without a comment.
fn bare(given: &Given) -> &str {
    let text = &given.text;
    let comment = text
        .char_indices()
        .find(|&(at, c)| c == '#' && text[..at].chars().next_back().is_none_or(char::is_whitespace));
    match comment {
        Some((at, _)) if given.raw => text[..at].trim(),
        _ => text.trim(),
    }
}

fn in_range<T: FromStr + PartialOrd + Display>(text: &str, low: T, high: T, what: &str) -> Result<T, String> {
    let n = text.parse::<T>().ok().filter(|n| (&low..=&high).contains(&n));
    n.ok_or_else(|| format!("give {what} from {low} to {high}"))
}

fn one_of(words: &[&str]) -> String {
    match words {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

fn fits<T: TryFrom<u64>>(n: u64, name: &str) -> T {
    T::try_from(n).unwrap_or_else(|_| panic!("{name}: the declared range does not fit its type"))
}

fn wrong_kind(name: &str) -> ! {
    panic!("setting {name} is read as another kind than declared")
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
