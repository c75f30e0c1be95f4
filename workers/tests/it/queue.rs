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
    /// Pushes messages that end as dead letters, all of them, each for this reason and with these words in its error.
    pub(crate) async fn gives_up(&self, cases: &[(Value, &str, &str)]) {
        for (message, _, _) in cases {
            self.push(&[message.to_string()]).await;
        }
        assert_eq!(self.settled().await, cases.len() as i64);
        let letters = self.dead_letters().await;
        for (message, reason, words) in cases {
            let record = record_of(&letters, message);
            assert_eq!(record["reason"], *reason, "{message}: {record}");
            assert!(record["error"].as_str().unwrap().contains(words), "{words}: {record}");
        }
    }

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

    /// Counted at one instant, so that no message is missed on its way from one place to another.
    pub(crate) async fn left(&self) -> Left {
        const LISTS: [&str; 5] = ["pending", "pending:high", "pending:low", "claimed", "dead_letter"];
        const COUNT: &str = "local left = {}
            for i = 1, 5 do left[i] = redis.call('LLEN', KEYS[i]) end
            for i = 6, 7 do left[i] = redis.call('ZCARD', KEYS[i]) end
            left[8] = redis.call('HLEN', KEYS[8])
            return left";
        let keys = LISTS.iter().chain(&["processing", "delayed", "messages"]).map(|name| self.key(name));
        let command = ["EVAL".to_owned(), COUNT.to_owned(), "8".to_owned()].into_iter().chain(keys);
        let reply = self.redis.command(&command.collect::<Vec<_>>()).await;
        let count = |n: usize| reply.array()[n].int();
        Left {
            waiting: (0..4).map(count).sum(),
            dead: count(4),
            processing: count(5),
            delayed: count(6),
            messages: count(7),
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

/// What the dead letter of `message` says; panics where there is none.
fn record_of<'a>(letters: &'a [Value], message: &Value) -> &'a Value {
    let is_it = |letter: &&Value| {
        let mut bare = (*letter).clone();
        bare.as_object_mut().is_some_and(|fields| fields.remove("_delivery").is_some()) && bare == *message
    };
    let letter = letters.iter().find(is_it).unwrap_or_else(|| panic!("no dead letter of {message}"));
    &letter["_delivery"]
}
