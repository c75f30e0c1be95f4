//! `export` and `import`: every byte, every state, the order, and what breaks in between.

mod broken;
mod killed;
mod whole;

use std::collections::BTreeMap;

use redispatch_testkit::redis::RedisServer;

use crate::queue::{length, oldest_first};

const LISTS: [&str; 5] = ["claimed", "pending:high", "pending", "pending:low", "dead_letter"];

/// Fills every state with about `count` messages in all, some of them no JSON and no text.
async fn fill(redis: &RedisServer, count: usize) {
    let mut client = redis.connect().await;
    let key = |name: &str| format!("queue:email:{name}").into_bytes();
    let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
    for n in 0..count {
        let mut bytes =
            format!(r#"{{"id":"m{n}", "to":"a@example.com","body":"é\n\"\u2028","n":{n}.10}}"#).into_bytes();
        match n % 50 {
            7 => bytes = format!("no JSON {n}\n\0\u{202e}").into_bytes(),
            8 => bytes = [&[0xff, 0xfe, 0x80][..], &n.to_le_bytes()].concat(),
            _ => {}
        }
        let at = (1_700_000_000_000 + n).to_string();
        match n % 10 {
            0 => {
                let token =
                    format!("AAAAAAAAAAA.{n}:p:{}:BBBBBBBBBBB.{n}", if n % 20 == 0 { "1!" } else { "0" });
                let score = format!("{at}{}", if n % 20 == 0 { ".5" } else { "" });
                commands.push(vec![b"ZADD".into(), key("processing"), score.into(), token.clone().into()]);
                commands.push(vec![b"HSET".into(), key("messages"), token.into(), bytes]);
            }
            1 | 2 => {
                let member = format!("AAAAAAAAAAA.{n}:l:2");
                commands.push(vec![b"ZADD".into(), key("delayed"), at.into(), member.clone().into()]);
                commands.push(vec![b"HSET".into(), key("messages"), member.into(), bytes]);
            }
            other => {
                let list = LISTS[[2, 2, 2, 2, 1, 3, 0, 4][other % 8]];
                commands.push(vec![b"LPUSH".into(), key(list), bytes]);
            }
        }
    }
    for chunk in commands.chunks(1_000) {
        client.pipeline(chunk).await.unwrap();
    }
}

/// All messages with their places: lists the oldest first, the others with their scores.
async fn dump(redis: &RedisServer) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut all = BTreeMap::new();
    for list in LISTS {
        all.insert(list.to_owned(), oldest_first(redis, &format!("queue:email:{list}")).await);
    }
    let reply = redis.command(&["HGETALL", "queue:email:messages"]).await;
    let pairs = reply.array().chunks(2).map(|pair| [pair[0].bytes(), b" = ", pair[1].bytes()].concat());
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort();
    all.insert("messages".to_owned(), pairs);
    for zset in ["processing", "delayed"] {
        let reply = redis.command(&["ZRANGE", &format!("queue:email:{zset}"), "0", "-1", "WITHSCORES"]).await;
        all.insert(zset.to_owned(), reply.array().iter().map(|value| value.bytes().to_vec()).collect());
    }
    all
}

async fn count(redis: &RedisServer) -> i64 {
    let mut count = redis.command(&["HLEN", "queue:email:messages"]).await.int();
    for list in LISTS {
        count += length(redis, &format!("queue:email:{list}")).await;
    }
    count
}

/// Nothing is left of an import but the messages.
async fn no_mark(redis: &RedisServer) {
    assert_eq!(redis.command(&["EXISTS", "queue:email:control"]).await.int(), 0);
}
