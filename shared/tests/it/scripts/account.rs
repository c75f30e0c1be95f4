use std::collections::{BTreeMap, BTreeSet};

use redispatch_testkit::Reply;

use super::queue::{Queue, key, status};

/// Asserts that every message pushed is in exactly one place or left as sent, as a duplicate or as cancelled, and that
/// members and bytes agree.
pub(crate) async fn account(queue: &mut Queue) {
    let mut placed = Vec::new();
    for list in ["pending", "pending:high", "pending:low", "claimed", "dead_letter"] {
        placed.extend(queue.list(list).await);
    }
    let processing: BTreeSet<_> = queue.members("processing").await.into_iter().collect();
    let delayed: BTreeSet<_> = queue.members("delayed").await.into_iter().collect();
    assert!(processing.is_disjoint(&delayed), "{processing:?} {delayed:?}");
    let reply = queue.command(&["HGETALL", &key("messages")]).await;
    let mut fields = BTreeSet::new();
    for pair in reply.array().chunks(2) {
        fields.insert(pair[0].text().to_owned());
        placed.push(String::from_utf8_lossy(pair[1].bytes()).into_owned());
    }
    let members: BTreeSet<_> = processing.union(&delayed).cloned().collect();
    assert_eq!(members, fields, "members of processing and delayed, and fields of messages");

    let numbers = placed.iter().filter_map(|bytes| number(bytes)).collect::<Vec<_>>();
    let distinct: BTreeSet<_> = numbers.iter().collect();
    assert_eq!(numbers.len(), distinct.len(), "a message is in two places: {numbers:?}");
    let mut left = queue.counter("sent").await + queue.counter("duplicates").await;
    // What is cancelled stays where it waits until it comes up, or was taken out.
    left += queue.counter("cancelled").await;
    for id in placed.iter().filter_map(|bytes| id(bytes)) {
        let state = queue.command(&["HGET", &status(&id), "state"]).await;
        left -= i64::from(matches!(state, Reply::Bulk(state) if state == b"cancelled"));
    }
    assert_eq!(
        placed.len() as i64 + left,
        queue.pushed,
        "in: {}; left: {left}; here: {placed:#?}",
        queue.pushed
    );
}

/// What tells a message from the others; none where it has no `n`.
fn number(bytes: &str) -> Option<i64> {
    serde_json::from_str::<serde_json::Value>(bytes).ok()?.get("n")?.as_i64()
}

/// Its `id`, where it has one.
fn id(bytes: &str) -> Option<String> {
    Some(serde_json::from_str::<serde_json::Value>(bytes).ok()?.get("id")?.as_str()?.to_owned())
}

/// All keys with all they hold, for a comparison.
pub(crate) async fn dump(queue: &mut Queue) -> BTreeMap<String, Vec<String>> {
    let keys = queue.command(&["KEYS", "*"]).await;
    let mut all = BTreeMap::new();
    for key in keys.array().iter().map(Reply::text) {
        let kind = queue.command(&["TYPE", key]).await;
        let contents = match kind.text() {
            "list" => texts(&queue.command(&["LRANGE", key, "0", "-1"]).await),
            "zset" => pairs(&queue.command(&["ZRANGE", key, "0", "-1", "WITHSCORES"]).await),
            "hash" => pairs(&queue.command(&["HGETALL", key]).await),
            _ => texts(&Reply::Array(vec![queue.command(&["GET", key]).await])),
        };
        all.insert(key.to_owned(), contents);
    }
    all
}

/// A dump in which every time of today (13 digits) reads the same.
pub(crate) async fn timeless(queue: &mut Queue) -> BTreeMap<String, Vec<String>> {
    let mut all = dump(queue).await;
    all.values_mut().flatten().for_each(|text| *text = without_times(text));
    all
}

fn without_times(text: &str) -> String {
    let mut out = String::new();
    for run in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        let time = digits.len() == 13 && digits.starts_with('1');
        out.push_str(if time { "TIME" } else { digits });
        out.push_str(&run[digits.len()..]);
    }
    out
}

fn texts(reply: &Reply) -> Vec<String> {
    reply.array().iter().map(|value| String::from_utf8_lossy(value.bytes()).into_owned()).collect()
}

fn pairs(reply: &Reply) -> Vec<String> {
    let mut pairs: Vec<_> = texts(reply).chunks(2).map(|pair| pair.join(" = ")).collect();
    pairs.sort();
    pairs
}
