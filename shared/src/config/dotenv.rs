//! `.env` in the working directory: read by dotenvy, but never read wrongly.
//!
//! dotenvy substitutes `$`, eats quotes in the middle of a value and loses its way at an apostrophe in a
//! comment. So each line is first read by a strict grammar, and is refused by its number where dotenvy would
//! make something else of it. The environment of the process is not touched.

use std::{io, path::Path};

use super::Fault;

/// One line of the file that sets something.
#[derive(Clone, PartialEq, Eq)]
pub struct Line {
    /// Line number, from 1.
    pub number: usize,
    /// Name of the variable.
    pub name: String,
    /// Its value without quotes and comment; empty where none is given.
    pub value: String,
    /// A comment stands behind the value. Other readers of the file make it part of the value.
    pub has_comment: bool,
}

const IN_SINGLE_QUOTES: &str = "write the value in single quotes";

/// Reads `.env` of the working directory; a missing file is an empty one.
pub fn load() -> (Vec<Line>, Vec<Fault>) {
    load_from(Path::new(".env"))
}

/// Reads the file `path`; a missing file is an empty one.
pub fn load_from(path: &Path) -> (Vec<Line>, Vec<Fault>) {
    match std::fs::read(path) {
        Ok(bytes) => parse(&bytes),
        Err(e) if e.kind() == io::ErrorKind::NotFound => (Vec::new(), Vec::new()),
        Err(e) => {
            let cure = "make it readable or take it away";
            (Vec::new(), vec![Fault::new(path.display().to_string(), format!("cannot be read: {e}"), cure)])
        }
    }
}

/// Reads the bytes of a `.env` file.
pub fn parse(bytes: &[u8]) -> (Vec<Line>, Vec<Fault>) {
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    for (index, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let number = index + 1;
        match str::from_utf8(line)
            .map_err(|_| Refused("is not UTF-8", "save the file as UTF-8"))
            .and_then(one)
        {
            Ok(Some((name, value, has_comment))) => lines.push(Line { number, name, value, has_comment }),
            Ok(None) => {}
            Err(Refused(problem, cure)) => {
                faults.push(Fault::new(format!(".env line {number}"), problem, cure));
            }
        }
    }
    (lines, faults)
}

/// What is wrong with a line, and what to do. Never quotes the line, which may hold a secret.
struct Refused(&'static str, &'static str);

/// Name, value, and whether a comment follows.
fn one(line: &str) -> Result<Option<(String, String, bool)>, Refused> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    const SHAPE: Refused = Refused("is not NAME=value", "write NAME=value, or put # before a comment");
    let (name, rest) = line.split_once('=').ok_or(SHAPE)?;
    let name = name.trim_end();
    let name = name
        .strip_prefix("export")
        .map_or(name, |n| if n.starts_with([' ', '\t']) { n.trim() } else { name });
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if !name.starts_with(first) || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.')
    {
        return Err(SHAPE);
    }
    let (written, value) = value(rest)?;
    let without_comment = format!("{name}={written}");
    match dotenvy::from_read_iter(without_comment.as_bytes()).next() {
        Some(Ok((n, v))) if n == name && v == value => Ok(Some((n, v, rest.trim() != written))),
        _ => Err(Refused("would be read as something else", "set it in the environment instead")),
    }
}

/// Splits what follows `=` into the value as written, without its comment, and what it means.
fn value(rest: &str) -> Result<(&str, String), Refused> {
    let text = rest.trim_start();
    match text.chars().next() {
        None => Ok(("", String::new())),
        Some('#')
            if text.len() < rest.len() || text[1..].is_empty() || text[1..].starts_with([' ', '\t']) =>
        {
            Ok(("", String::new()))
        }
        Some('#') => Err(Refused(
            "may be a value or a comment",
            "write a value in single quotes, a comment with a space before #",
        )),
        Some('\'') => {
            let (inner, after) = text[1..].split_once('\'').ok_or(UNBALANCED)?;
            ended(after)?;
            Ok((&text[..text.len() - after.len()], inner.to_owned()))
        }
        Some('"') => double_quoted(text),
        Some(_) => {
            let end = text.find([' ', '\t']).unwrap_or(text.len());
            let (word, after) = text.split_at(end);
            if word.contains('$') {
                return Err(Refused("has a $, which would be substituted", IN_SINGLE_QUOTES));
            }
            if word.contains(['\'', '"', '\\']) {
                return Err(Refused("has a quote or backslash in its value", IN_SINGLE_QUOTES));
            }
            ended(after)?;
            Ok((word, word.to_owned()))
        }
    }
}

const UNBALANCED: Refused = Refused("has an opening quote that is not closed", "close it on the same line");

fn double_quoted(text: &str) -> Result<(&str, String), Refused> {
    let mut meant = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                ended(&text[at + 1..])?;
                return Ok((&text[..=at], meant));
            }
            '$' => return Err(Refused("has a $, which would be substituted", IN_SINGLE_QUOTES)),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => meant.push('\n'),
                Some(c @ ('\\' | '"' | '\'' | '$' | ' ')) => meant.push(c),
                _ => return Err(Refused("has a backslash in double quotes", IN_SINGLE_QUOTES)),
            },
            c => meant.push(c),
        }
    }
    Err(UNBALANCED)
}

/// After the value only white space and a comment may follow.
fn ended(after: &str) -> Result<(), Refused> {
    let rest = after.trim_start();
    match rest.is_empty() || (rest.len() < after.len() && rest.starts_with('#')) {
        true => Ok(()),
        false if rest.len() < after.len() => Err(Refused("has a space in its value", IN_SINGLE_QUOTES)),
        false => Err(Refused("goes on after its closing quote", "close the quote at the end of the value")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn loaded(text: &str) -> Vec<(String, String)> {
        let (lines, faults) = parse(text.as_bytes());
        assert_eq!(faults, [], "{text}");
        lines.into_iter().map(|l| (l.name, l.value)).collect()
    }

    #[test]
    fn comments_behind_a_value_are_seen() {
        for (line, expected) in [
            ("A=twilio  # or 'aws-sns'", true),
            ("A=  # Optional", true),
            ("A='x' # y", true),
            ("A=redis://:p#w@h/0", false),
            ("A='x # y'", false),
            (" A = x ", false),
            ("A=", false),
        ] {
            assert_eq!(parse(line.as_bytes()).0[0].has_comment, expected, "{line}");
        }
    }

    #[test]
    fn lines_that_load() {
        for (line, value) in [
            ("A=1", "1"),
            ("  export A = 1  ", "1"),
            ("A=twilio  # or 'aws-sns'", "twilio"),
            ("A=3  # don't raise this", "3"),
            ("A=  # Optional", ""),
            ("A=# Optional", ""),
            ("A=", ""),
            ("A=redis://:p#w@h/0", "redis://:p#w@h/0"),
            ("A='p$w # \"x\"'  # a comment", "p$w # \"x\""),
            ("A=\"two words\" # it's", "two words"),
            (r#"A="\"q\" \\ \$""#, r#""q" \ $"#),
            ("A='with space'\r", "with space"),
            ("A=a=b", "a=b"),
        ] {
            assert_eq!(loaded(line), [("A".to_owned(), value.to_owned())], "{line}");
        }
        assert_eq!(loaded("\u{feff}A=1\n\n# B=2\n"), [("A".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn lines_that_dotenvy_would_change_are_refused_by_number() {
        for line in [
            "A=pa$$word",
            "A=a$b",
            "A=\"a$b\"",
            "A=${HOME}",
            "A={\"a\":1}",
            "A=it's",
            "A='open",
            "A=\"open",
            "A=two words",
            "A='a'b",
            "A=a\\b",
            "A='a\\'",
            "A=\"a\\tb\"",
            "A=#secret",
            "no assignment",
            "1A=2",
            "A B=2",
        ] {
            let (lines, faults) = parse(format!("X=1\n{line}\nY=2").as_bytes());
            assert_eq!(lines.iter().map(|l| &*l.name).collect::<Vec<_>>(), ["X", "Y"], "{line}");
            assert_eq!(faults.len(), 1, "{line}");
            assert_eq!(faults[0].name, ".env line 2", "{line}");
            assert!(!faults[0].to_string().contains("word;"), "quotes the line: {}", faults[0]);
        }
        let (_, faults) = parse(b"A=1\nB=\xff\n");
        assert_eq!(faults[0].name, ".env line 2");
    }

    #[test]
    fn a_folder_in_its_place_is_a_fault_and_no_file_is_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load_from(dir.path()).1.len(), 1);
        assert!(load_from(&dir.path().join("none")) == (vec![], vec![]));
    }

    proptest! {
        #[test]
        fn a_value_in_single_quotes_is_taken_as_it_stands(value in "[^'\\\\\r\n\u{0}]{0,30}") {
            prop_assert_eq!(loaded(&format!("A='{value}'  # it's")), [("A".to_owned(), value)]);
        }

        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,40}") {
            let (lines, faults) = parse(line.as_bytes());
            prop_assert!(lines.len() + faults.len() <= 1);
        }
    }
}
