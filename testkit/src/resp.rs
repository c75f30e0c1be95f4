use std::io;

/// A value as Redis answers it (RESP2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `+OK`
    Simple(String),
    /// `-ERR …`, with its code word, without the `-`
    Error(String),
    /// `:1`
    Int(i64),
    /// A binary-safe string
    Bulk(Vec<u8>),
    /// A missing value or list
    Nil,
    /// A list of values
    Array(Vec<Reply>),
}

impl Reply {
    /// The number in it. Panics when it is no integer.
    pub fn int(&self) -> i64 {
        match self {
            Reply::Int(n) => *n,
            other => panic!("expected an integer, got {other:?}"),
        }
    }

    /// The bytes in it. Panics when it is no string.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Reply::Bulk(bytes) => bytes,
            Reply::Simple(text) => text.as_bytes(),
            other => panic!("expected a string, got {other:?}"),
        }
    }

    /// The text in it. Panics when it is no string, or no UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(self.bytes()).expect("a string in UTF-8")
    }

    /// The values in it. Panics when it is no list.
    pub fn array(&self) -> &[Reply] {
        match self {
            Reply::Array(values) => values,
            other => panic!("expected a list, got {other:?}"),
        }
    }
}

/// A command as the wire wants it.
pub(crate) fn encode<A: AsRef<[u8]>>(args: &[A], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args.iter().map(AsRef::as_ref) {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

/// Length of the first value in `buf`, RESP2 or RESP3, or `None` while it is incomplete.
pub(crate) fn value_len(buf: &[u8]) -> io::Result<Option<usize>> {
    let (mut at, mut values_left) = (0, 1);
    while values_left > 0 {
        let Some((kind, head, next)) = line(buf, at)? else { return Ok(None) };
        at = next;
        values_left -= 1;
        match kind {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
            b'$' | b'=' | b'!' => {
                if let Ok(len) = usize::try_from(number(head)?) {
                    at += len + 2;
                }
                if at > buf.len() {
                    return Ok(None);
                }
            }
            b'*' | b'~' | b'>' => values_left += number(head)?.max(0),
            b'%' => values_left += number(head)? * 2,
            // attributes stand before the value they belong to
            b'|' => values_left += number(head)? * 2 + 1,
            _ => return Err(invalid(&buf[..at])),
        }
    }
    Ok(Some(at))
}

/// Takes the first value (RESP2) off `buf`, which must hold all of it: see [`value_len`].
pub(crate) fn decode(buf: &mut &[u8]) -> io::Result<Reply> {
    let Some((kind, head, next)) = line(buf, 0)? else { return Err(invalid(buf)) };
    let text = || String::from_utf8_lossy(head).into_owned();
    let start = *buf;
    *buf = &buf[next..];
    Ok(match kind {
        b'+' => Reply::Simple(text()),
        b'-' => Reply::Error(text()),
        b':' => Reply::Int(number(head)?),
        b'$' => match usize::try_from(number(head)?) {
            Ok(len) => {
                let (value, rest) = buf.split_at_checked(len + 2).ok_or_else(|| invalid(start))?;
                *buf = rest;
                Reply::Bulk(value[..len].to_vec())
            }
            Err(_) => Reply::Nil,
        },
        b'*' => match number(head)? {
            ..0 => Reply::Nil,
            count => Reply::Array((0..count).map(|_| decode(buf)).collect::<io::Result<_>>()?),
        },
        _ => return Err(invalid(start)),
    })
}

/// The kind byte and the rest of the line that starts at `at`, and where the next line starts.
fn line(buf: &[u8], at: usize) -> io::Result<Option<(u8, &[u8], usize)>> {
    let Some(len) = buf[at..].windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let (kind, head) = buf[at..at + len].split_first().ok_or_else(|| invalid(buf))?;
    Ok(Some((*kind, head, at + len + 2)))
}

fn number(digits: &[u8]) -> io::Result<i64> {
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or_else(|| invalid(digits))
}

fn invalid(bytes: &[u8]) -> io::Error {
    let shown = bytes[..bytes.len().min(60)].escape_ascii();
    io::Error::new(io::ErrorKind::InvalidData, format!("this is no RESP: \"{shown}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_complete_with_its_last_byte_and_not_before() {
        for value in [
            "+OK\r\n",
            ":-3\r\n",
            "$5\r\na\r\nb\n\r\n",
            "$-1\r\n",
            "*-1\r\n",
            "*2\r\n*1\r\n$1\r\nx\r\n_\r\n",
            "%1\r\n+k\r\n:1\r\n",
            "|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n",
            ">2\r\n+message\r\n=6\r\ntxt:ab\r\n",
        ] {
            let bytes = format!("{value}+next").into_bytes();
            for cut in 0..value.len() {
                assert_eq!(value_len(&bytes[..cut]).unwrap(), None, "{value:?} cut at {cut}");
            }
            assert_eq!(value_len(&bytes).unwrap(), Some(value.len()), "{value:?}");
        }
        assert!(value_len(b"hello\r\n").is_err());
        assert!(value_len(b"\r\n").is_err());
    }

    #[test]
    fn what_was_encoded_decodes_to_the_same_bytes() {
        let mut wire = Vec::new();
        encode(&[b"SET".as_slice(), b"k", b"\r\n\0\xff"], &mut wire);
        let mut rest = wire.as_slice();
        let values = [b"SET".as_slice(), b"k", b"\r\n\0\xff"].map(|value| Reply::Bulk(value.to_vec()));
        assert_eq!(decode(&mut rest).unwrap(), Reply::Array(values.to_vec()));
        assert!(rest.is_empty());
    }
}
