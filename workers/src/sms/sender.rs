//! Who an SMS comes from.

use redispatch::Failure;

use crate::json::excerpt;
use crate::{phone, twilio};

/// Checks a sender that a message names in `field`.
///
/// # Errors
///
/// What a sender may look like. Not malformed: whoever wrote this meant a sender.
pub(super) fn check(field: &str, text: &str) -> Result<String, Failure> {
    match is_number(text) || is_sender_id(text) || is_service(text) {
        true => Ok(text.to_owned()),
        false => Err(Failure::new(format!(
            "{field}: {} is no sender: write a number such as +4917…, a short code of 3 to 8 digits, a sender ID of up \
             to 11 letters and digits with one letter at least, or the SID of a messaging service (MG…)",
            excerpt(text)
        ))),
    }
}

/// A number in E.164, or a short code: 3 to 8 digits.
pub(super) fn is_number(text: &str) -> bool {
    let short = (3..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    short || phone::shape(text).is_ok()
}

/// Up to 11 of letters, digits, space and `+-_&`, one letter at least.
pub(super) fn is_sender_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b" +-_&".contains(&b);
    (1..=11).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().any(|b| b.is_ascii_alphabetic())
        && text.trim() == text
}

/// The SID of a messaging service.
pub(super) fn is_service(text: &str) -> bool {
    twilio::is_sid(text, "MG")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders() {
        let sid = format!("MG{}", "0a".repeat(16));
        for good in ["+491701234567", "12345", "ACME", "ACME & Co", "1-800-x", "ABCDEFGHIJK", "A", &sid] {
            check("from", good).unwrap();
        }
        for bad in [
            "",
            " ",
            "12",
            "123456789",
            "ABCDEFGHIJKL",
            "0170 123456",
            "+123",
            " ACME",
            "Grüße",
            "A\nB",
            "MG123456789a",
            "whatsapp:+491701234567",
        ] {
            let failure = check("from", bad).unwrap_err();
            assert!(!failure.malformed && failure.error.starts_with("from: \""), "{}", failure.error);
        }
    }
}
