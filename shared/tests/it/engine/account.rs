//! Counts a queue: what went in is handled or in exactly one place.

use std::collections::BTreeMap;

use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, Reply, eventually};
use serde_json::Value;

use super::kit::{key, number};

/// A queue as it stands at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Account {
    /// All lanes and `claimed`, the next to be sent first within each list.
    pub(crate) waiting: Vec<String>,
    pub(crate) processing: Vec<String>,
    pub(crate) delayed: Vec<String>,
    /// Newest first.
    pub(crate) dead: Vec<String>,
    /// Members of `processing` and `delayed` without bytes.
    pub(crate) without_bytes: Vec<String>,
    /// Fields of `messages` without a member.
    pub(crate) without_member: Vec<String>,
    pub(crate) counters: BTreeMap<String, i64>,
}

const READ: &str = "
local waiting, messages = {}, redis.call('HGETALL', KEYS[1])
for i = 5, #KEYS do
  local list = redis.call('LRANGE', KEYS[i], 0, -1)
  for j = #list, 1, -1 do waiting[#waiting + 1] = list[j] end
end
return {waiting, messages, redis.call('ZRANGE', KEYS[2], 0, -1), redis.call('ZRANGE', KEYS[3], 0, -1),
  redis.call('LRANGE', KEYS[4], 0, -1), redis.call('HGETALL', ARGV[1])}";

/// Reads the queue in one step.
pub(crate) async fn account(redis: &RedisServer) -> Account {
    let keys = [
        "messages",
        "processing",
        "delayed",
        "dead_letter",
        "claimed",
        "pending:high",
        "pending",
        "pending:low",
    ];
    let mut command = vec!["EVAL".to_owned(), READ.to_owned(), keys.len().to_string()];
    command.extend(keys.iter().map(|name| key(name)));
    command.push(key("counters"));
    let reply = redis.command(&command).await;
    let lists: Vec<Vec<String>> = reply.array().iter().map(texts).collect();
    let mut bytes: BTreeMap<_, _> =
        lists[1].chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let mut found = Account { waiting: lists[0].clone(), dead: lists[4].clone(), ..Account::default() };
    for (members, place) in [(&lists[2], &mut found.processing), (&lists[3], &mut found.delayed)] {
        for member in members {
            match bytes.remove(member) {
                Some(message) => place.push(message),
                None => found.without_bytes.push(member.clone()),
            }
        }
    }
    found.without_member = bytes.into_keys().collect();
    found.counters =
        lists[5].chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].parse().unwrap())).collect();
    found
}

fn texts(reply: &Reply) -> Vec<String> {
    reply.array().iter().map(|text| String::from_utf8_lossy(text.bytes()).into_owned()).collect()
}

impl Account {
    pub(crate) fn counter(&self, name: &str) -> i64 {
        self.counters.get(name).copied().unwrap_or(0)
    }

    /// Nothing waits, is in hand or delayed.
    pub(crate) fn is_dry(&self) -> bool {
        self.waiting.is_empty() && self.processing.is_empty() && self.delayed.is_empty() && self.in_order()
    }

    /// Members and bytes agree.
    pub(crate) fn in_order(&self) -> bool {
        self.without_bytes.is_empty() && self.without_member.is_empty()
    }

    /// Every counter that is not 0 is named in `wanted`, with its value.
    pub(crate) fn counters_are(&self, wanted: &[(&str, i64)]) {
        let mut found = self.counters.clone();
        found.retain(|_, count| *count != 0);
        let wanted: BTreeMap<_, _> =
            wanted.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!(found, wanted, "counters");
    }

    /// The messages 0 to `pushed` - 1 are each in exactly one place: accepted by the provider, or in the queue.
    pub(crate) fn adds_up(&self, pushed: usize, accepted: &[i64]) {
        assert!(self.in_order(), "{self:?}");
        let kept = [&self.waiting, &self.processing, &self.delayed, &self.dead];
        let mut all: Vec<i64> =
            kept.into_iter().flatten().map(|message| number(message.as_bytes())).collect();
        all.extend(accepted);
        all.sort_unstable();
        assert_eq!(
            all,
            (0..pushed as i64).collect::<Vec<_>>(),
            "each once, in {self:?}, accepted {accepted:?}"
        );
    }

    /// The newest dead letter.
    pub(crate) fn dead_letter(&self) -> Value {
        serde_json::from_str(self.dead.first().expect("a dead letter")).expect("a dead letter is valid JSON")
    }
}

/// Waits until the queue is as wanted.
pub(crate) async fn until(redis: &RedisServer, what: &str, wanted: impl Fn(&Account) -> bool) -> Account {
    eventually(what, LIMIT, async || account(redis).await, wanted).await
}

/// Waits until everything is settled, and expects each of `pushed` messages accepted once and nothing else counted.
pub(crate) async fn all_sent(redis: &RedisServer, pushed: usize, accepted: impl Fn() -> Vec<i64>) -> Account {
    let end = until(redis, "all settled", |now| now.is_dry() && now.counter("sent") >= pushed as i64).await;
    end.adds_up(pushed, &accepted());
    end.counters_are(&[("sent", pushed as i64)]);
    end
}
