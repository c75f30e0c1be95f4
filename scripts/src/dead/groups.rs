//! How many dead letters of what.

use std::collections::HashMap;

use redispatch::queue::DeadLetter;

/// Kinds that are told apart; the codes of what somebody put there by hand may be endless.
const MOST: usize = 10_000;

/// Why they were given up, and what was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind {
    pub(crate) reason: Option<String>,
    pub(crate) class: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) code: Option<String>,
}

/// Letters of one kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    pub(crate) count: u64,
    /// What the newest of them says.
    pub(crate) error: String,
    /// Ms since 1970.
    pub(crate) oldest: Option<i64>,
    /// Ms since 1970.
    pub(crate) newest: Option<i64>,
}

/// Letters counted by kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Groups {
    by_kind: HashMap<Kind, Group>,
    /// Of kinds that are not told apart any more.
    pub(crate) others: u64,
}

impl Kind {
    /// `smtp 535 (reject)`
    pub(crate) fn text(&self) -> String {
        let Self { reason, class, provider, code } = self;
        let answer: Vec<&str> = [provider, code].into_iter().flatten().map(String::as_str).collect();
        // Said where it is not what the reason says anyhow.
        let says = |class: &&String| {
            let usual = if reason.as_deref() == Some("retries_exhausted") { "retry" } else { class };
            reason.is_some() && *class != usual && reason.as_ref() != Some(class)
        };
        let class = class.as_ref().filter(says).map_or(String::new(), |class| format!(", {class}"));
        match (reason.as_deref(), answer.is_empty()) {
            (reason, true) => format!("{}{class}", reason.unwrap_or("for no known reason")),
            (None, false) => answer.join(" "),
            (Some(reason), false) => format!("{} ({reason}{class})", answer.join(" ")),
        }
    }
}

impl Groups {
    /// Counts one more.
    pub(crate) fn add(&mut self, letter: DeadLetter) {
        let DeadLetter { reason, class, provider, code, error, dead_at, .. } = letter;
        let kind = Kind { reason, class, provider, code };
        if self.by_kind.len() >= MOST && !self.by_kind.contains_key(&kind) {
            self.others += 1;
            return;
        }
        let group = self.by_kind.entry(kind).or_default();
        if group.count == 0 || dead_at >= group.newest {
            group.error = error.unwrap_or_default();
        }
        group.count += 1;
        group.oldest = group.oldest.into_iter().chain(dead_at).min();
        group.newest = group.newest.into_iter().chain(dead_at).max();
    }

    /// How many letters were counted.
    pub(crate) fn count(&self) -> u64 {
        self.by_kind.values().map(|group| group.count).sum::<u64>() + self.others
    }

    /// The most frequent first.
    pub(crate) fn sorted(&self) -> Vec<(&Kind, &Group)> {
        let mut groups: Vec<_> = self.by_kind.iter().collect();
        groups.sort_by(|(a, many), (b, few)| few.count.cmp(&many.count).then_with(|| a.cmp(b)));
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(delivery: &str) -> DeadLetter {
        DeadLetter::read(format!(r#"{{"_delivery":{{{delivery}}}}}"#).into())
    }

    #[test]
    fn the_newest_of_a_kind_speaks_for_it_whichever_comes_first() {
        let said = |second: &str, error: &str| {
            letter(&format!(r#""reason":"reject","error":"{error}","dead_at":"1970-01-01T00:00:0{second}Z""#))
        };
        for order in [["1", "2"], ["2", "1"]] {
            let mut groups = Groups::default();
            order.iter().for_each(|second| groups.add(said(second, &format!("error {second}"))));
            let all = groups.sorted();
            let group = all[0].1;
            assert_eq!((all.len(), group.count, group.error.as_str()), (1, 2, "error 2"));
            assert_eq!((group.oldest, group.newest), (Some(1_000), Some(2_000)));
        }
    }

    #[test]
    fn endless_kinds_are_counted_together() {
        let mut groups = Groups::default();
        (0..MOST + 7).for_each(|n| groups.add(letter(&format!(r#""code":"{n}""#))));
        groups.add(letter(r#""code":"1""#));
        assert_eq!((groups.sorted().len(), groups.others, groups.count()), (MOST, 7, MOST as u64 + 8));
        assert_eq!(groups.sorted()[0].0.code.as_deref(), Some("1"));
    }

    #[test]
    fn a_kind_in_words() {
        let text = |delivery: &str| {
            let mut groups = Groups::default();
            groups.add(letter(delivery));
            groups.sorted()[0].0.text()
        };
        for (delivery, expected) in [
            ("", "for no known reason"),
            (r#""provider":"smtp""#, "smtp"),
            (r#""reason":"reject","class":"reject","provider":"smtp","code":"550""#, "smtp 550 (reject)"),
            (r#""reason":"retries_exhausted","class":"retry","code":"421""#, "421 (retries_exhausted)"),
            (r#""reason":"retries_exhausted","class":"in_doubt""#, "retries_exhausted, in_doubt"),
        ] {
            assert_eq!(text(delivery), expected);
        }
    }
}
