//! Daylight saving as the README states it, and patterns that cannot be used.

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;

use super::times::Times;

fn times(pattern: &str, zone: &str) -> Times {
    Times::new(pattern, zone, None, None).unwrap()
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

/// All firings after `from` and up to `to`, as `MM-DDTHH:MM` in UTC.
fn firings(times: &Times, from: &str, to: &str) -> Vec<String> {
    let next = |at: &i64| times.next(*at).filter(|next| *next <= ms(to));
    let all = std::iter::successors(next(&ms(from)), next);
    all.map(|at| Timestamp::from_millisecond(at).unwrap().to_string()[5..16].to_owned()).collect()
}

/// In a zone, from noon (UTC) of one day to noon of the next one or later.
fn around(pattern: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
    firings(&times(pattern, zone), &format!("2026-{from}T12:00:00Z"), &format!("2026-{to}T12:00:00Z"))
}

/// The clocks of Berlin go from 02:00 to 03:00 on 29 March, at 01:00 UTC, and from 03:00 to 02:00 on 25 October, at
/// 01:00 UTC.
#[test]
fn berlin() {
    let spring = |pattern| around(pattern, "Europe/Berlin", "03-27", "03-30");
    let autumn = |pattern| around(pattern, "Europe/Berlin", "10-23", "10-26");
    assert_eq!(spring("30 2 * * *"), ["03-28T01:30", "03-29T01:00", "03-30T00:30"], "02:30 comes at 03:00");
    assert_eq!(autumn("30 2 * * *"), ["10-24T00:30", "10-25T00:30", "10-26T01:30"], "the first 02:30");
    assert_eq!(spring("0 1 * * *"), ["03-28T00:00", "03-29T00:00", "03-29T23:00"]);
    assert_eq!(autumn("0 1 * * *"), ["10-23T23:00", "10-24T23:00", "10-26T00:00"]);
    assert_eq!(spring("0 3 * * *"), ["03-28T02:00", "03-29T01:00", "03-30T01:00"]);
    assert_eq!(autumn("0 3 * * *"), ["10-24T01:00", "10-25T02:00", "10-26T02:00"]);
}

/// The clocks of New York go from 02:00 to 03:00 on 8 March, at 07:00 UTC, and from 02:00 to 01:00 on 1 November, at
/// 06:00 UTC.
#[test]
fn new_york() {
    let spring = |pattern| around(pattern, "America/New_York", "03-06", "03-09");
    let autumn = |pattern| around(pattern, "America/New_York", "10-30", "11-02");
    assert_eq!(spring("30 2 * * *"), ["03-07T07:30", "03-08T07:00", "03-09T06:30"]);
    assert_eq!(autumn("30 1 * * *"), ["10-31T05:30", "11-01T05:30", "11-02T06:30"]);
    assert_eq!(autumn("0 2 * * *"), ["10-31T06:00", "11-01T07:00", "11-02T07:00"]);
    assert_eq!(around("@daily", "America/New_York", "03-07", "03-09"), ["03-08T05:00", "03-09T04:00"]);
}

/// What croner itself takes for an interval as soon as there is more than one time a day.
#[test]
fn several_times_of_the_day_come_once_each() {
    let spring = |pattern| around(pattern, "Europe/Berlin", "03-28", "03-29");
    let autumn = |pattern| around(pattern, "Europe/Berlin", "10-24", "10-25");
    assert_eq!(spring("30 2,14 * * *"), ["03-28T13:30", "03-29T01:00"]);
    assert_eq!(spring("0,20,40 2 * * *"), ["03-29T01:00"], "three skipped times come together, once");
    assert_eq!(spring("0 2,3 * * *"), ["03-29T01:00"]);
    assert_eq!(autumn("30 2,14 * * *"), ["10-24T12:30", "10-25T00:30"]);
    assert_eq!(autumn("0,20,40 2 * * *"), ["10-25T00:00", "10-25T00:20", "10-25T00:40"]);
    assert_eq!(
        autumn("0 0-4 * * *"),
        ["10-24T22:00", "10-24T23:00", "10-25T00:00", "10-25T02:00", "10-25T03:00"]
    );
}

#[test]
fn what_comes_every_hour_goes_on_by_elapsed_time() {
    for (pattern, minutes) in [("*/20 * * * *", 20), ("0 * * * *", 60), ("* 0-23 * * *", 1)] {
        for (zone, from, to) in [
            ("Europe/Berlin", "2026-03-28T22:00:00Z", "2026-03-29T04:00:00Z"),
            ("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T04:00:00Z"),
            ("America/New_York", "2026-03-08T04:00:00Z", "2026-03-08T10:00:00Z"),
            ("America/New_York", "2026-11-01T04:00:00Z", "2026-11-01T10:00:00Z"),
        ] {
            let times = times(pattern, zone);
            let step = minutes * 60_000;
            let mut at = ms(from);
            while at < ms(to) {
                assert_eq!(times.next(at), Some(at + step), "{pattern} {zone} {at}");
                at += step;
            }
        }
    }
}

/// Against the definition itself, at every quarter of an hour of days on which clocks change, also by half an hour
/// (Lord Howe) or by a whole day (Samoa).
#[test]
fn every_quarter_of_an_hour_is_as_the_clocks_say() {
    for (zone, day) in [
        ("Europe/Berlin", "2026-03-28T12:00:00Z"),
        ("Europe/Berlin", "2026-10-24T12:00:00Z"),
        ("America/New_York", "2026-03-07T12:00:00Z"),
        ("America/New_York", "2026-10-31T12:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T00:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T00:00:00Z"),
        ("Pacific/Apia", "2011-12-29T12:00:00Z"),
    ] {
        let rules = TimeZoneDatabase::bundled().get(zone).unwrap();
        let (every, some) = (times("15,45 * * * *", zone), times("15,45 0,1,2,3 * * *", zone));
        let from = ms(day);
        let clock = |at: i64| rules.to_datetime(Timestamp::from_millisecond(at).unwrap());
        let quarters: Vec<_> = (0..2 * 96).map(|n| from + n * 900_000).collect();
        let found = |times: &Times| -> Vec<i64> {
            quarters.iter().copied().filter(|at| times.next(at - 1) == Some(*at)).collect()
        };
        let named = |at: i64| [15, 45].contains(&clock(at).minute());
        let expected: Vec<_> = quarters.iter().copied().filter(|at| named(*at)).collect();
        assert_eq!(found(&every), expected, "{zone}: every hour");

        let mut shown = std::collections::BTreeSet::new();
        let once = |at: &i64| {
            // Before this quarter the clocks may have jumped over one of its times.
            let skipped = {
                let (before, now) = (clock(at - 60_000), clock(*at));
                let mut minute = before + jiff::Span::new().minutes(1);
                let mut skipped = false;
                while minute < now {
                    skipped |= minute.hour() < 4 && [15, 45].contains(&minute.minute());
                    minute += jiff::Span::new().minutes(1);
                }
                skipped
            };
            let is_first = clock(*at).hour() < 4 && named(*at) && shown.insert(clock(*at));
            is_first || skipped
        };
        let expected: Vec<_> = quarters.iter().copied().filter(once).collect();
        assert_eq!(found(&some), expected, "{zone}: some hours");
    }
}

#[test]
fn fields_and_signs() {
    let first = |pattern: &str| {
        firings(&times(pattern, "UTC"), "2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z")[0].clone()
    };
    assert_eq!(first("30 9 * * MON-FRI"), "01-01T09:30", "a Thursday");
    assert_eq!(first("0 0 L * *"), "01-31T00:00");
    assert_eq!(first("0 0 15W 2 *"), "02-16T00:00", "the 15th is a Sunday");
    assert_eq!(first("0 0 * * 5#2"), "01-09T00:00", "the second Friday");
    assert_eq!(first("0 0 * * 5L"), "01-30T00:00", "the last Friday");
    assert_eq!(first("0 0 13 * 5"), "01-02T00:00", "one of the two is enough");
    assert_eq!(first("0 0 13 * +5"), "02-13T00:00", "both");
    assert_eq!(first("@monthly"), "02-01T00:00");
    assert_eq!(times("* * * * * *", "UTC").next(1_500), Some(2_000));
    assert_eq!(times("*/15 * * * * *", "UTC").next(0), Some(15_000));
    assert_eq!(times("0 0 29 2 *", "UTC").next(ms("2097-01-01T00:00:00Z")), Some(ms("2104-02-29T00:00:00Z")));
}

#[test]
fn start_and_end_belong_to_it() {
    let bounded = |start, end| Times::new("* * * * *", "UTC", start, end).unwrap();
    assert_eq!(bounded(Some(600_000), None).next(0), Some(600_000));
    assert_eq!(bounded(Some(600_001), None).next(0), Some(660_000));
    assert_eq!(bounded(Some(600_000), None).next(660_000), Some(720_000));
    assert_eq!(bounded(None, Some(120_000)).next(60_000), Some(120_000));
    assert_eq!(bounded(None, Some(120_000)).next(120_000), None);
}

#[test]
fn what_cannot_be_used_is_named() {
    for (pattern, zone, names) in [
        ("", "UTC", "empty"),
        ("* * * *", "UTC", "minute hour day"),
        ("* * * * * * 2026", "UTC", "minute hour day"),
        ("60 * * * *", "UTC", "60"),
        ("* 24 * * *", "UTC", "24"),
        ("* * * * MOON", "UTC", "MOON"),
        ("@fortnightly", "UTC", "fortnightly"),
        ("0 0 31 2 *", "UTC", "never"),
        ("0 0 * * *", "Europe/Berlln", "Europe/Berlln"),
        ("0 0 * * *", "", "``"),
        ("0 0 * * *", "../../etc/passwd", "passwd"),
    ] {
        let error = Times::new(pattern, zone, None, None).expect_err(pattern);
        assert!(error.to_lowercase().contains(&names.to_lowercase()), "{pattern} {zone}: {error}");
    }
    let error = Times::new("* * * * *", "UTC", Some(2_000), Some(1_000)).unwrap_err();
    assert!(error.contains("between start and end"), "{error}");
    assert!(Times::new(&"0,".repeat(200), "UTC", None, None).unwrap_err().contains("400 bytes"));
}

/// One written by hand must not end the task that fires all others.
#[test]
fn no_pattern_panics() {
    use proptest::prelude::*;
    let part = "[0-9*/,LW#?+@A-Z-]{1,6}";
    let field =
        "(\\*|[0-9]{1,2}|\\*/[0-9]{1,2}|[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}L|[0-9]{1,2}W|[0-9]#[0-9]|L|LW)";
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let patterns = prop_oneof![
        proptest::collection::vec(part, 1..8).prop_map(|parts| parts.join(" ")),
        proptest::collection::vec(field, 5..7).prop_map(|parts| parts.join(" ")),
        any::<String>(),
    ];
    let run = runner.run(&patterns, |pattern| {
        if let Ok(times) = Times::new(&pattern, "Europe/Berlin", None, None) {
            let next = times.next(1_750_000_000_000);
            prop_assert!(next.is_none_or(|next| next > 1_750_000_000_000));
        }
        Ok(())
    });
    run.unwrap();
}
