//! Phone numbers, as SMS and WhatsApp write them.

use redispatch::Failure;
use redispatch::config::{Kind, Otherwise::Value, Reader, Setting, Table};
use rlibphonenumber::PHONE_NUMBER_UTIL;

use crate::json::excerpt;

/// The settings of [`Validation`].
pub const PHONES: Table = Table {
    heading: "Phone numbers",
    settings: &[Setting::new(
        "PHONE_VALIDATION",
        Kind::Choice(&["shape", "strict"]),
        Value("shape"),
        "Recipients need + and 7 to 15 digits; strict also refuses numbers that no country assigns",
    )],
};

/// How closely the number of a recipient is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validation {
    /// `+` and 7 to 15 digits.
    Shape,
    /// Also a number that its country's numbering plan has.
    Strict,
}

impl Validation {
    /// Reads the table [`PHONES`].
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let words = [("shape", Self::Shape), ("strict", Self::Strict)];
        reader.choice("PHONE_VALIDATION", &words).unwrap_or(Self::Shape)
    }

    /// Checks the number in `field`.
    ///
    /// # Errors
    ///
    /// What is wrong with it and how to write it. Not malformed: whoever wrote this meant a number.
    pub(crate) fn check(self, field: &str, number: &str) -> Result<(), Failure> {
        let fault = |why: &str| Failure::new(format!("{field}: {} {why}", excerpt(number)));
        shape(number).map_err(|why| fault(&why))?;
        let exists = || {
            PHONE_NUMBER_UTIL
                .parse(number, None)
                .is_ok_and(|number| PHONE_NUMBER_UTIL.is_valid_number(&number))
        };
        if self == Self::Strict && !exists() {
            return Err(fault("is in no country's numbering plan (PHONE_VALIDATION=strict)"));
        }
        Ok(())
    }
}

/// Whether this is a number in E.164: `+`, the country code and the rest, 7 to 15 digits in all.
///
/// # Errors
///
/// What is wrong, as the end of a sentence that begins with the number.
pub(crate) fn shape(number: &str) -> Result<(), String> {
    const WRITE: &str = "write + and the country code, as in +4917…";
    let digits = number.strip_prefix('+').unwrap_or(number);
    if let Some(other) = digits.chars().find(|c| !c.is_ascii_digit()) {
        return Err(match other {
            ' ' | '-' | '(' | ')' | '.' | '/' | '\u{a0}' => {
                format!("holds {other:?}: write it without spaces, brackets and dashes, as in +4917…")
            }
            '+' => "holds a second `+`: give one number".to_owned(),
            other if other.is_ascii_alphabetic() => format!("is no phone number: {WRITE}"),
            other => format!("holds U+{:04X}, which is no digit from 0 to 9: type it anew", u32::from(other)),
        });
    }
    match number.strip_prefix('+') {
        _ if digits.is_empty() => Err(format!("is no phone number: {WRITE}")),
        None if digits.starts_with("00") => Err("begins with 00: write + instead, as in +4917…".to_owned()),
        None if digits.starts_with('0') => {
            Err("is a national number: write + and the country code in place of the first 0, as in +4917…"
                .to_owned())
        }
        None => Err(format!("does not begin with +: {WRITE}")),
        Some(_) if digits.starts_with('0') => {
            Err("begins with +0, but no country code does: write it as in +4917…".to_owned())
        }
        Some(_) if !(7..=15).contains(&digits.len()) => {
            let count = digits.len();
            Err(format!("has {count} digits, and a number with its country code has 7 to 15"))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn what_is_no_e164_says_how_to_write_it() {
        for (number, expected) in [
            ("0170 1234567",     "holds ' ': write it without spaces"),
            ("01701234567",      "is a national number: write + and the country code in place of the first 0"),
            ("0049170123456",    "begins with 00: write + instead"),
            ("49170123456",      "does not begin with +"),
            ("+49 170 123456",   "holds ' '"),
            (" +49170123456",    "holds ' '"),
            ("+49170123456\n",   "holds U+000A"),
            ("+49(170)123456",   "holds '('"),
            ("+49-170-123456",   "holds '-'"),
            ("+0170123456",      "begins with +0"),
            ("+123456",          "has 6 digits"),
            ("+1234567890123456", "has 16 digits"),
            ("++49170123456",    "holds a second `+`"),
            ("+49170123456,+49170123457", "holds U+002C"),
            ("\u{202a}+49170123456", "holds U+202A, which is no digit"),
            ("+٤٩١٧٠١٢٣٤٥٦",      "holds U+0664"),
            ("user@example.com", "is no phone number"),
            ("whatsapp:+49170123456", "is no phone number"),
            ("+",                "is no phone number"),
            ("",                 "is no phone number"),
        ] {
            let failure = Validation::Shape.check("to", number).unwrap_err();
            assert!(failure.error.contains(expected), "{}", failure.error);
            assert!(failure.error.starts_with("to: \"") && !failure.malformed, "{}", failure.error);
        }
        for number in ["+1234567", "+491701234567", "+123456789012345"] {
            assert_eq!(shape(number), Ok(()));
        }
    }

    /// A reason is masked as a whole where it is logged: the example in it must survive that.
    #[test]
    fn the_masked_reason_still_says_how() {
        let failure = Validation::Shape.check("to", "01701234567").unwrap_err();
        let masked = redispatch::telemetry::mask::text(&failure.error).into_owned();
        assert!(masked.ends_with("as in +4917…") && !masked.contains("1701234567"), "{masked}");
    }

    #[test]
    fn strict_knows_numbering_plans() {
        for number in ["+491701234567", "+14155552671", "+447911123456"] {
            Validation::Strict.check("to", number).unwrap();
        }
        for number in ["+15551234567", "+999123456789", "+491"] {
            let failure = Validation::Strict.check("to", number).unwrap_err();
            assert!(!failure.malformed, "{}", failure.error);
        }
        assert!(Validation::Shape.check("to", "+15551234567").is_ok());
    }
}
