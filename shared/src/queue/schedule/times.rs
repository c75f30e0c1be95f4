//! The instants at which a cron pattern fires in a time zone.

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, civil};

/// The instants at which a schedule fires, all on whole seconds.
///
/// - A pattern for every hour goes on by elapsed time when clocks are changed: every instant counts whose time of day
///   matches, so of a repeated hour both, and of a skipped one none.
/// - Any other pattern names times of the day, each of which comes once: of a repeated one the first counts, a skipped
///   one comes at the first instant after the gap.
#[derive(Debug)]
pub(crate) struct Times {
    cron: Cron,
    zone: TimeZone,
    every_hour: bool,
    start: Option<i64>,
    end: Option<i64>,
}

/// Longest pattern, bytes.
const LONGEST: usize = 256;

impl Times {
    /// # Errors
    ///
    /// What is wrong with which of them, or that there is no such instant.
    pub(crate) fn new(
        pattern: &str,
        timezone: &str,
        start: Option<i64>,
        end: Option<i64>,
    ) -> Result<Self, String> {
        if pattern.len() > LONGEST {
            return Err(format!("pattern: {} bytes; {LONGEST} is the most", pattern.len()));
        }
        // Years would be a second way to say start and end.
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(pattern).map_err(|error| {
            format!(
                "pattern `{pattern}`: {}; write `minute hour day month weekday`, with seconds in front where they are \
                 wanted",
                error.to_string().trim_end_matches('.')
            )
        })?;
        let zone = zone(timezone)?;
        let every_hour = cron.pattern.hours.values().len() == 24;
        let times = Self { cron, zone, every_hour, start, end };
        match times.next(0) {
            Some(_) => Ok(times),
            None if start.or(end).is_none() => {
                Err(format!("pattern `{pattern}`: no date matches it, so it would never fire"))
            }
            None => Err(format!("pattern `{pattern}`: no date between start and end matches it")),
        }
    }

    /// The first instant after `after`, both ms since 1970.
    pub(crate) fn next(&self, after: i64) -> Option<i64> {
        let after = self.start.map_or(after, |start| after.max(start.saturating_sub(1)));
        let from = Timestamp::from_second(after.div_euclid(1000)).ok()?;
        let next = if self.every_hour { self.elapsed(from) } else { self.daily(from) };
        next.map(Timestamp::as_millisecond).filter(|next| self.end.is_none_or(|end| *next <= end))
    }

    /// The last instant up to `until`, where `first` is one of them.
    pub(crate) fn latest(&self, first: i64, until: i64) -> i64 {
        let (mut latest, mut until) = (first, until);
        while until - latest >= 1000 {
            let middle = latest + (until - latest) / 2;
            match self.next(middle).filter(|next| *next <= until) {
                Some(later) => latest = later,
                None => until = middle,
            }
        }
        latest
    }

    fn elapsed(&self, from: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&from.to_zoned(self.zone.clone()), false);
        next.ok().map(|next| next.timestamp())
    }

    fn daily(&self, from: Timestamp) -> Option<Timestamp> {
        let mut time = self.zone.to_datetime(from);
        loop {
            time = self.cron.find_next_occurrence(&time, false).ok()?;
            // In the second half of a repeated hour lie times that came in its first half.
            if let Some(at) = self.instant(time).filter(|at| *at > from) {
                return Some(at);
            }
        }
    }

    /// When the clocks show `time` for the first time, or skip it.
    fn instant(&self, time: civil::DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(time).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(time).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before = after.to_timestamp(time).ok()?;
                self.zone.following(before).next().map(|change| change.timestamp())
            }
        }
    }
}

/// A time zone out of the program's own data: two workers whose hosts knew different rules would fire twice.
fn zone(name: &str) -> Result<TimeZone, String> {
    let unknown =
        |_| format!("timezone `{name}`: unknown; write one of the IANA's names, as in Europe/Berlin");
    TimeZoneDatabase::bundled().get(name).map_err(unknown)
}
