//! What an operator reads when a verb fails: what failed, what state it left, the cause, one thing to do.

use std::fmt;

use redispatch::queue::QueueError;

/// A failure of a verb: exit code 2.
#[derive(Debug, Clone, Default)]
pub(crate) struct Error {
    what: String,
    changed: Option<String>,
    cause: Option<String>,
    hint: Option<String>,
}

/// How a verb ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done: 0.
    Done,
    /// Nothing matched, not drained in time, unhealthy: 1.
    No,
}

impl Error {
    /// `what` failed, and on what.
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// What state it left.
    pub(crate) fn changed(mut self, changed: impl Into<String>) -> Self {
        self.changed = Some(changed.into());
        self
    }

    /// Why.
    pub(crate) fn cause(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// One thing to do.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Redis did not answer, or refused, when asked to do `what`.
    pub(crate) fn redis(what: impl Into<String>, error: QueueError) -> Self {
        let hint = match &error {
            error if error.lacks_rights() => {
                "`queuectl doctor --acl` prints the rights that a Redis user needs"
            }
            QueueError::Redis(_) => "`queuectl doctor` looks at Redis; REDIS_URL says where it is",
            QueueError::Settings(_) => "see REDIS_URL in .env.example",
            _ => return Self::new(what).cause(error),
        };
        Self::new(what).cause(error).hint(hint)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        for (name, text) in [("changed:", &self.changed), ("cause:  ", &self.cause)] {
            if let Some(text) = text {
                write!(f, "\n  {name} {text}")?;
            }
        }
        self.hint.iter().try_for_each(|hint| write!(f, "\n\nhint: {hint}"))
    }
}
