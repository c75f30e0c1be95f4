//! Whether a worker could use an edited message.

use redispatch_workers::validate;

/// Why a worker of `queue` would give the message up again.
pub(crate) fn refusal(queue: &str, edited: &[u8]) -> Option<String> {
    validate(queue, edited).err().map(|failure| failure.error)
}
