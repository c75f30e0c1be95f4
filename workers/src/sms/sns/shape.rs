//! Shapes that settings and messages share. Each gives the value, or the cure ("write …").

/// `eu-central-1`, `us-gov-west-1`.
pub(super) fn region(text: &str) -> Result<String, String> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match (5..=32).contains(&text.len()) && text.chars().all(lower) && text.contains('-') {
        true => Ok(text.to_owned()),
        false => Err("write a region such as eu-central-1".to_owned()),
    }
}

/// `arn:aws:sns:eu-central-1:123456789012:news`. SMS cannot subscribe to a FIFO topic.
pub(super) fn topic(text: &str) -> Result<String, String> {
    let parts: Vec<_> = text.split(':').collect();
    let name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let good = match parts[..] {
        ["arn", partition, "sns", place, account, topic] => {
            (partition == "aws" || partition.starts_with("aws-"))
                && region(place).is_ok()
                && account.len() == 12
                && account.chars().all(|c| c.is_ascii_digit())
                && (1..=256).contains(&topic.len())
                && topic.chars().all(name)
        }
        _ => false,
    };
    match good {
        true => Ok(text.to_owned()),
        false => Err("write the ARN of a standard topic, such as \
                      arn:aws:sns:eu-central-1:123456789012:news"
            .to_owned()),
    }
}

/// The region within an ARN.
pub(super) fn region_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(3)
}

/// Up to 11 letters and digits, at least one letter.
pub(super) fn sender_id(text: &str) -> Result<String, String> {
    let shape = (1..=11).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric());
    match shape && text.chars().any(|c| c.is_ascii_alphabetic()) {
        true => Ok(text.to_owned()),
        false => Err("write up to 11 letters and digits, at least one letter, no spaces".to_owned()),
    }
}

/// A number or short code to send from: 3 to 15 digits, with or without a plus.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=15).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        for good in ["eu-central-1", "us-gov-west-1", "il-central-1"] {
            assert_eq!(region(good).as_deref(), Ok(good));
        }
        for bad in ["", "eu", "frankfurt", "EU-CENTRAL-1", "eu central 1", "eu-central-1.amazonaws.com"] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn topics() {
        for good in
            ["arn:aws:sns:eu-central-1:123456789012:news", "arn:aws-cn:sns:cn-north-1:123456789012:a_B-1"]
        {
            assert_eq!(topic(good).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "news",
            "arn:aws:sqs:eu-central-1:123456789012:news",
            "arn:aws:sns:eu-central-1:12345678901:news",
            "arn:aws:sns:eu-central-1:123456789012:",
            "arn:aws:sns:eu-central-1:123456789012:news.fifo",
            "arn:aws:sns:eu-central-1:123456789012:news:0f7a",
            "arn:aws:sns:eu-central-1:123456789012:news ",
        ] {
            assert!(topic(bad).is_err(), "{bad}");
        }
        assert_eq!(region_of("arn:aws:sns:eu-central-1:123456789012:news"), Some("eu-central-1"));
    }

    #[test]
    fn senders() {
        for good in ["ACME", "a", "Acme2Go", "12345678901a"] {
            assert_eq!(sender_id(good).is_ok(), good.len() <= 11, "{good}");
        }
        for bad in ["", "My Shop", "12345", "+4917012345", "Ümlaut", "a_b"] {
            assert!(sender_id(bad).is_err(), "{bad}");
        }
        for (text, expected) in [
            ("+491701234567", true),
            ("12345", true),
            ("12", false),
            ("+1234567890123456", false),
            ("ACME", false),
            ("+49 170 1234567", false),
        ] {
            assert_eq!(is_number(text), expected, "{text}");
        }
    }
}
