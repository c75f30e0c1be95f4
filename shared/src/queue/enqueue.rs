//! Puts messages into a queue, each at most once by its id.

use bytes::Bytes;
use fred::types::Value;

use super::{Queue, QueueError};
use crate::keys::Lane;
use crate::message::{Head, Record, add_id, edit};
use crate::script::{self, ENQUEUE};

/// Messages put in by one call.
const BATCH: usize = 200;

/// Bytes put in by one call, where it is more than one message.
const BATCH_BYTES: usize = 2 << 20;

/// What became of a message that was to be enqueued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enqueued {
    /// The message's id; made up where it had none.
    pub id: String,
    /// False when a message of this id waits, is in hand or delayed, or was sent within its retention.
    pub created: bool,
}

impl Queue {
    /// Whether a message could be enqueued, as far as the queue itself looks at it. Gives its id, if it has one. Redis
    /// is not asked.
    ///
    /// # Errors
    ///
    /// [`QueueError::Message`].
    pub fn check(&self, message: &[u8]) -> Result<Option<String>, QueueError> {
        Ok(self.head(message)?.id.map(Into::into))
    }

    fn head(&self, message: &[u8]) -> Result<Head, QueueError> {
        let max_bytes = self.client.settings().max_message_bytes;
        Head::read(message, max_bytes).map_err(|malformed| QueueError::Message(malformed.reason))
    }

    /// Puts `messages` (JSON objects) into `lane`, the first to be sent first; those whose `send_at` is still to come are
    /// delayed until then. Whoever has no `id` is given one.
    ///
    /// # Errors
    ///
    /// - [`QueueError::Message`]: one of them is unusable; none was enqueued.
    /// - [`QueueError::Intake`]: the intake is paused. Where it was paused in the midst of many, some are enqueued.
    /// - [`QueueError::Redis`]: some may have been enqueued; asking again enqueues nobody twice, as long as the same
    ///   ids are given.
    pub async fn enqueue(&self, lane: Lane, messages: Vec<Bytes>) -> Result<Vec<Enqueued>, QueueError> {
        self.put(lane, messages, false).await
    }

    /// As [`Queue::enqueue`], and sends an id again that was sent within its retention. One that waits or is delayed is
    /// replaced by the new message. One in hand stays as it is, and is answered with `created: false`.
    ///
    /// # Errors
    ///
    /// As [`Queue::enqueue`], but asking again sends again.
    pub async fn enqueue_again(&self, lane: Lane, messages: Vec<Bytes>) -> Result<Vec<Enqueued>, QueueError> {
        self.put(lane, messages, true).await
    }

    async fn put(&self, lane: Lane, messages: Vec<Bytes>, force: bool) -> Result<Vec<Enqueued>, QueueError> {
        let messages = messages.into_iter().map(|bytes| self.given(bytes));
        let messages = messages.collect::<Result<Vec<_>, _>>()?;
        if !self.client.settings().accept_jobs {
            return Err(QueueError::Intake("WORKER_ACCEPT_JOBS is off here".to_owned()));
        }
        self.client.register(&self.name).await?;
        let mut enqueued = Vec::with_capacity(messages.len());
        for batch in batches(&messages) {
            let keys = &self.keys;
            let mut call = vec![
                keys.processing.clone(),
                keys.messages.clone(),
                keys.counters.clone(),
                keys.claimed.clone(),
                keys.high.clone(),
                keys.pending.clone(),
                keys.low.clone(),
                keys.delayed.clone(),
                keys.control.clone(),
            ];
            call.extend(batch.iter().map(|copy| keys.status(&copy.id)));
            let mut args: Vec<Value> = vec![lane.letter().into(), self.retention(), i64::from(force).into()];
            for copy in batch {
                args.extend([copy.stamp.as_str().into(), copy.due.into(), Value::Bytes(copy.bytes.clone())]);
            }
            let mut answers = script::into_texts(script::run(&self.link, &ENQUEUE, call, args).await?)
                .into_iter()
                .peekable();
            if answers.next_if(|answer| answer == "paused").is_some() {
                return Err(QueueError::Intake(answers.next().unwrap_or_default()));
            }
            enqueued.extend(
                batch
                    .iter()
                    .zip(answers)
                    .map(|(copy, answer)| Enqueued { id: copy.id.clone(), created: answer == "enqueued" }),
            );
        }
        Ok(enqueued)
    }

    /// The message with its id, which is added where there is none, and with a stamp.
    fn given(&self, bytes: Bytes) -> Result<Given, QueueError> {
        let head = self.head(&bytes)?;
        let (id, bytes) = match head.id {
            Some(id) => (id.into(), bytes),
            None => {
                let id = format!("{}{}", crate::worker::start_id(), crate::worker::start_id());
                let bytes = add_id(&bytes, &id);
                (id, bytes)
            }
        };
        let stamp = self.client.new_name();
        let record =
            Record { stamp: Some(stamp.clone()), ..head.record.map(|record| *record).unwrap_or_default() };
        Ok(Given { id, stamp, due: head.send_at.unwrap_or(0), bytes: edit(&bytes, None, &record) })
    }
}

/// A message that is to be enqueued.
struct Given {
    id: String,
    stamp: String,
    /// Ms since 1970, 0 for at once.
    due: i64,
    bytes: Bytes,
}

/// The messages in runs that one call can bear.
fn batches(mut rest: &[Given]) -> impl Iterator<Item = &[Given]> {
    std::iter::from_fn(move || {
        let mut size = 0;
        let fits = |copy: &&Given| {
            size += copy.bytes.len();
            size <= BATCH_BYTES
        };
        let count = rest.iter().take(BATCH).take_while(fits).count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(messages: &[usize]) -> Vec<usize> {
        let messages: Vec<_> = messages
            .iter()
            .map(|size| Given {
                id: String::new(),
                stamp: String::new(),
                due: 0,
                bytes: vec![b'x'; *size].into(),
            })
            .collect();
        batches(&messages).map(<[_]>::len).collect()
    }

    #[test]
    fn a_call_bears_200_messages_and_2_mib() {
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&[1; 450]), [200, 200, 50]);
        assert_eq!(sizes(&[700 << 10; 5]), [2, 2, 1]);
        assert_eq!(sizes(&[10 << 20, 10 << 20, 1, 2 << 20, 1]), [1, 1, 1, 1, 1]);
        assert_eq!(sizes(&[1 << 20, 1 << 20, 1]), [2, 1]);
    }
}
