//! What came of an order about one message, for people and programs.

use redispatch::queue::Changed;

/// A word that does not change, and the end of a sentence that begins with the message.
pub(crate) fn told(changed: Changed) -> (&'static str, &'static str) {
    match changed {
        Changed::Done => ("done", "is done"),
        Changed::InHand => ("in_hand", "is in a worker's hands, and may have reached its provider"),
        Changed::Sent => ("sent", "was sent"),
        Changed::Dead => ("dead", "was given up, and lies among the dead letters"),
        Changed::Cancelled => ("cancelled", "was cancelled before"),
        Changed::Unknown => ("unknown_message", "is not known, does not wait, and is not delayed"),
        _ => ("refused", "cannot be changed now"),
    }
}

/// What an operator can do about a message that could not be changed.
pub(crate) fn todo(changed: Changed, id: &str, queue: &str) -> Option<String> {
    match changed {
        Changed::InHand => Some(format!(
            "`queuectl show --queue {queue} {id}` says what becomes of it; if it fails, ask again"
        )),
        Changed::Dead => {
            Some(format!("`queuectl dead show --queue {queue} {id}`; dead requeue, edit and purge change it"))
        }
        Changed::Sent => {
            Some(format!("`queuectl show --queue {queue} {id}`; nothing takes a sent message back"))
        }
        Changed::Cancelled => Some("enqueue it anew: its id is free".to_owned()),
        Changed::Unknown => Some(format!(
            "is this its queue (`queuectl queues`)? What was sent is known for its retention only;\n      \
             `queuectl cancel --queue {queue} {id} --mark 1h` drops it if it comes yet"
        )),
        _ => None,
    }
}
