//! Addresses as people write them.

use std::net::{Ipv4Addr, Ipv6Addr};

use lettre::Address;
use redispatch::Failure;

use crate::json::excerpt;

/// An address with the name shown beside it. The domain is in A-labels and lower case; neither part holds
/// a control character.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    name: Option<String>,
    address: Address,
}

impl Mailbox {
    /// Reads one `a@b` or `Name <a@b>`; a name with quotes loses them.
    ///
    /// # Errors
    ///
    /// Malformed where the name holds a control character; a plain failure where the address is none.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let text = text.trim();
        let Some((name, address)) = text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) else {
            return Ok(Self { name: None, address: parse_address(text)? });
        };
        let name = unquote(name.trim_matches([' ', '\t']));
        if name.chars().any(char::is_control) {
            return Err(Failure::malformed(format!("control character in the name {}", excerpt(&name))));
        }
        Ok(Self { name: Some(name).filter(|name| !name.is_empty()), address: parse_address(address)? })
    }

    /// Reads `a@b, Name <c@d>`. A comma inside quotes belongs to the name, and so does one without quotes
    /// where the text has a single address: `Last, First <a@b>`.
    ///
    /// # Errors
    ///
    /// As [`Mailbox::parse`], for the first entry that is at fault.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, Failure> {
        let entries = split(text);
        let list = entries.iter().map(|entry| Self::parse(entry)).collect::<Result<Vec<_>, _>>();
        if list.is_err()
            && entries.len() > 1
            && text.matches('@').count() == 1
            && text.matches('<').count() == 1
        {
            return Self::parse(text).map(|mailbox| vec![mailbox]).or(list);
        }
        list
    }

    /// The name to show, never empty.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address for the envelope.
    pub fn address(&self) -> &Address {
        &self.address
    }
}

/// Reads a bare `a@b`: the domain becomes A-labels in lower case, the local part stays as it is.
///
/// # Errors
///
/// A failure that is not malformed: whoever wrote this meant an address.
pub fn parse_address(text: &str) -> Result<Address, Failure> {
    let invalid = || Failure::new(format!("{} is not an email address", excerpt(text)));
    let (local, domain) = text.rsplit_once('@').ok_or_else(invalid)?;
    if text.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ' || matches!(c, '<' | '>')) {
        return Err(invalid());
    }
    if let Some(literal) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let literal = ip_literal(literal).ok_or_else(invalid)?;
        Address::new(local, "localhost").map_err(|_| invalid())?;
        return Ok(Address::new_dangerous(local, literal));
    }
    let domain =
        idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::EMPTY).map_err(|_| invalid())?;
    Address::new(local, domain).map_err(|_| invalid())
}

/// The domain of a host without a name, as RFC 5321 writes it.
fn ip_literal(text: &str) -> Option<String> {
    if let Ok(ip) = text.parse::<Ipv4Addr>() {
        return Some(format!("[{ip}]"));
    }
    let text = text.strip_prefix("IPv6:").unwrap_or(text);
    text.parse::<Ipv6Addr>().ok().map(|ip| format!("[IPv6:{ip}]"))
}

/// Splits at the commas that are in no quotes and no angle brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped, mut angle) = (false, false, false);
    text.split(|c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angle = true,
            '>' if !quoted => angle = false,
            ',' => return !quoted && !angle,
            _ => {}
        }
        false
    })
    .collect()
}

/// Takes the quotes off a name that is quoted as a whole.
fn unquote(name: &str) -> String {
    let Some(inner) = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return name.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        plain.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(text: &str) -> Vec<(Option<String>, String)> {
        let mailboxes = Mailbox::parse_list(text).unwrap();
        mailboxes.into_iter().map(|m| (m.name, m.address.to_string())).collect()
    }

    fn one(name: &str, address: &str) -> (Option<String>, String) {
        (Some(name.to_owned()).filter(|name| !name.is_empty()), address.to_owned())
    }

    #[test]
    fn names_and_lists() {
        assert_eq!(list("a@example.com"), [one("", "a@example.com")]);
        assert_eq!(list("a@example.com,\n b@example.com\n").len(), 2);
        assert_eq!(list(" <a@example.com> "), [one("", "a@example.com")]);
        assert_eq!(list("Ann B. <a@example.com>"), [one("Ann B.", "a@example.com")]);
        assert_eq!(
            list(r#""Last, \"Nick\" First" <a@example.com>, b@example.com,Ünï <c@example.com>"#),
            [
                one(r#"Last, "Nick" First"#, "a@example.com"),
                one("", "b@example.com"),
                one("Ünï", "c@example.com")
            ]
        );
        assert_eq!(list("Last, First <a@example.com>"), [one("Last, First", "a@example.com")]);
        assert_eq!(list(r#""a,b"@example.com, c@example.com"#)[0].1, r#""a,b"@example.com"#);
    }

    #[test]
    fn ambiguous_or_broken_lists_are_refused() {
        for text in
            ["Doe, x@example.com <a@example.com>", "a@example.com,", ",", "", "a@example.com b@example.com"]
        {
            let failure = Mailbox::parse_list(text).unwrap_err();
            assert!(
                !failure.malformed && failure.error.contains("is not an email address"),
                "{text:?}: {failure:?}"
            );
        }
    }

    #[test]
    fn domains_become_a_labels() {
        assert_eq!(list("a@Bücher.Example")[0].1, "a@xn--bcher-kva.example");
        assert_eq!(list("Ö@EXAMPLE.com")[0].1, "Ö@example.com");
        assert_eq!(list("a@[127.0.0.1]")[0].1, "a@[127.0.0.1]");
        assert_eq!(list("a@[::1]")[0].1, "a@[IPv6:::1]");
        assert_eq!(list("a@localhost")[0].1, "a@localhost");
    }

    #[test]
    fn what_is_no_address_is_refused_but_not_malformed() {
        for text in [
            "a",
            "@",
            "a@",
            "@b",
            "a b@c",
            "a@b c",
            "a@b>",
            "a@b\r\nDATA",
            "a\r\n@b",
            "\"a\r\nb\"@c",
            "a@[x>y]",
            "a@b..c",
            "a..b@c",
            "a@-b",
            "a@b\0",
            "a@b\u{2028}c",
            "\"a\"b\"@c",
            "a@b@c",
            "<a@b",
            "\"a>b\"@c",
            "a@xn--a",
        ] {
            let failure = parse_address(text).expect_err(text);
            assert!(!failure.malformed, "{text:?}");
            assert!(!failure.error.contains(['\r', '\n', '\0']), "{text:?}");
        }
    }

    #[test]
    fn control_characters_in_names_are_malformed() {
        for name in ["a\nb", "a\r\nBcc: x@example.com\r\n", "a\0", "\"a\tb\"", "a\u{85}b"] {
            assert!(Mailbox::parse(&format!("{name} <a@example.com>")).unwrap_err().malformed, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([a-z,;:@<>\" \\\\.\r\nü\\[\\]-]|\\PC){0,60}") {
            for mailbox in Mailbox::parse_list(&text).unwrap_or_default() {
                let address = mailbox.address.to_string();
                prop_assert!(!address.contains(['\r', '\n', '<', '>', '\0']));
                prop_assert!(mailbox.address.domain().is_ascii());
                prop_assert_eq!(parse_address(&address).unwrap(), mailbox.address);
            }
        }
    }
}
