//! Reading a server's replies (RFC 5321, section 4.2).

use std::fmt;

/// RFC 5321 allows 512 bytes; servers that write long stories exist.
const MAX_LINE: usize = 8 * 1024;
const MAX_REPLY: usize = 64 * 1024;
/// Characters of a reply that are kept in errors.
const MAX_WORDS: usize = 480;

/// One complete reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    /// 200 to 599.
    pub(super) code: u16,
    /// The text of its lines, one a line, without codes and control characters.
    pub(super) text: String,
}

/// An enhanced status code (RFC 3463): class, subject, detail.
pub(super) type Enhanced = (u16, u16, u16);

impl Reply {
    /// The first reply in `bytes` and its length; `None` while its end has not come yet.
    ///
    /// # Errors
    ///
    /// What is wrong with it, when it is no SMTP reply or longer than any sane one.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, String> {
        let mut reply = Self { code: 0, text: String::new() };
        let mut start = 0;
        loop {
            let rest = &bytes[start..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            if end.unwrap_or(rest.len()) > MAX_LINE {
                return Err(format!("a reply line longer than {MAX_LINE} bytes"));
            }
            if start > MAX_REPLY {
                return Err(format!("a reply longer than {MAX_REPLY} bytes"));
            }
            let Some(end) = end else { return Ok(None) };
            let (code, more, words) = line(&rest[..end])?;
            if start > 0 {
                if code != reply.code {
                    return Err(format!("a reply that begins with {} and goes on with {code}", reply.code));
                }
                reply.text.push('\n');
            }
            reply.code = code;
            clean(words, &mut reply.text);
            start += end + 1;
            if !more {
                return Ok(Some((reply, start)));
            }
        }
    }

    pub(super) fn is_2xx(&self) -> bool {
        self.code / 100 == 2
    }

    pub(super) fn is_negative(&self) -> bool {
        self.code >= 400
    }

    /// The enhanced code it begins with. One whose class contradicts the reply code does not count: the first
    /// digit of the reply code is the one to go by (RFC 5321, section 4.2; RFC 2034, section 4).
    pub(super) fn enhanced(&self) -> Option<Enhanced> {
        let mut parts = self.text.split_ascii_whitespace().next()?.splitn(3, '.');
        let mut number = || {
            let part = parts.next()?;
            (part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok())?
        };
        let code = (number()?, number()?, number()?);
        (code.0 == self.code / 100).then_some(code)
    }

    /// What the server calls the mail it accepted: `queued as X` (Postfix), `id=X` (Exim). Nothing else of its
    /// words, since they may name a recipient.
    pub(super) fn queue_id(&self) -> Option<String> {
        let text = self.text.lines().next()?;
        let after = |mark: &str| {
            // ASCII case only: the offsets stay those of `text`.
            let at = text.to_ascii_lowercase().find(mark)?;
            let inside_word = text[..at].ends_with(|c: char| c.is_alphanumeric());
            (!inside_word).then(|| &text[at + mark.len()..])
        };
        let rest = after("queued as ").or_else(|| after("id="))?;
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))).unwrap_or(rest.len());
        let (id, next) = (rest[..end].trim_end_matches('.'), rest[end..].chars().next());
        let ends = next.is_none_or(|c| c.is_whitespace() || ",;)]>".contains(c));
        (ends && (4..=64).contains(&id.len())).then(|| id.to_owned())
    }
}

/// `550 5.1.1 no such user`: several lines joined, at most 480 characters.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        let words = self.text.split_ascii_whitespace().flat_map(|word| [" ", word]);
        let mut left = MAX_WORDS - 3;
        for word in words {
            let kept = word.chars().take(left).collect::<String>();
            left -= kept.chars().count();
            f.write_str(&kept)?;
        }
        Ok(())
    }
}

fn line(bytes: &[u8]) -> Result<(u16, bool, &[u8]), String> {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let nonsense = || {
        let mut shown = String::new();
        clean(&bytes[..bytes.len().min(80)], &mut shown);
        format!("`{shown}`, which is no SMTP reply")
    };
    let (code, rest) = bytes.split_at_checked(3).ok_or_else(nonsense)?;
    if !(matches!(code[0], b'2'..=b'5') && code[1].is_ascii_digit() && code[2].is_ascii_digit()) {
        return Err(nonsense());
    }
    let code = code.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Ok((code, false, rest)),
        Some((b' ', words)) => Ok((code, false, words)),
        Some((b'-', words)) => Ok((code, true, words)),
        Some(_) => Err(nonsense()),
    }
}

/// Appends `bytes` as text: what is no UTF-8 becomes U+FFFD, control characters become spaces.
fn clean(bytes: &[u8], into: &mut String) {
    for part in bytes.utf8_chunks() {
        into.extend(part.valid().chars().map(|char| if char.is_control() { ' ' } else { char }));
        if !part.invalid().is_empty() {
            into.push('\u{FFFD}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(bytes: &[u8]) -> Reply {
        let (reply, length) = Reply::parse(bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        reply
    }

    #[test]
    fn one_line_several_lines_and_none_but_a_code() {
        assert_eq!(reply(b"250 OK\r\n").to_string(), "250 OK");
        assert_eq!(reply(b"250\n").to_string(), "250");
        let long = reply(b"550-5.1.1 no such\r\n550 5.1.1 user\r\n");
        assert_eq!(long.to_string(), "550 5.1.1 no such 5.1.1 user");
        assert_eq!(long.enhanced(), Some((5, 1, 1)));
    }

    #[test]
    fn waits_for_the_end() {
        for cut in 0..b"250-a\r\n250 b\r\n".len() {
            assert_eq!(Reply::parse(&b"250-a\r\n250 b\r\n"[..cut]), Ok(None), "{cut}");
        }
    }

    #[test]
    fn leaves_what_follows() {
        let (first, length) = Reply::parse(b"250 a\r\n421 b\r\n").unwrap().unwrap();
        assert_eq!((first.code, length), (250, 7));
    }

    #[test]
    fn refuses_what_is_no_reply() {
        for bytes in [
            "\r\n",
            "25\r\n",
            "HTTP/1.1 400 Bad Request\r\n",
            "999 hi\r\n",
            "150 hi\r\n",
            "250+hi\r\n",
            "250-a\r\n251 b\r\n",
        ] {
            assert!(Reply::parse(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn refuses_lines_and_replies_without_end() {
        assert!(Reply::parse(&b"2".repeat(MAX_LINE + 1)).is_err());
        assert!(Reply::parse(&b"250-more\r\n".repeat(MAX_REPLY / 10 + 2)).is_err());
    }

    #[test]
    fn strips_controls_and_survives_latin_1() {
        assert_eq!(
            reply(b"550 gr\xFC\xDFe\x1b[31m\tx\x00\r\n").to_string(),
            "550 gr\u{FFFD}\u{FFFD}e [31m x"
        );
    }

    #[test]
    fn keeps_480_characters() {
        let bytes = format!("550 {}\r\n", "äö ".repeat(1000));
        assert_eq!(reply(bytes.as_bytes()).to_string().chars().count(), 480);
    }

    #[test]
    fn an_enhanced_code_of_another_class_does_not_count() {
        assert_eq!(reply(b"450 5.1.1 x\r\n").enhanced(), None);
        assert_eq!(reply(b"550 5.1 x\r\n").enhanced(), None);
        assert_eq!(reply(b"550 5.1.1.1 x\r\n").enhanced(), None);
        assert_eq!(reply(b"550 5.7.123\r\n").enhanced(), Some((5, 7, 123)));
    }

    #[test]
    fn finds_the_queue_id() {
        for (text, id) in [
            ("2.0.0 Ok: queued as 4F1A", "4F1A"),
            ("2.0.0 Ok: Queued as 4Z1aB21234567x.", "4Z1aB21234567x"),
            ("OK id=1abCde-0002Xy-2", "1abCde-0002Xy-2"),
            ("accepted (id=a_b.c-d)", "a_b.c-d"),
        ] {
            assert_eq!(reply(format!("250 {text}\r\n").as_bytes()).queue_id().as_deref(), Some(id), "{text}");
        }
    }

    #[test]
    fn server_words_are_no_queue_id() {
        let long = format!("queued as {}", "a".repeat(65));
        for text in [
            "message 7 for bob@x accepted",
            "2.0.0 OK 1699 gsmtp",
            "queued as bob@example.com",
            "queued as <1234@example.com>",
            "queued as 4F1",
            "queued as ",
            "id=bob+tag@example.com",
            "valid=4915112345678",
            "OK",
            &long,
        ] {
            assert_eq!(reply(format!("250 {text}\r\n").as_bytes()).queue_id(), None, "{text}");
        }
    }
}
