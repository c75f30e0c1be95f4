//! A queue on a Redis of its own, filled and emptied by plain commands.

use redispatch_testkit::Reply;
use redispatch_testkit::redis::RedisServer;
use serde_json::Value;

pub(crate) const DEAD: &str = "queue:email:dead_letter";
pub(crate) const PENDING: &str = "queue:email:pending";

/// A dead letter as a worker leaves it; `n` tells it from the others.
pub(crate) fn letter(n: usize, code: &str, lane: &str) -> String {
    format!(
        r#"{{"id":"m{n}","to":"user{n}@example.com","subject":"n {n}","body":"x","n":{n},"_delivery":{{"reason":"reject","class":"reject","error":"{code} 5.7.8 refused for user{n}@example.com","code":"{code}","provider":"smtp","dead_at":"2026-01-02T03:04:{:02}.000Z","worker":"w","ref":"r.{n}","lane":"{lane}"}}}}"#,
        n % 60
    )
}

/// The letters 0 to `count`, 0 being the oldest; every third one has code 535.
pub(crate) async fn fill(redis: &RedisServer, count: usize) {
    let letters = (0..count).map(|n| letter(n, code(n), "pending"));
    push(redis, DEAD, letters).await;
}

/// The code of letter `n` of [`fill`].
pub(crate) fn code(n: usize) -> &'static str {
    if n.is_multiple_of(3) { "535" } else { "550" }
}

/// A message as its producer gave it: without the stamp that the library appended.
pub(crate) fn unstamped(message: &str) -> String {
    let at = message.rfind(r#","_delivery":{"stamp":""#).unwrap_or_else(|| panic!("no stamp: {message}"));
    assert!(message.ends_with("\"}}"), "{message}");
    format!("{}}}", &message[..at])
}

/// Pushes as a producer does.
pub(crate) async fn push(redis: &RedisServer, list: &str, messages: impl Iterator<Item = String>) {
    let mut client = redis.connect().await;
    let pushes: Vec<_> = messages.map(|bytes| vec!["LPUSH".to_owned(), list.to_owned(), bytes]).collect();
    for chunk in pushes.chunks(1_000) {
        for reply in client.pipeline(chunk).await.unwrap() {
            reply.int();
        }
    }
}

/// A list, the oldest first.
pub(crate) async fn oldest_first(redis: &RedisServer, list: &str) -> Vec<Vec<u8>> {
    let reply = redis.command(&["LRANGE", list, "0", "-1"]).await;
    let mut all: Vec<_> = reply.array().iter().map(|value| value.bytes().to_vec()).collect();
    all.reverse();
    all
}

/// The field `n` of each message of a list, the oldest first.
pub(crate) async fn numbers(redis: &RedisServer, list: &str) -> Vec<usize> {
    let number = |bytes: Vec<u8>| {
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        message["n"].as_u64().unwrap() as usize
    };
    oldest_first(redis, list).await.into_iter().map(number).collect()
}

/// How long a list is.
pub(crate) async fn length(redis: &RedisServer, list: &str) -> i64 {
    redis.command(&["LLEN", list]).await.int()
}

/// Waits until a list holds at least `count`.
pub(crate) async fn at_least(redis: &RedisServer, list: &str, count: i64) {
    let long = |reply: &Reply| reply.int() >= count;
    redis.wait_until(&["LLEN", list], long, redispatch_testkit::LIMIT).await;
}
