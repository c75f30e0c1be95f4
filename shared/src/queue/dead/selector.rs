//! Which dead letters are meant.

use super::DeadLetter;

/// Which dead letters are meant: those that are all of this. Nothing set means all. An empty `reason`, `class`, `code` or
/// `provider` means those that have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// Its `id`, or its reference.
    pub id: Option<String>,
    /// `malformed`, `reject`, `expired`, `poison`, `in_doubt`, `retries_exhausted`.
    pub reason: Option<String>,
    /// The outcome of the last attempt.
    pub class: Option<String>,
    /// What the provider answered.
    pub code: Option<String>,
    /// Who was to send it.
    pub provider: Option<String>,
    /// A part of the error, in small or capital letters.
    pub error: Option<String>,
    /// Given up before then, ms since 1970. One that does not say when is not meant.
    pub before: Option<i64>,
    /// Given up then or later, ms since 1970. One that does not say when is not meant.
    pub since: Option<i64>,
    /// No more than so many, of changes the oldest.
    pub limit: Option<u64>,
}

impl Selector {
    /// Whether a letter is meant, the limit aside.
    pub fn matches(&self, letter: &DeadLetter) -> bool {
        let is = |wanted: &Option<String>, there: &Option<String>| wanted.is_none() || wanted == there;
        let has = |wanted: &Option<String>, there: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| *wanted == *there.as_deref().unwrap_or_default())
        };
        let says = |text: &String| {
            let error = letter.error.as_deref().unwrap_or_default();
            error.to_lowercase().contains(&text.to_lowercase())
        };
        (is(&self.id, &letter.id) || is(&self.id, &letter.reference))
            && has(&self.reason, &letter.reason)
            && has(&self.class, &letter.class)
            && has(&self.code, &letter.code)
            && has(&self.provider, &letter.provider)
            && self.error.as_ref().is_none_or(says)
            && self.since.is_none_or(|since| letter.dead_at.is_some_and(|at| at >= since))
            && self.before.is_none_or(|before| letter.dead_at.is_some_and(|at| at < before))
    }

    /// Nothing is set, so that all are meant.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_narrows() {
        let letter = DeadLetter::read(
            r#"{"id":"a","_delivery":{"ref":"r.1","reason":"reject","class":"reject","code":"535","provider":"smtp",
                "error":"535 5.7.8 Bad Login","dead_at":"1970-01-01T00:00:01Z"}}"#
                .into(),
        );
        let text = |text: &str| Some(text.to_owned());
        let all = Selector::default;
        for (meant, selector) in [
            (true, all()),
            (true, Selector { id: text("a"), ..all() }),
            (true, Selector { id: text("r.1"), ..all() }),
            (false, Selector { id: text("b"), ..all() }),
            (true, Selector { code: text("535"), reason: text("reject"), ..all() }),
            (false, Selector { code: text("535"), reason: text("poison"), ..all() }),
            (false, Selector { code: text("53"), ..all() }),
            (false, Selector { class: text("retry"), ..all() }),
            (false, Selector { provider: text("twilio"), ..all() }),
            (true, Selector { error: text("bad login"), ..all() }),
            (false, Selector { error: text("greylisted"), ..all() }),
            (true, Selector { before: Some(1_001), ..all() }),
            (false, Selector { before: Some(1_000), ..all() }),
            (true, Selector { since: Some(1_000), ..all() }),
            (false, Selector { since: Some(1_001), ..all() }),
        ] {
            assert_eq!(selector.matches(&letter), meant, "{selector:?}");
        }
        let unknown = DeadLetter::read("{}".into());
        assert!(!Selector { before: Some(i64::MAX), ..all() }.matches(&unknown), "nobody knows since when");
        assert!(!Selector { code: text("535"), ..all() }.matches(&unknown));
        let none = |name: &str| Selector {
            reason: text("").filter(|_| name == "reason"),
            class: text("").filter(|_| name == "class"),
            code: text("").filter(|_| name == "code"),
            provider: text("").filter(|_| name == "provider"),
            ..all()
        };
        for name in ["reason", "class", "code", "provider"] {
            assert!(none(name).matches(&unknown) && !none(name).matches(&letter), "{name}");
        }
        assert!(none("code").matches(&DeadLetter::read(r#"{"_delivery":{"code":""}}"#.into())));
        assert!(!Selector { id: text(""), ..all() }.matches(&unknown), "an id is chosen by what it is");
    }
}
