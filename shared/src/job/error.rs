//! Why a job did not come to its end.

use std::any::Any;
use std::error::Error;
use std::fmt;

use crate::outcome::{Failure, Outcome};
use crate::worker::TimeUp;

/// Whose answer it was, in logs, metrics and `_delivery`: that of the job's own code.
pub(super) const PROVIDER: &str = "job";

/// Why a job did not come to its end. `?` makes [`JobError::Failed`] of every error; of a [`TimeUp`] what that one
/// says, so that a job that stops for a shutdown costs nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// It failed for now: it is tried again after its backoff until its retries are used up.
    Failed(String),
    /// It will never succeed: it is dead-lettered at once.
    Unrecoverable(String),
    /// Any other end: [`Outcome::Postpone`] and [`Outcome::Throttle`] wait at no cost.
    Other(Box<Outcome>),
}

impl JobError {
    /// Why it failed for now.
    pub fn failed(error: impl Into<String>) -> Self {
        Self::Failed(error.into())
    }

    /// Why it will never succeed.
    pub fn unrecoverable(error: impl Into<String>) -> Self {
        Self::Unrecoverable(error.into())
    }
}

impl<E: Error + 'static> From<E> for JobError {
    fn from(error: E) -> Self {
        if let Some(why) = (&error as &dyn Any).downcast_ref::<TimeUp>() {
            return Outcome::from(*why).into();
        }
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let said = error.to_string();
            // Many repeat their cause in their own text.
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = error.source();
        }
        Self::Failed(text)
    }
}

impl From<Outcome> for JobError {
    fn from(outcome: Outcome) -> Self {
        Self::Other(Box::new(outcome))
    }
}

impl From<JobError> for Outcome {
    fn from(error: JobError) -> Self {
        match error {
            JobError::Failed(error) => Outcome::Retry(Failure::new(error).by(PROVIDER)),
            JobError::Unrecoverable(error) => Outcome::Reject(Failure::new(error).by(PROVIDER)),
            JobError::Other(outcome) => *outcome,
        }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) | Self::Unrecoverable(error) => f.write_str(error),
            Self::Other(outcome) => write!(f, "{outcome:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no answer from the shop")]
    struct Away(#[source] std::io::Error);

    fn fails() -> Result<(), JobError> {
        Err(Away(std::io::ErrorKind::ConnectionRefused.into()))?
    }

    #[test]
    fn any_error_is_a_failure_with_its_causes() {
        assert_eq!(fails(), Err(JobError::failed("no answer from the shop: connection refused")));
        let parsed: JobError = "x".parse::<i32>().unwrap_err().into();
        assert_eq!(parsed.to_string(), "invalid digit found in string");
    }

    #[test]
    fn a_stop_for_the_shutdown_costs_nothing() {
        let stopped: JobError = TimeUp::Shutdown.into();
        assert_eq!(Outcome::from(stopped), Outcome::Unconfirmed);
        let late: JobError = TimeUp::SendTimeout(Duration::from_secs(1)).into();
        assert!(matches!(late.into(), Outcome::Retry(_)));
    }

    #[test]
    fn what_will_never_succeed_is_refused() {
        let refused = Outcome::from(JobError::unrecoverable("no such connector"));
        assert_eq!(refused, Outcome::Reject(Failure::new("no such connector").by("job")));
    }
}
