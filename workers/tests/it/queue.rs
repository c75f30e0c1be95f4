//! A queue of one test as Redis has it.

use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply, eventually};
use serde_json::Value;

/// What is left in Redis.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) waiting: i64,
    pub(crate) processing: i64,
    pub(crate) delayed: i64,
    /// Bytes of messages in processing and in delayed.
    pub(crate) messages: i64,
    pub(crate) dead: i64,
}

pub(crate) const NOTHING: Left = Left { waiting: 0, processing: 0, delayed: 0, messages: 0, dead: 0 };

/// The queue `name` of a Redis.
pub(crate) struct Queue<'a> {
    pub(crate) redis: &'a RedisServer,
    pub(crate) name: &'static str,
}

impl Queue<'_> {
    pub(crate) fn key(&self, name: &str) -> String {
        format!("queue:{}:{name}", self.name)
    }

    /// Puts messages where producers put them, the first one in front.
    pub(crate) async fn push(&self, messages: &[String]) {
        self.push_to("pending", messages).await;
    }

    /// The same into another lane.
    pub(crate) async fn push_to(&self, lane: &str, messages: &[String]) {
        for chunk in messages.chunks(1000) {
            let push = [&["LPUSH".to_owned(), self.key(lane)], chunk].concat();
            self.redis.command(&push).await.int();
        }
    }

    /// All counts of one moment.
    pub(crate) async fn left(&self) -> Left {
        let lanes = ["pending", "pending:high", "pending:low", "claimed"].map(|lane| ("LLEN", lane));
        let others =
            [("ZCARD", "processing"), ("ZCARD", "delayed"), ("HLEN", "messages"), ("LLEN", "dead_letter")];
        let calls: Vec<_> = lanes.iter().chain(&others).collect();
        let counts =
            calls.iter().map(|(command, key)| format!("redis.call('{command}', '{}')", self.key(key)));
        let script = format!("return {{{}}}", counts.collect::<Vec<_>>().join(", "));
        let reply = self.redis.command(&["EVAL", &script, "0"]).await;
        let counts: Vec<_> = reply.array().iter().map(Reply::int).collect();
        let [lanes @ .., processing, delayed, messages, dead] = counts.as_slice() else {
            panic!("not {} counts: {counts:?}", calls.len());
        };
        Left {
            waiting: lanes.iter().sum(),
            processing: *processing,
            delayed: *delayed,
            messages: *messages,
            dead: *dead,
        }
    }

    /// Waits until this is left.
    pub(crate) async fn wait_for(&self, wanted: Left) {
        eventually(&format!("{wanted:?}"), LIMIT, async || self.left().await, |left| *left == wanted).await;
    }

    /// Waits until no message is on its way any more, and gives how many dead letters there are.
    pub(crate) async fn settled(&self) -> i64 {
        let on_its_way = |left: &Left| left.waiting + left.processing + left.delayed;
        let left =
            eventually("nothing on its way", LIMIT, async || self.left().await, |left| on_its_way(left) == 0);
        let left = left.await;
        assert_eq!(left.messages, 0, "bytes without a member");
        left.dead
    }

    /// The dead letters, newest first.
    pub(crate) async fn dead_letters(&self) -> Vec<Value> {
        let reply = self.redis.command(&["LRANGE", &self.key("dead_letter"), "0", "-1"]).await;
        let parse = |letter: &Reply| serde_json::from_slice(letter.bytes());
        reply.array().iter().map(|letter| parse(letter).expect("a dead letter is JSON")).collect()
    }

    /// One of its counters.
    pub(crate) async fn counter(&self, name: &str) -> u64 {
        self.field("counters", name).await.map_or(0, |count| count.parse().expect("a number"))
    }

    /// A field of its `control`.
    pub(crate) async fn control(&self, field: &str) -> Option<String> {
        self.field("control", field).await
    }

    async fn field(&self, key: &str, field: &str) -> Option<String> {
        match self.redis.command(&["HGET", &self.key(key), field]).await {
            Reply::Nil => None,
            value => Some(value.text().to_owned()),
        }
    }
}
