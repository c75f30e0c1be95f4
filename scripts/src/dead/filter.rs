//! Which dead letters are meant.

use redispatch::queue::{DeadAction, Selector};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which dead letters are meant: those that are all of this. An empty `reason`, `class`, `code` or `provider` means
/// those that have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Its id, or its reference
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    /// `malformed`, `reject`, `expired`, `poison`, `in_doubt` or `retries_exhausted`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// How the last attempt ended
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) class: Option<String>,
    /// What the provider answered
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "535")]
    pub(crate) code: Option<String>,
    /// Who was to send it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "smtp")]
    pub(crate) provider: Option<String>,
    /// A part of the error, in small or capital letters
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// Given up before then, ms since 1970
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<i64>,
    /// Given up then or later, ms since 1970
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<i64>,
}

impl Filter {
    /// The same for the queue; an empty id, and no part of an error, choose nothing.
    pub(crate) fn selector(self, limit: Option<u64>) -> Selector {
        let Self { id, reason, class, code, provider, error, before, since } = self;
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        Selector { id: some(id), reason, class, code, provider, error: some(error), before, since, limit }
    }
}

/// Why a change of many does not say which ones; `all` is to be said where nothing else chooses, and only then.
pub(crate) fn unchosen(selector: &Selector, all: bool, action: DeadAction) -> Option<&'static str> {
    let narrow = Selector { limit: None, ..selector.clone() };
    // The oldest few may well be tried again; what is purged has to be named.
    let is_chosen = all || (selector.limit.is_some() && action == DeadAction::Requeue);
    match narrow.is_all() {
        true if !is_chosen => Some("nothing chooses which ones"),
        false if all => Some("all are meant, and something else chooses"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_chooses_those_that_have_none_or_nothing() {
        let text = |text: &str| Some(text.to_owned());
        let given = Filter { id: text(""), error: text(""), ..Filter::default() };
        assert!(given.selector(None).is_all());
        let given = Filter { code: text(""), provider: text(""), ..Filter::default() };
        let selector = given.selector(None);
        assert_eq!((selector.code.as_deref(), selector.provider.as_deref()), (Some(""), Some("")));
    }
}
