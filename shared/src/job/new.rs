//! What producers make.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::keys::Lane;
use crate::queue::{Enqueued, Queue, QueueError};

/// The fields that the queue reads itself, and how a job says them.
const RESERVED: [(&str, &str); 9] = [
    ("id", "NewJob::id"),
    ("metadata", "NewJob::metadata"),
    ("send_at", "NewJob::send_at"),
    ("expires_at", "NewJob::expires_at"),
    ("max_retries", "NewJob::max_retries"),
    ("created_at", "nothing"),
    ("ttl_ms", "NewJob::expires_at"),
    ("retries", "nothing"),
    ("_delivery", "nothing"),
];

/// A job that is to be added to a queue: a message whose top-level fields are its payload.
#[derive(Debug, Clone)]
#[must_use = "a job runs once `Queue::add` has put it into a queue"]
pub struct NewJob {
    /// A JSON object.
    payload: String,
    own: Map<String, Value>,
    metadata: Map<String, Value>,
    lane: Lane,
}

impl NewJob {
    /// A job with this payload, which becomes a JSON object: a struct or a map.
    ///
    /// # Errors
    ///
    /// [`QueueError::Message`]: it does not become one, or a field of it has a name that the queue reads itself: `id`,
    /// `metadata`, `send_at`, `expires_at`, `max_retries`, `created_at`, `ttl_ms`, `retries`, `_delivery`.
    pub fn new<P: Serialize>(payload: &P) -> Result<Self, QueueError> {
        let refused = |why: String| QueueError::Message(format!("the payload {why}"));
        let payload =
            serde_json::to_string(payload).map_err(|error| refused(format!("is no JSON: {error}")))?;
        let fields: BTreeMap<Cow<'_, str>, IgnoredAny> = serde_json::from_str(&payload)
            .map_err(|_| refused("has to be a JSON object: a struct or a map".to_owned()))?;
        for (name, instead) in RESERVED {
            if fields.contains_key(name) {
                return Err(refused(match instead {
                    "nothing" => format!("has a field `{name}`, which is the queue's own: name it otherwise"),
                    call => format!(
                        "has a field `{name}`, which is the queue's own: name it otherwise, or say {call}"
                    ),
                }));
            }
        }
        Ok(Self { payload, own: Map::new(), metadata: Map::new(), lane: Lane::Pending })
    }

    /// Its id, 1 to 128 printable ASCII characters: a second one of this id is not added while the first waits, runs,
    /// is delayed, or was done within `completed_retention`. One that says nothing is given an id.
    pub fn id(self, id: impl Into<String>) -> Self {
        self.set("id", id.into())
    }

    /// Whose it is: `tenant` in its metadata, which [`Queue::recent_of`] looks for.
    pub fn tenant(self, tenant: impl Into<String>) -> Self {
        self.metadata("tenant", tenant.into())
    }

    /// Something that goes with it to logs and status, and that its work does not read.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name.into(), value.into());
        self
    }

    /// Not before this time, ms since 1970.
    pub fn send_at(self, at: i64) -> Self {
        self.set("send_at", at)
    }

    /// Not at all from this time on, ms since 1970: then it is dead-lettered as expired.
    pub fn expires_at(self, at: i64) -> Self {
        self.set("expires_at", at)
    }

    /// Attempts in all, 1 to 1,000, whatever the worker's settings say.
    pub fn max_retries(self, attempts: u32) -> Self {
        self.set("max_retries", attempts)
    }

    /// Which lane of its queue it waits in: [`Lane::High`] runs before the others, [`Lane::Low`] after them.
    pub fn lane(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// The message, for [`Queue::enqueue`] where many are to be added at once, or to be pushed as it is.
    pub fn into_message(mut self) -> Bytes {
        if !self.metadata.is_empty() {
            self.own.insert("metadata".to_owned(), self.metadata.into());
        }
        let own = Value::Object(self.own).to_string();
        // Both are objects: what is inside the one goes in front of what is inside the other.
        let (own, payload) = (&own[1..own.len() - 1], &self.payload[1..]);
        let comma = if own.is_empty() || payload == "}" { "" } else { "," };
        format!("{{{own}{comma}{payload}").into()
    }

    fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.own.insert(name.to_owned(), value.into());
        self
    }
}

impl Queue {
    /// Adds a job. [`Enqueued::created`] is false where one of its id is there already, and nothing was added.
    ///
    /// # Errors
    ///
    /// As [`Queue::enqueue`]: [`QueueError::Message`] for an unusable id or time, [`QueueError::Intake`],
    /// [`QueueError::Redis`]. With an id of its own it is safe to add it again.
    pub async fn add(&self, job: NewJob) -> Result<Enqueued, QueueError> {
        let lane = job.lane;
        let mut added = self.enqueue(lane, vec![job.into_message()]).await?;
        added.pop().ok_or_else(|| QueueError::Redis("enqueue.lua answered nothing".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Visit {
        patient: &'static str,
        fee: f64,
    }

    const VISIT: Visit = Visit { patient: "p-1", fee: 1.10 };

    #[test]
    fn the_payload_stands_at_the_top_level_beside_what_the_queue_reads() {
        let plain = NewJob::new(&VISIT).unwrap().into_message();
        assert_eq!(plain, r#"{"patient":"p-1","fee":1.1}"#);
        let full = NewJob::new(&VISIT).unwrap().id("v:1").tenant("t1").metadata("by", "u-7").max_retries(5);
        assert_eq!(
            full.send_at(1_800_000_000_000).into_message(),
            concat!(
                r#"{"id":"v:1","max_retries":5,"metadata":{"by":"u-7","tenant":"t1"},"send_at":1800000000000,"#,
                r#""patient":"p-1","fee":1.1}"#
            )
        );
        let empty = BTreeMap::<String, u8>::new();
        assert_eq!(NewJob::new(&empty).unwrap().into_message(), "{}");
        assert_eq!(NewJob::new(&empty).unwrap().id("a").into_message(), r#"{"id":"a"}"#);
    }

    #[test]
    fn a_field_that_the_queue_reads_itself_is_refused_by_name() {
        for (name, _) in RESERVED {
            let refused = NewJob::new(&BTreeMap::from([(name, 1)])).unwrap_err().to_string();
            assert!(refused.contains(&format!("`{name}`")), "{refused}");
        }
        let near = NewJob::new(&BTreeMap::from([("identity", 1), ("Metadata", 2)]));
        assert!(near.is_ok());
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for refused in [NewJob::new(&"text"), NewJob::new(&[1, 2]), NewJob::new(&()), NewJob::new(&Some(5))] {
            assert!(refused.unwrap_err().to_string().contains("JSON object"));
        }
        let no_json = NewJob::new(&BTreeMap::from([(vec![1], 1)])).unwrap_err().to_string();
        assert!(no_json.contains("is no JSON"), "{no_json}");
    }
}
