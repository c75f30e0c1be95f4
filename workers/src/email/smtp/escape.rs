use std::borrow::Cow;

/// `message` as it goes over the wire: lines end in CRLF and a dot at the start of a line is doubled (RFC 5321,
/// sections 2.3.8 and 4.5.2). Bare CR and LF become CRLF: servers disagree on them, and `\n.\n` must end no
/// message early ("SMTP smuggling").
///
/// Borrows where nothing has to change, which is the usual case.
pub(super) fn escape(message: &[u8]) -> Cow<'_, [u8]> {
    if is_clean(message) {
        return Cow::Borrowed(message);
    }
    let mut out = Vec::with_capacity(message.len() + message.len() / 32 + 16);
    let mut line_start = true;
    let mut bytes = message.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' | b'\n' => {
                if byte == b'\r' && bytes.peek() == Some(&b'\n') {
                    bytes.next();
                }
                out.extend_from_slice(b"\r\n");
                line_start = true;
                continue;
            }
            b'.' if line_start => out.extend_from_slice(b".."),
            _ => out.push(byte),
        }
        line_start = false;
    }
    Cow::Owned(out)
}

fn is_clean(message: &[u8]) -> bool {
    message.split_inclusive(|byte| *byte == b'\n').all(|line| {
        let text = match line {
            [text @ .., b'\r', b'\n'] => text,
            [.., b'\n'] => return false,
            text => text,
        };
        !text.starts_with(b".") && !text.contains(&b'\r')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_clean_stays_borrowed() {
        for message in ["", "a", "a\r\n", "a.\r\nb.c\r\n\r\n"] {
            assert!(matches!(escape(message.as_bytes()), Cow::Borrowed(_)), "{message:?}");
        }
    }

    #[test]
    fn dots_and_line_ends() {
        for (message, expected) in [
            (".", ".."),
            (".\r\n", "..\r\n"),
            ("a\r\n.\r\nb", "a\r\n..\r\nb"),
            ("a\n.\nb", "a\r\n..\r\nb"),
            ("a\r.\rb", "a\r\n..\r\nb"),
            ("a\n.\r\nb", "a\r\n..\r\nb"),
            ("a\r\n.\rb", "a\r\n..\r\nb"),
            ("\r\r\n\n", "\r\n\r\n\r\n"),
        ] {
            assert_eq!(escape(message.as_bytes()).as_ref(), expected.as_bytes(), "{message:?}");
        }
    }

    proptest! {
        /// No message can end itself, and taking the dots off again gives the message back.
        #[test]
        fn nothing_ends_a_message_early(message in "[a.\r\n]{0,40}") {
            let wire = escape(message.as_bytes()).into_owned();
            let text = String::from_utf8(wire).unwrap();
            let lines: Vec<_> = text.split("\r\n").collect();
            let plain = message.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert!(lines.iter().all(|line| *line != "." && !line.contains(['\r', '\n'])));
            let undone: Vec<_> = lines.iter().map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
            prop_assert_eq!(undone.join("\n"), plain);
        }
    }
}
