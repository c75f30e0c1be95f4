//! The Message-ID: the same on every attempt, so that a copy is recognised as one.

use std::fmt::Write;

use redispatch::Failure;

/// Longest `id` that the queue takes.
const LONGEST_ID: usize = 128;

/// `<…@domain>` from the message's `id`, else from its reference. Different ids, and an id and a reference,
/// never give the same one.
///
/// # Errors
///
/// Malformed where `id` is empty or longer than 128 bytes.
pub(super) fn message_id(id: Option<&str>, reference: &str, domain: &str) -> Result<String, Failure> {
    let (key, origin) = match id {
        Some(id) if id.is_empty() || id.len() > LONGEST_ID => {
            return Err(Failure::malformed("id: must be 1 to 128 characters"));
        }
        Some(id) => (id, ""),
        None => (reference, ".ref"),
    };
    let mut message_id = String::with_capacity(key.len() + origin.len() + domain.len() + 3);
    message_id.push('<');
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
            message_id.push(char::from(byte));
        } else {
            let _ = write!(message_id, "%{byte:02X}");
        }
    }
    let _ = write!(message_id, "{origin}@{domain}>");
    Ok(message_id)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn of(id: &str) -> String {
        message_id(Some(id), "reference", "example.com").unwrap()
    }

    #[test]
    fn readable_where_possible() {
        assert_eq!(of("order-42_a"), "<order-42_a@example.com>");
        assert_eq!(of("a.b/c>%"), "<a%2Eb%2Fc%3E%25@example.com>");
        assert_eq!(message_id(None, "r:1-2", "example.com").unwrap(), "<r%3A1-2.ref@example.com>");
    }

    #[test]
    fn a_reference_is_no_id() {
        assert_ne!(message_id(None, "abc", "d").unwrap(), message_id(Some("abc"), "", "d").unwrap());
        assert_ne!(message_id(None, "abc", "d").unwrap(), message_id(Some("abc.ref"), "", "d").unwrap());
    }

    #[test]
    fn ids_out_of_range_are_malformed() {
        for id in ["", &"x".repeat(129)] {
            assert!(message_id(Some(id), "reference", "d").unwrap_err().malformed);
        }
    }

    proptest! {
        #[test]
        fn distinct_ids_give_distinct_dot_atoms(ids in prop::collection::hash_set("[ -~]{1,128}", 2..20)) {
            let made: HashSet<_> = ids.iter().map(|id| of(id)).collect();
            prop_assert_eq!(made.len(), ids.len());
            for message_id in made {
                let local = message_id.strip_prefix('<').unwrap().strip_suffix("@example.com>").unwrap();
                prop_assert!(local.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_%".contains(&b)));
            }
        }
    }
}
