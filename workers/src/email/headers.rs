//! Header lines: folded at 76 characters where that is possible, never longer than 998, Unicode as
//! RFC 2047 and RFC 2231 have it. Not lettre's own: those keep one header of a name, leave long words
//! and runs of spaces longer than a line may be, and panic on some input.

use std::fmt::Write;

use email_encoding::headers::{rfc2047, rfc2231, writer::EmailWriter};

use super::address::Mailbox;

/// Longer words are encoded, so that they can be broken.
const LONGEST_WORD: usize = 900;
/// So many spaces are encoded too: a fold does not shorten them.
const LONG_GAP: &str = "                ";
/// Names up to this length fit a line as they are.
const SHORT_NAME: usize = 60;

/// Writes a header of free text. Control characters become spaces; spaces at the ends are dropped.
pub(super) fn push_text(out: &mut String, name: &str, value: &str) {
    let cleaned: String;
    let value = if value.contains(char::is_control) {
        cleaned = value.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        cleaned.trim_matches(' ')
    } else {
        value.trim_matches(' ')
    };
    let (start, end) = unplain(value);
    line(out, name, |writer| {
        writer.folding().write_str(&value[..start])?;
        rfc2047::encode(&value[start..end], writer)?;
        writer.folding().write_str(&value[end..])
    });
}

/// Writes a header that is a list of addresses.
pub(super) fn push_mailboxes(out: &mut String, name: &str, mailboxes: &[Mailbox]) {
    line(out, name, |writer| {
        for (index, mailbox) in mailboxes.iter().enumerate() {
            if index > 0 {
                writer.write_char(',')?;
                writer.space();
            }
            match mailbox.name() {
                Some(name) => {
                    push_phrase(writer, name)?;
                    writer.space();
                    writer.folding().write_str(&format!("<{}>", mailbox.address()))?;
                }
                None => writer.folding().write_str(mailbox.address().as_ref())?,
            }
        }
        Ok(())
    });
}

/// Writes `Content-Disposition`.
pub(super) fn push_disposition(out: &mut String, kind: &str, filename: Option<&str>) {
    line(out, "Content-Disposition", |writer| {
        writer.write_str(kind)?;
        let Some(filename) = filename else { return Ok(()) };
        writer.write_char(';')?;
        writer.space();
        rfc2231::encode("filename", filename, writer)
    });
}

fn line(out: &mut String, name: &str, value: impl FnOnce(&mut EmailWriter<'_>) -> std::fmt::Result) {
    out.push_str(name);
    out.push(':');
    let mut writer = EmailWriter::new(out, name.len() + 1, 1, false);
    value(&mut writer).expect("a String takes everything");
    drop(writer);
    out.push_str("\r\n");
}

/// A display name: bare words, a quoted string, or encoded.
fn push_phrase(writer: &mut EmailWriter<'_>, name: &str) -> std::fmt::Result {
    if name.len() > SHORT_NAME || unplain(name) != (0, 0) {
        return rfc2047::encode(name, writer);
    }
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b" !#$%&'*+-/=?^_`{|}~".contains(&b)) {
        return writer.folding().write_str(name);
    }
    let quoted = format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
    writer.folding().write_str(&quoted)
}

/// From the first to the last word that must be encoded; an empty range where all is plain. The rest, say
/// the address in `List-Id: Größen <sizes.example.com>`, stays readable for programs.
fn unplain(value: &str) -> (usize, usize) {
    if value.contains(LONG_GAP) {
        return (0, value.len());
    }
    let (mut start, mut end, mut at) = (None, 0, 0);
    for word in value.split(' ') {
        if !is_plain_word(word) {
            start.get_or_insert(at);
            end = at + word.len();
        }
        at += word.len() + 1;
    }
    (start.unwrap_or_default(), end)
}

/// ASCII that arrives as it is written and leaves room to fold.
fn is_plain_word(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_graphic()) && !word.contains("=?") && word.len() <= LONGEST_WORD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> String {
        let mut out = String::new();
        push_text(&mut out, "Subject", value);
        out
    }

    fn to(list: &str) -> String {
        let mut out = String::new();
        push_mailboxes(&mut out, "To", &Mailbox::parse_list(list).unwrap());
        out
    }

    #[test]
    fn plain_text_stays_and_folds() {
        assert_eq!(text("Hello  world"), "Subject: Hello  world\r\n");
        assert_eq!(text(""), "Subject: \r\n");
        let folded = text(&"word ".repeat(40));
        assert!(folded.lines().all(|line| line.len() <= 76) && folded.lines().count() > 2, "{folded}");
        assert_eq!(
            folded.replace("\r\n ", " ").trim_end(),
            format!("Subject: {}", "word ".repeat(40)).trim_end()
        );
    }

    #[test]
    fn line_breaks_cannot_start_a_header() {
        assert_eq!(text("a\r\nBcc: x@example.com"), "Subject: a Bcc: x@example.com\r\n");
        assert_eq!(text("\r\n\r\nbody\n"), "Subject: body\r\n");
        assert_eq!(text("a\0b\u{85}c\u{7f}d\te"), "Subject: a b c d e\r\n");
        assert_eq!(text("ü\r\nBcc: x"), "Subject: =?utf-8?b?w7w=?= Bcc: x\r\n");
    }

    #[test]
    fn what_could_be_misread_is_encoded() {
        assert_eq!(text("=?utf-8?q?x?="), "Subject: =?utf-8?b?PT91dGYtOD9xP3g/PQ==?=\r\n");
        for hard in [&"x".repeat(5_000), &format!("a{}b", " ".repeat(5_000)), &"🥳".repeat(2_000)] {
            let folded = text(hard);
            assert!(folded.lines().all(|line| line.len() <= 78), "{folded}");
        }
    }

    #[test]
    fn only_what_needs_it_is_encoded() {
        assert_eq!(text("a  ü  <b.example>"), "Subject: a  =?utf-8?b?w7w=?=  <b.example>\r\n");
        assert_eq!(text("ü  b  ü"), "Subject: =?utf-8?b?w7wgIGIgIMO8?=\r\n");
    }

    #[test]
    fn names_keep_their_commas_and_quotes() {
        assert_eq!(
            to("Ann Lee <a@example.com>, b@example.com"),
            "To: Ann Lee <a@example.com>, b@example.com\r\n"
        );
        assert_eq!(to(r#""Lee, \"Ann\"" <a@example.com>"#), "To: \"Lee, \\\"Ann\\\"\" <a@example.com>\r\n");
        assert_eq!(to("Ünï <a@example.com>"), "To: =?utf-8?b?w5xuw68=?= <a@example.com>\r\n");
        let many = to(&vec!["Some Body <some.body@example.com>"; 50].join(","));
        assert!(many.lines().all(|line| line.len() <= 76), "{many}");
    }
}
