//! Shapes that several settings share. Each gives the value, or the cure ("write …").

use crate::keys::is_queue_name;

/// A host name or an IP address, without port.
///
/// # Errors
///
/// What to write instead.
pub fn host(text: &str) -> Result<String, String> {
    let name = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    match bare.parse::<std::net::IpAddr>() {
        Ok(_) => Ok(bare.to_owned()),
        Err(_) if !text.is_empty() && text.len() <= 253 && text.chars().all(name) => Ok(text.to_owned()),
        Err(_) => Err("write a host name or an IP address, without scheme and port".to_owned()),
    }
}

/// The name of a queue: `[a-z0-9_-]{1,64}`.
///
/// # Errors
///
/// What to write instead.
pub fn queue_name(text: &str) -> Result<String, String> {
    match is_queue_name(text) {
        true => Ok(text.to_owned()),
        false => Err("write up to 64 of a-z, 0-9, _ and -".to_owned()),
    }
}

/// `text` where it is 1 to 64 characters and `allowed` holds for each.
pub(super) fn only(text: &str, allowed: impl Fn(char) -> bool, cure: &str) -> Result<String, String> {
    match (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        true => Ok(text.to_owned()),
        false => Err(cure.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (text, host_name) in
            [("a.example", "a.example"), ("::1", "::1"), ("[::1]", "::1"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(host(text).as_deref(), Ok(host_name));
        }
        for text in ["", "a b", "a # b", "smtp://a", "a:25", "a/b"] {
            assert!(host(text).is_err(), "{text}");
        }
    }
}
