//! What a check found.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// Not looked at, and why.
    Skipped,
    /// Worth a look.
    Warning,
    /// To be mended.
    Fault,
}

/// What a check found, and one thing to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// Name of the check.
    pub(crate) check: String,
    /// The queue it is about, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) queue: Option<String>,
    pub(crate) found: String,
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub(crate) todo: Option<String>,
}

impl Finding {
    /// All is well with `check`.
    pub(crate) fn ok(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level: Level::Ok, check: check.into(), queue: None, found: found.into(), todo: None }
    }

    /// `check` was not made.
    pub(crate) fn skipped(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self { level: Level::Skipped, ..Self::ok(check, found) }
    }

    /// Worth a look.
    pub(crate) fn warning(
        check: impl Into<String>,
        found: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { level: Level::Warning, todo: Some(todo.into()), ..Self::ok(check, found) }
    }

    /// To be mended.
    pub(crate) fn fault(check: impl Into<String>, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { level: Level::Fault, ..Self::warning(check, found, todo) }
    }

    /// The same about one queue.
    pub(crate) fn of(self, queue: &str) -> Self {
        Self { queue: Some(queue.to_owned()), ..self }
    }
}
