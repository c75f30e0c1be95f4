//! Lines that can be read twice: of a file, or of stdin kept in a temporary file.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use bytes::Bytes;

use crate::error::Error;

/// Lines that can be read twice.
pub(super) struct Lines {
    /// As an operator knows it.
    pub(super) name: String,
    /// How long it was when it was opened.
    pub(super) bytes: u64,
    input: BufReader<File>,
}

/// A line that is not empty.
pub(super) struct Line {
    /// From 1.
    pub(super) number: u64,
    /// Without white space around it; `None` where it is longer than the limit.
    pub(super) text: Option<Bytes>,
    /// Bytes of the source up to its end.
    pub(super) end: u64,
}

impl Lines {
    /// One line, of an argument; line breaks in it are white space of its JSON.
    pub(super) fn of_text(text: &str) -> Result<Self, Error> {
        Self::spooled("the message", text.replace(['\n', '\r'], " ").as_bytes())
    }

    pub(super) fn of_stdin() -> Result<Self, Error> {
        Self::spooled("stdin", io::stdin().lock())
    }

    pub(super) fn of_file(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let failed = |error| failure(&name, error);
        let file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() {
            return Self::spooled(&name, file);
        }
        Ok(Self { bytes: meta.len(), input: BufReader::new(file), name })
    }

    /// Whatever can be read only once is kept, in a file without a name.
    fn spooled(name: &str, mut input: impl io::Read) -> Result<Self, Error> {
        let spool = || {
            let mut file = tempfile::tempfile()?;
            let bytes = io::copy(&mut input, &mut file)?;
            file.flush()?;
            file.rewind()?;
            Ok((file, bytes))
        };
        let (file, bytes) = { spool }().map_err(|error: io::Error| failure(name, error))?;
        Ok(Self { name: name.to_owned(), bytes, input: BufReader::new(file) })
    }

    /// Calls `each` with every line that is not empty, from the first on. A line of more than `longest` bytes is passed
    /// over without being kept. What was added to the file since it was opened is left out.
    pub(super) fn read(&mut self, longest: usize) -> Result<Reading<'_>, Error> {
        let rewound = self.input.seek(SeekFrom::Start(0));
        rewound.map_err(|error| failure(&self.name, error))?;
        Ok(Reading { lines: self, longest, number: 0, end: 0 })
    }
}

/// Reads the lines of a source, one after the other.
pub(super) struct Reading<'a> {
    lines: &'a mut Lines,
    longest: usize,
    number: u64,
    end: u64,
}

impl Reading<'_> {
    /// The next line that is not empty.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Error> {
        loop {
            let mut text = Vec::new();
            let room = (self.lines.bytes - self.end).min(self.longest as u64 + 1);
            let read = self.lines.input.by_ref().take(room).read_until(b'\n', &mut text);
            let read = read.map_err(|error| failure(&self.lines.name, error))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.end += read as u64;
            let whole = text.ends_with(b"\n") || self.end == self.lines.bytes || read <= self.longest;
            if !whole {
                self.skip()?;
                return Ok(Some(Line { number: self.number, text: None, end: self.end }));
            }
            let mark: &[u8] = if self.number == 1 { b"\xef\xbb\xbf" } else { b"" };
            let text = text.strip_prefix(mark).unwrap_or(&text).trim_ascii();
            if !text.is_empty() {
                let text = Some(Bytes::copy_from_slice(text));
                return Ok(Some(Line { number: self.number, text, end: self.end }));
            }
        }
    }

    /// Passes over the rest of a line.
    fn skip(&mut self) -> Result<(), Error> {
        loop {
            let buffer = self.lines.input.fill_buf().map_err(|error| failure(&self.lines.name, error))?;
            let known = buffer.len().min((self.lines.bytes - self.end) as usize);
            let end = buffer[..known].iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let used = end.unwrap_or(known);
            self.lines.input.consume(used);
            self.end += used as u64;
            if end.is_some() || used == 0 {
                return Ok(());
            }
        }
    }
}

fn failure(name: &str, error: io::Error) -> Error {
    Error::new(format!("cannot read {name}")).changed("nothing").cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, longest: usize) -> Vec<(u64, Option<String>, u64)> {
        let mut lines = Lines::spooled("a test", text.as_bytes()).unwrap();
        let mut reading = lines.read(longest).unwrap();
        let mut found = Vec::new();
        while let Some(Line { number, text, end }) = reading.next().unwrap() {
            found.push((number, text.map(|text| String::from_utf8(text.into()).unwrap()), end));
        }
        found
    }

    #[test]
    fn lines_have_numbers_and_no_white_space() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(read("", 10), []);
        assert_eq!(
            read("\u{feff}a\r\n\n  \n b \nc", 10),
            [(1, some("a"), 6), (4, some("b"), 14), (5, some("c"), 15)]
        );
        assert_eq!(
            read("0123456789\nabcdefghijklm\nx\nabcdefghijklmnopq", 10),
            [(1, some("0123456789"), 11), (2, None, 25), (3, some("x"), 27), (4, None, 44)]
        );
    }
}
