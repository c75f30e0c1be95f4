//! Attachments: checked, and their base64 wrapped anew rather than decoded and encoded.

use redispatch::Failure;

use super::{headers, payload::Attachment};
use crate::json::Text;

const LINE: usize = 76;
const LONGEST_CONTENT_TYPE: usize = 200;
const LONGEST_CONTENT_ID: usize = 200;
const LONGEST_FILENAME: usize = 1_000;

/// Everything but the content has been checked.
pub(super) struct File<'a> {
    index: usize,
    filename: Option<&'a str>,
    content_type: &'a str,
    content: &'a str,
    content_id: Option<&'a str>,
}

impl<'a> File<'a> {
    /// Checks attachment number `index`.
    ///
    /// # Errors
    ///
    /// Malformed, with the path of the field.
    pub(super) fn check(index: usize, attachment: &'a Attachment<'a>) -> Result<Self, Failure> {
        let given = |field: &'a Option<Text<'a>>| field.as_deref().filter(|text| !text.is_empty());
        let file = Self {
            index,
            filename: given(&attachment.filename),
            content_type: given(&attachment.content_type).unwrap_or("application/octet-stream"),
            content: attachment.content.as_deref().ok_or_else(|| fault(index, "content", "missing"))?,
            content_id: given(&attachment.content_id),
        };
        if let Some(name) = file.filename
            && (name.len() > LONGEST_FILENAME || name.contains(char::is_control))
        {
            return Err(fault(index, "filename", "longer than 1000 bytes, or with a control character"));
        }
        if let Some(id) = file.content_id
            && (id.len() > LONGEST_CONTENT_ID
                || !id.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\()".contains(&b)))
        {
            return Err(fault(
                index,
                "content_id",
                "must be at most 200 printable ASCII characters without spaces and <>\"\\()",
            ));
        }
        check_content_type(file.content_type).map_err(|error| fault(index, "content_type", error))?;
        Ok(file)
    }

    /// Whether the HTML may reference it.
    pub(super) fn has_content_id(&self) -> bool {
        self.content_id.is_some()
    }

    /// Writes the part, `inline` within the HTML or as an attachment of its own.
    ///
    /// # Errors
    ///
    /// Malformed where the content is no base64.
    pub(super) fn push(&self, out: &mut String, inline: bool) -> Result<(), Failure> {
        out.extend(["Content-Type: ", self.content_type, "\r\nContent-Transfer-Encoding: base64\r\n"]);
        if let Some(id) = self.content_id {
            out.extend(["Content-ID: <", id, ">\r\n"]);
        }
        headers::push_disposition(out, if inline { "inline" } else { "attachment" }, self.filename);
        out.push_str("\r\n");
        push_base64(out, self.content).map_err(|error| fault(self.index, "content", &error))
    }
}

fn fault(index: usize, field: &str, error: &str) -> Failure {
    Failure::malformed(format!("attachments[{index}].{field}: {error}"))
}

/// `type/subtype` and parameters `; name=token` or `; name="text"`, on one line.
fn check_content_type(value: &str) -> Result<(), &'static str> {
    const SHAPE: &str = "must look like `type/subtype`, at most 200 ASCII characters";
    let mut parts = value.split(';');
    let (kind, subtype) =
        parts.next().and_then(|media| media.trim_end_matches(' ').split_once('/')).ok_or(SHAPE)?;
    let parameters = parts.all(|parameter| {
        let quoted = |text: &str| text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\');
        parameter.trim_matches(' ').split_once('=').is_some_and(|(name, value)| {
            let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            is_token(name) && inner.map_or_else(|| is_token(value), quoted)
        })
    });
    if value.len() > LONGEST_CONTENT_TYPE || !is_token(kind) || !is_token(subtype) || !parameters {
        return Err(SHAPE);
    }
    if ["multipart", "message"].iter().any(|composite| composite.eq_ignore_ascii_case(kind)) {
        return Err("multipart and message types cannot be base64; give application/octet-stream");
    }
    Ok(())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
}

/// Appends base64 in lines of 76, checked, without the white space it came with and padded.
fn push_base64(out: &mut String, content: &str) -> Result<(), String> {
    out.reserve(content.len() + content.len() / (LINE / 2) + 4);
    let (mut column, mut digits, mut padding) = (0, 0, 0);
    for chunk in content.split_ascii_whitespace() {
        let data = chunk.trim_end_matches('=');
        let is_digit = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        if let Some(at) = data.bytes().position(|b| !is_digit(b)) {
            let found = data[at..].chars().next().unwrap_or_default();
            return Err(format!("not base64: {found:?} after {} digits", digits + at));
        }
        if padding > 0 && !data.is_empty() {
            return Err(format!("not base64: digits after the padding, after {digits} digits"));
        }
        digits += data.len();
        padding += chunk.len() - data.len();
        let mut rest = data;
        while !rest.is_empty() {
            if column == LINE {
                out.push_str("\r\n");
                column = 0;
            }
            let (line, after) = rest.split_at(rest.len().min(LINE - column));
            out.push_str(line);
            column += line.len();
            rest = after;
        }
    }
    let missing = (4 - digits % 4) % 4;
    if missing == 3 || padding > 0 && padding != missing {
        return Err(format!("not base64: cut off after {digits} digits and {padding} of padding"));
    }
    out.push_str(&"=="[..missing]);
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wrap(content: &str) -> Result<String, String> {
        let mut out = String::new();
        push_base64(&mut out, content).map(|()| out)
    }

    fn encode(bytes: &[u8]) -> String {
        let mut out = String::new();
        email_encoding::body::base64::encode(bytes, &mut out).unwrap();
        out
    }

    #[test]
    fn base64_is_mended_where_that_is_safe() {
        assert_eq!(wrap("").unwrap(), "");
        assert_eq!(wrap("YQ").unwrap(), "YQ==");
        assert_eq!(wrap(" Y\r\n Q =\t=\n").unwrap(), "YQ==");
        assert_eq!(wrap("YWI").unwrap(), "YWI=");
        assert_eq!(wrap(&"A".repeat(80)).unwrap(), format!("{}\r\nAAAA", "A".repeat(76)));
    }

    #[test]
    fn base64_faults_are_told() {
        for content in [
            "Y",
            "YQ=",
            "YQ===",
            "=",
            "YWJj=",
            "YQ==YQ==",
            "YQ==\nYQ==",
            "Y=Q=",
            "data:,",
            "_-__",
            "ÿÿÿÿ",
            "Y\0==",
        ] {
            assert!(wrap(content).unwrap_err().starts_with("not base64"), "{content:?}");
        }
        assert_eq!(wrap("data:x").unwrap_err(), "not base64: ':' after 4 digits");
    }

    #[test]
    fn content_types_are_checked() {
        for good in ["image/png", "text/csv; charset=utf-8", "application/vnd.a+b;name=\"a b.xml\" ; x=y"] {
            check_content_type(good).unwrap();
        }
        let long = format!("a/{}", "b".repeat(199));
        for bad in [
            "",
            "image",
            "image/",
            "/png",
            "a/b/c",
            "a b/c",
            "a/b;",
            "a/b; c",
            "a/b; c=\"d",
            "a/b\r\nX: y",
            "a/b; c=\"\r\n\"",
            "ü/b",
            "multipart/mixed",
            "Message/rfc822",
            long.as_str(),
        ] {
            assert!(check_content_type(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn wrapping_is_encoding(bytes in prop::collection::vec(any::<u8>(), 0..500), gap in 1usize..90) {
            let canonical = encode(&bytes);
            let flat = canonical.replace("\r\n", "");
            let spaced: Vec<&str> = flat.as_bytes().chunks(gap).map(|c| std::str::from_utf8(c).unwrap()).collect();
            prop_assert_eq!(wrap(&spaced.join(" \n")).unwrap(), canonical.clone());
            prop_assert_eq!(wrap(flat.trim_end_matches('=')).unwrap(), canonical);
        }
    }
}
