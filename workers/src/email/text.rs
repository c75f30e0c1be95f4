//! The text parts, in an encoding that every server takes.

use std::{borrow::Cow, fmt::Write};

/// A line of 7bit text is never longer, as RFC 5322 asks.
const LONGEST_LINE: usize = 78;
/// Every boundary begins with this, which neither quoted-printable nor base64 can produce.
pub(super) const BOUNDARY_PREFIX: &str = "=_";

/// Writes the headers and the content of a text part. Line ends of any kind become CRLF.
pub(super) fn push_text_part(out: &mut String, subtype: &str, text: &str) {
    let text = with_crlf(text);
    let encoding = Encoding::of(&text);
    let _ = write!(
        out,
        "Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n",
        encoding.name()
    );
    match encoding {
        Encoding::SevenBit => out.push_str(&text),
        Encoding::QuotedPrintable => out.push_str(&quoted_printable::encode_to_str(text.as_bytes())),
        Encoding::Base64 => {
            email_encoding::body::base64::encode(text.as_bytes(), out).expect("a String takes everything");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    SevenBit,
    QuotedPrintable,
    Base64,
}

impl Encoding {
    /// The plainest that carries `text`, whose lines end in CRLF.
    fn of(text: &str) -> Self {
        let plain = |b: &u8| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n');
        let escapes = text.len() - text.as_bytes().iter().filter(|b| plain(b)).count();
        let longest =
            text.split('\n').map(|line| line.trim_end_matches('\r').len()).max().unwrap_or_default();
        if escapes > text.len() / 3 {
            Self::Base64
        } else if escapes > 0 || longest > LONGEST_LINE || text.contains(BOUNDARY_PREFIX) {
            Self::QuotedPrintable
        } else {
            Self::SevenBit
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }
}

/// Each CR, LF and CRLF as CRLF: a bare one would end a line for some servers and not for others.
fn with_crlf(text: &str) -> Cow<'_, str> {
    match (text.contains('\r'), text.contains('\n')) {
        (false, false) => Cow::Borrowed(text),
        (false, true) => Cow::Owned(text.replace('\n', "\r\n")),
        (true, _) => Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_become_crlf() {
        assert_eq!(with_crlf("a\nb\rc\r\nd\n\r\n\r"), "a\r\nb\r\nc\r\nd\r\n\r\n\r\n");
        assert!(matches!(with_crlf("abc"), Cow::Borrowed("abc")));
    }

    #[test]
    fn the_plainest_encoding_is_taken() {
        assert_eq!(Encoding::of("Hello\r\n.\r\nworld"), Encoding::SevenBit);
        assert_eq!(Encoding::of(&format!("{0}\r\n{0}", "x".repeat(78))), Encoding::SevenBit);
        assert_eq!(Encoding::of(&"x".repeat(79)), Encoding::QuotedPrintable);
        assert_eq!(Encoding::of(&format!("ok\r\n{}\r\n", "x".repeat(79))), Encoding::QuotedPrintable);
        assert_eq!(Encoding::of("Grüße an alle, die das hier lesen"), Encoding::QuotedPrintable);
        assert_eq!(Encoding::of("zero\0"), Encoding::QuotedPrintable);
        assert_eq!(Encoding::of("--=_mixed"), Encoding::QuotedPrintable);
        assert_eq!(Encoding::of("今日は世界"), Encoding::Base64);
    }

    #[test]
    fn ten_megabytes_of_line_breaks_take_no_quadratic_time() {
        let mut out = String::new();
        push_text_part(&mut out, "plain", &"\n".repeat(10_000_000));
        assert!(out.ends_with("\r\n\r\n") && out.len() > 20_000_000);
    }
}
