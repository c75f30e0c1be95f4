//! What became of dead letters, in words.

use redispatch::queue::{DeadAction, Stopped};

use crate::output;

/// `requeue` or `purge`
pub(crate) fn word(action: DeadAction) -> &'static str {
    match action {
        DeadAction::Requeue => "requeue",
        DeadAction::Purge => "purge",
    }
}

/// `requeued` or `purged`
pub(crate) fn past(action: DeadAction) -> &'static str {
    match action {
        DeadAction::Requeue => "requeued",
        DeadAction::Purge => "purged",
    }
}

/// `1,204 dead letters`
pub(crate) fn letters(count: u64) -> String {
    format!("{} dead letter{}", output::thousands(count), if count == 1 { "" } else { "s" })
}

/// The state in which a change left the letters that did not come to its end.
pub(crate) fn what_is_done(action: DeadAction, stopped: &Stopped) -> String {
    if !stopped.begun {
        return "nothing".to_owned();
    }
    let moved = letters(stopped.moved);
    format!("at least {moved} were {}, each whole; the next run puts the order right", past(action))
}
