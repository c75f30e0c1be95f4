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

/// A time to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Ms since 1970.
    Instant(i64),
    /// So long from now.
    In(Duration),
}

/// RFC 3339 with an offset, milliseconds since 1970, `+2h`, `now`.
pub(crate) fn at(text: &str) -> Result<At, String> {
    if text == "now" {
        return Ok(At::In(Duration::ZERO));
    }
    match text.strip_prefix('+') {
        Some(ahead) => duration(ahead).map(At::In).map_err(|_| "write +90s, +15m, +2h or +3d".to_owned()),
        None => instant(text).map(At::Instant).map_err(|why| format!("{why}, +2h, or now")),
    }
}

/// The last instant RFC 3339 can name, ms since 1970.
const END_OF_TIME: i64 = 253_402_300_799_999;

/// An instant as messages have it, ms since 1970: RFC 3339 with an offset, or milliseconds since 1970.
pub(crate) fn instant(text: &str) -> Result<i64, String> {
    match text.parse::<i64>() {
        Ok(ms @ 100_000_000_000..=END_OF_TIME) => return Ok(ms),
        Ok(ms @ 0..) if ms < 100_000_000_000 => return Err("these are seconds: give milliseconds".to_owned()),
        Ok(_) => return Err("it lies before 1970 or after 9999".to_owned()),
        Err(_) => {}
    }
    match text.parse::<Timestamp>() {
        Ok(at) => Ok(at.as_millisecond()),
        // "Never", as people write it; jiff's last instant is a day earlier.
        Err(_) if text.starts_with("9999-12-3") => Ok(END_OF_TIME),
        Err(_) => Err("write 2026-01-31T12:00:00Z (Z or an offset is needed)".to_owned()),
    }
}

/// `2026-01-31 12:00:05`, of ms since 1970.
pub(crate) fn second(ms: i64) -> String {
    redispatch::clock::rfc3339(ms.max(0).unsigned_abs())
        .chars()
        .take(19)
        .collect::<String>()
        .replace('T', " ")
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
    fn times_to_come() {
        assert_eq!(at("now"), Ok(At::In(Duration::ZERO)));
        assert_eq!(at("+2h"), Ok(At::In(Duration::from_secs(7_200))));
        assert_eq!(at("2026-01-31T12:00:00+01:00"), Ok(At::Instant(1_769_857_200_000)));
        assert_eq!(at("1769857200000"), Ok(At::Instant(1_769_857_200_000)));
        assert_eq!(at("9999-12-31T23:59:59Z"), Ok(At::Instant(END_OF_TIME)));
        for text in [
            "",
            "2h",
            "+",
            "+h",
            "tomorrow",
            "2026-01-31T12:00:00",
            "2026-02-30T12:00:00Z",
            "1769857200",
            "-1",
            "+-2h",
            "253402300800000",
            "1e15",
            "1769857200000.5",
        ] {
            assert!(at(text).is_err(), "{text}");
        }
        assert_eq!(second(1_769_857_200_999), "2026-01-31 11:00:00");
    }

    #[test]
    fn lengths() {
        let shown: Vec<_> = [0, 1_500, 42_000, 420_000, 10_800_000, 172_800_000].map(shown).into();
        assert_eq!(shown, ["0 ms", "1.5 s", "42 s", "7 min", "3 h", "2 days"]);
    }
}
