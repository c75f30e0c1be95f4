//! Reads a mail back without any of the code that wrote it.

/// One part: its headers, unfolded, and its content or its parts.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) headers: Vec<(String, String)>,
    pub(super) content: Vec<u8>,
    pub(super) parts: Vec<Entity>,
}

impl Entity {
    pub(super) fn read(data: &[u8]) -> Self {
        let text = std::str::from_utf8(data).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an empty line after the headers");
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            assert!(!line.trim().is_empty(), "a blank line within the headers");
            if line.starts_with([' ', '\t']) {
                headers.last_mut().expect("no header to go on with").1.push_str(line);
            } else {
                let (name, value) = line.split_once(':').expect("a header has a colon");
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
        let mut entity = Self { headers, content: Vec::new(), parts: Vec::new() };
        match entity.raw("Content-Type").split_once("boundary=\"") {
            Some((_, boundary)) => {
                let boundary = boundary.trim_end_matches('"');
                let body = format!("\r\n{body}");
                let (parts, epilogue) =
                    body.split_once(&format!("\r\n--{boundary}--\r\n")).expect("a last boundary");
                assert_eq!(epilogue, "");
                let delimiter = format!("\r\n--{boundary}\r\n");
                let mut parts = parts.split(&delimiter);
                assert_eq!(parts.next(), Some(""), "a preamble");
                entity.parts = parts.map(|part| Self::read(part.as_bytes())).collect();
            }
            None => {
                entity.content = match entity.raw("Content-Transfer-Encoding") {
                    "7bit" => body.as_bytes().to_vec(),
                    "quoted-printable" => {
                        quoted_printable::decode(body, quoted_printable::ParseMode::Strict).unwrap()
                    }
                    "base64" => base64(&body.replace("\r\n", "")),
                    other => panic!("encoding {other}"),
                };
            }
        }
        entity
    }

    /// The value of the only header of this name, as it stands; empty where there is none.
    pub(super) fn raw(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(given, _)| given == name);
        let value = found.next().map_or("", |(_, value)| value);
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    /// The same with encoded words decoded.
    pub(super) fn header(&self, name: &str) -> String {
        decode_words(self.raw(name))
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.content).unwrap()
    }

    /// `mixed(plain, png)`
    pub(super) fn shape(&self) -> String {
        let kind = self.raw("Content-Type").split(';').next().unwrap().split('/').next_back().unwrap();
        let parts: Vec<_> = self.parts.iter().map(Self::shape).collect();
        if parts.is_empty() { kind.to_owned() } else { format!("{kind}({})", parts.join(", ")) }
    }
}

/// RFC 2047: white space between two encoded words is none.
fn decode_words(value: &str) -> String {
    let (mut text, mut rest, mut after_word) = (String::new(), value, false);
    while let Some(start) = rest.find("=?utf-8?b?") {
        let (before, word) = rest.split_at(start);
        let (encoded, after) = word["=?utf-8?b?".len()..].split_once("?=").unwrap();
        if !after_word || !before.trim().is_empty() {
            text.push_str(before);
        }
        text.push_str(std::str::from_utf8(&base64(encoded)).unwrap());
        (rest, after_word) = (after, true);
    }
    text + rest
}

pub(super) fn base64(text: &str) -> Vec<u8> {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert!(text.len().is_multiple_of(4));
    let (mut bytes, mut bits, mut value) = (Vec::with_capacity(text.len() * 3 / 4), 0, 0u32);
    for byte in text.trim_end_matches('=').bytes() {
        value = (value << 6 | digits.iter().position(|digit| *digit == byte).unwrap() as u32) & 0xff_ffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((value >> bits) as u8);
        }
    }
    bytes
}
