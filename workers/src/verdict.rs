//! What a provider's answer means for a message: tables of one form, a row a line, for all providers.

use redispatch::{Failure, Outcome};

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// This message or recipient, later.
    Retry,
    /// The provider is out of order; surely not accepted.
    Unavailable,
    /// No connection could be made.
    Unreachable,
    /// Nobody for now.
    Throttle,
    /// This message or recipient never.
    Reject,
    /// Nothing will work until the settings are changed.
    Config,
    /// The sender is refused: the settings are wrong if it came from them, else the message is.
    Sender,
    /// No more recipients in this transaction, if it has one already; else this recipient, later. SMTP only.
    Full,
    /// It may have been accepted.
    InDoubt,
}

/// One row of a table: at `stage`, `on` means this.
///
/// `on` is a code of the provider (`21211`, `Throttling`, `5.1.8`), a status (`552`, `401`), one with `x` for any digits
/// (`4xx`, `4.7.x`), or what came instead of a refusal: `no answer` (closed, silent, unreachable), `nonsense`,
/// `not offered`.
#[derive(Debug)]
pub(crate) struct Row<S: 'static> {
    pub(crate) stage: S,
    pub(crate) on: &'static str,
    pub(crate) means: Meaning,
    /// The page that says so.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reader of the table"))]
    pub(crate) source: &'static str,
}

pub(crate) const fn row<S>(stage: S, on: &'static str, means: Meaning, source: &'static str) -> Row<S> {
    Row { stage, on, means, source }
}

/// The meaning of the first row for the first of `codes` that has one; the most precise code comes first.
pub(crate) fn find<S: PartialEq>(table: &[Row<S>], stage: S, codes: &[&str]) -> Option<Meaning> {
    let row = |code: &&str| table.iter().find(|row| row.stage == stage && fits(row.on, code));
    codes.iter().find_map(row).map(|row| row.means)
}

/// The same, or `x` in place of a digit or, between dots, of a number.
fn fits(on: &str, code: &str) -> bool {
    if !on.starts_with(|c: char| c.is_ascii_digit()) {
        return on == code;
    }
    match (on.contains('.'), code.contains('.')) {
        (true, true) => {
            let (on, code) = (on.split('.'), code.split('.'));
            on.clone().count() == code.clone().count()
                && on.zip(code).all(|(on, code)| on == "x" || on == code)
        }
        (false, false) => {
            on.len() == code.len() && on.bytes().zip(code.bytes()).all(|(on, code)| on == b'x' || on == code)
        }
        _ => false,
    }
}

impl Meaning {
    /// The outcome of a message to which this happened as a whole. `sender_is_ours`: the sender came out of the
    /// settings.
    pub(crate) fn outcome(self, failure: Failure, sender_is_ours: bool) -> Outcome {
        match self {
            Self::Retry | Self::Full => Outcome::Retry(failure),
            Self::Unavailable => Outcome::Unavailable(failure),
            Self::Unreachable => Outcome::Unreachable(failure),
            Self::Throttle => Outcome::Throttle { failure, wait: None },
            Self::Reject => Outcome::Reject(failure),
            Self::Config => Outcome::Config(failure),
            Self::Sender if sender_is_ours => Outcome::DefaultSender(failure),
            Self::Sender => Outcome::Reject(failure),
            Self::InDoubt => Outcome::InDoubt(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_precise_code_counts_then_the_first_row() {
        use Meaning::{Config, Reject, Retry, Throttle};
        let table = [
            row('a', "4.7.x", Throttle, "s"),
            row('a', "4xx", Retry, "s"),
            row('a', "21211", Reject, "s"),
            row('a', "Box", Config, "s"),
        ];
        for (stage, codes, expected) in [
            ('a', &["4.7.28", "450"][..], Some(Throttle)),
            ('a', &["4.1.28", "450"], Some(Retry)),
            ('a', &["21211", "400"], Some(Reject)),
            ('a', &["21212", "400"], Some(Retry)),
            ('a', &["4.7", "550"], None),
            ('a', &["45", "4500"], None),
            ('a', &["Box"], Some(Config)),
            ('a', &["Boy"], None),
            ('b', &["450"], None),
        ] {
            assert_eq!(find(&table, stage, codes), expected, "{codes:?}");
        }
    }
}
