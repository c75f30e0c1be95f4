//! Headers that a message brings along.

use redispatch::Failure;

use super::headers::push_text;
use crate::json::{Fields, OneOrMany};

const LONGEST_NAME: usize = 76;

/// Written by the worker, or changing who gets the mail and how it is read. Any `Content-` header too.
const REFUSED: [&str; 13] = [
    "From",
    "To",
    "Cc",
    "Bcc",
    "Sender",
    "Reply-To",
    "Return-Path",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Received",
    "DKIM-Signature",
];

/// Writes every header of `fields`, in their order.
///
/// # Errors
///
/// Malformed for a name of other characters than letters, digits and `-`, and for a name that is refused.
pub(super) fn push_custom(out: &mut String, fields: &Fields<'_>) -> Result<(), Failure> {
    for (name, values) in &fields.0 {
        check_name(name)?;
        match values {
            OneOrMany::One(value) => push_text(out, name, value),
            OneOrMany::Many(values) => values.iter().for_each(|value| push_text(out, name, value)),
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<(), Failure> {
    let shape = (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !shape {
        let name: String = name.chars().take(LONGEST_NAME).collect();
        return Err(Failure::malformed(format!(
            "headers: {name:?} is no header name (1 to 76 letters, digits and `-`)"
        )));
    }
    let is_content = name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("Content-"));
    if is_content || REFUSED.iter().any(|refused| refused.eq_ignore_ascii_case(name)) {
        return Err(Failure::malformed(format!("headers.{name}: this header cannot be set here")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in [
            "X-A",
            "List-Unsubscribe",
            "References",
            "In-Reply-To",
            "Precedence",
            "Auto-Submitted",
            "x",
            "Importance",
        ] {
            check_name(name).unwrap();
        }
        let long = "x".repeat(77);
        for name in ["", "X A", "X:A", "X-A\r\nBcc", "X-A\r", "Xü", "X_A", long.as_str()] {
            assert!(check_name(name).unwrap_err().malformed, "{name:?}");
        }
        for name in REFUSED.iter().chain(&["bcc", "CONTENT-TYPE", "Content-Anything", "content-"]) {
            assert!(check_name(name).unwrap_err().error.contains("cannot be set"), "{name:?}");
        }
    }
}
