//! Which dead letters are meant.

use clap::Args;
use redispatch::queue::Selector;

use crate::dead::Filter;
use crate::time;

/// The flags that choose; all that are given must fit.
#[derive(Debug, Clone, Args)]
pub(super) struct Select {
    /// Its id, or its reference
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// malformed, reject, expired, poison, in_doubt or retries_exhausted; '' for none
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// How the last attempt ended; '' for those that do not say
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// What the provider answered: 535, 21211, Throttling; '' for no code
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// Who was to send it: smtp, twilio, aws-sns; '' for nobody
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// A part of the error, in small or capital letters
    #[arg(long, value_name = "TEXT")]
    error: Option<String>,
    /// Given up before: 2026-01-31T12:00:00Z, or longer ago than 2h
    #[arg(long, value_name = "TIME", value_parser = time::past)]
    before: Option<i64>,
    /// Given up since: 2026-01-31T12:00:00Z, or within the last 2h
    #[arg(long, value_name = "TIME", value_parser = time::past)]
    since: Option<i64>,
}

impl Select {
    pub(super) fn selector(self, limit: Option<u64>) -> Selector {
        let Self { id, reason, class, code, provider, error, before, since } = self;
        Filter { id, reason, class, code, provider, error, before, since }.selector(limit)
    }
}
