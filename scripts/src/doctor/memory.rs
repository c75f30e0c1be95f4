//! For how many messages there is room.

use redispatch::queue::Footprint;

use super::Finding;
use super::redis::Facts;

const CHECK: &str = "memory";

/// In percent of what there is.
const WARNED: u64 = 80;
const FULL: u64 = 95;

/// `footprint`: what the messages take that are there.
pub(super) fn check(facts: &Facts, footprint: Footprint) -> Finding {
    let number = |name: &str| facts.memory.get(name).and_then(|text| text.parse::<u64>().ok());
    let limit = number("maxmemory").filter(|limit| *limit > 0);
    let total = number("total_system_memory").filter(|total| *total > 0);
    let (Some(used), Some(most)) = (number("used_memory"), limit.or(total)) else {
        return Finding::skipped(CHECK, "not looked at: the server does not tell");
    };
    let of = if limit.is_some() { "maxmemory" } else { "the host's memory (no maxmemory)" };
    let room = match footprint.bytes.checked_div(footprint.messages).filter(|each| *each > 0) {
        Some(each) => {
            let count = grouped(most.saturating_sub(used) / each);
            format!("; room for some {count} messages of {}, as they are now", shown(each))
        }
        None => String::new(),
    };
    let found = format!("{} of {}, {of}{room}", shown(used), shown(most));
    let todo = "raise maxmemory, or let workers send faster: a full Redis refuses new messages";
    match used.saturating_mul(100) / most {
        FULL.. => Finding::fault(CHECK, found, todo),
        WARNED.. => Finding::warning(CHECK, found, todo),
        _ => Finding::ok(CHECK, found),
    }
}

/// `1.5 MB`
fn shown(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64, "bytes");
    for next in units {
        if size < 999.5 {
            break;
        }
        (size, unit) = (size / 1000.0, next);
    }
    if unit == "bytes" || size >= 99.95 { format!("{size:.0} {unit}") } else { format!("{size:.1} {unit}") }
}

/// `1,234,567`
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::Level::{Fault, Ok, Skipped, Warning};
    use super::*;

    #[test]
    fn judgements() {
        let (none, some) = (Footprint::default(), Footprint { messages: 1_000, bytes: 500_000 });
        for (used, limit, total, footprint, level, found) in [
            (50_u64, 0_u64, 1_000_u64, none, Ok, "50 bytes of 1.0 kB, the host's memory (no maxmemory)"),
            (
                100_000_000,
                1_000_000_000,
                8_000_000_000,
                some,
                Ok,
                "100 MB of 1.0 GB, maxmemory; room for some 1,800,000 messages of 500 bytes, as they are now",
            ),
            (80, 100, 0, none, Warning, "80 bytes of 100 bytes, maxmemory"),
            (95, 100, 0, none, Fault, "95 bytes of 100 bytes, maxmemory"),
            (
                200,
                100,
                0,
                some,
                Fault,
                "200 bytes of 100 bytes, maxmemory; room for some 0 messages of 500 bytes, as they are now",
            ),
            (50, 0, 0, none, Skipped, "not looked at: the server does not tell"),
        ] {
            let fields = [("used_memory", used), ("maxmemory", limit), ("total_system_memory", total)];
            let memory = fields.map(|(name, value)| (name.to_owned(), value.to_string())).into();
            let finding = check(&Facts { memory, ..Facts::default() }, footprint);
            assert_eq!((finding.level, finding.found.as_str()), (level, found));
        }
    }

    #[test]
    fn sizes() {
        let texts: Vec<_> = [0, 999, 1_000, 99_949, 999_600, 12_345_678].map(shown).into();
        assert_eq!(texts, ["0 bytes", "999 bytes", "1.0 kB", "99.9 kB", "1.0 MB", "12.3 MB"]);
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
