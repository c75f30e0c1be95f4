//! Durations and instants as operators write and read them.

use std::time::Duration;

use jiff::Timestamp;

/// `90`, `90s`, `15m`, `2h`, `3d`, `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => 0,
    };
    let ms = number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).filter(|_| factor > 0);
    // A century: longer, and clocks overflow.
    ms.filter(|ms| *ms <= 36_525 * 86_400_000)
        .map(Duration::from_millis)
        .ok_or_else(|| "write 90s, 15m, 2h or 3d".to_owned())
}

/// The same, but not nothing.
pub(crate) fn some_time(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|lasts| if lasts.is_zero() { Err("0 is no time".to_owned()) } else { Ok(lasts) })
}

/// An instant, ms since 1970: RFC 3339 with an offset, or how long ago (`2h`).
pub(crate) fn past(text: &str) -> Result<i64, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    let ago = duration(text).map_err(|_| "write 2026-01-31T12:00:00Z, or how long ago: 2h".to_owned())?;
    Ok(redispatch::clock::unix_ms() as i64 - ago.as_millis() as i64)
}

/// `1.5 s`, `42 s`, `7 min`, `3 h`, `2 days`.
pub(crate) fn shown(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..10_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        10_000..120_000 => format!("{} s", ms / 1_000),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in
            [("90", 90_000), ("90s", 90_000), ("500ms", 500), ("15m", 900_000), ("2h", 7_200_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "h", "-1", "1.5h", "2 h", "99999999999999999999", "40000d", "1w"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn instants() {
        assert_eq!(past("1970-01-01T00:00:01Z"), Ok(1_000));
        assert!(past("2026-01-31T12:00:00").is_err(), "no offset");
        let ago = redispatch::clock::unix_ms() as i64 - past("2h").unwrap();
        assert!((7_200_000..7_205_000).contains(&ago), "{ago}");
    }

    #[test]
    fn lengths() {
        let shown: Vec<_> = [0, 1_500, 42_000, 420_000, 10_800_000, 172_800_000].map(shown).into();
        assert_eq!(shown, ["0 ms", "1.5 s", "42 s", "7 min", "3 h", "2 days"]);
    }
}
