use std::collections::HashMap;
use std::path::PathBuf;

use redispatch_testkit::Reply;
use redispatch_testkit::client::Client;
use redispatch_testkit::redis::RedisServer;

use super::call::{Ask, Call};

/// A queue on a server of its own, with the scripts loaded from disk.
pub(crate) struct Queue {
    pub(crate) server: RedisServer,
    pub(crate) client: Client,
    hashes: HashMap<&'static str, String>,
    /// Messages pushed, and those that a split made.
    pub(crate) pushed: i64,
}

/// What a claim answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Claimed {
    pub(crate) why: String,
    pub(crate) wait: i64,
    pub(crate) suspect: i64,
    pub(crate) takeovers: i64,
    /// Token and bytes.
    pub(crate) messages: Vec<(String, Vec<u8>)>,
}

impl Claimed {
    pub(crate) fn tokens(&self) -> Vec<&str> {
        self.messages.iter().map(|(token, _)| token.as_str()).collect()
    }

    /// The only token; panics where there are none or several.
    pub(crate) fn token(&self) -> &str {
        assert_eq!(self.messages.len(), 1, "{self:?}");
        &self.messages[0].0
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.messages.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
    }
}

pub(crate) const SCRIPTS: [&str; 28] = [
    "begin",
    "breaker",
    "cancel",
    "claim",
    "clean",
    "complete",
    "dead_letter",
    "dead_take",
    "dead_turn",
    "enqueue",
    "extend",
    "fire",
    "heartbeat",
    "import",
    "intake",
    "note",
    "orphans",
    "pause",
    "release",
    "reschedule",
    "resume",
    "retry",
    "schedule_add",
    "seek",
    "split",
    "stats",
    "sweep",
    "take_out",
];

/// `queue:email:NAME`
pub(crate) fn key(name: &str) -> String {
    format!("queue:email:{name}")
}

/// The status key of an id.
pub(crate) fn status(id: &str) -> String {
    key(&format!("status:{id}"))
}

/// A message that can be told from all others.
pub(crate) fn message(n: u64) -> String {
    format!(r#"{{"to":"a@example.com","n":{n}}}"#)
}

/// The files that a script is joined of; none where it is one file.
pub(crate) fn script_parts(name: &str) -> &'static [&'static str] {
    match name {
        "claim" => &["contract", "fence", "gates", "read", "takeover", "due", "lanes", "write"],
        "complete" => &["contract", "leave", "tell"],
        "dead_turn" => &["contract", "move"],
        _ => &[],
    }
}

/// The text of a script, joined of its parts where it has some.
pub(crate) fn script_text(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("lua");
    let read = |file: PathBuf| {
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    let parts = script_parts(name).iter().map(|part| read(folder.join(name).join(format!("{part}.lua"))));
    let joined: String = parts.collect();
    if joined.is_empty() { read(folder.join(format!("{name}.lua"))) } else { joined }
}

impl Queue {
    pub(crate) async fn start() -> Self {
        let server = RedisServer::start().await;
        let mut client = server.connect().await;
        let mut hashes = HashMap::new();
        for name in SCRIPTS {
            let reply = client.command(&["SCRIPT", "LOAD", &script_text(name)]).await.expect("an answer");
            hashes.insert(name, reply.text().to_owned());
        }
        Self { server, client, hashes, pushed: 0 }
    }

    /// One command of an operator's or producer's hand.
    pub(crate) async fn command<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Reply {
        self.client.command(args).await.expect("Redis answers")
    }

    /// Pushes into a lane as a producer does, in this order.
    pub(crate) async fn push(&mut self, list: &str, messages: &[String]) {
        let pushes: Vec<_> =
            messages.iter().map(|bytes| vec!["LPUSH".to_owned(), key(list), bytes.clone()]).collect();
        for reply in self.client.pipeline(&pushes).await.expect("Redis answers") {
            reply.int();
        }
        self.pushed += messages.len() as i64;
    }

    /// Pushes `count` messages that can be told apart into `pending`, numbered from 1.
    pub(crate) async fn push_many(&mut self, count: u64) {
        self.push("pending", &(1..=count).map(message).collect::<Vec<_>>()).await;
    }

    /// Runs a script; an error reply is a value.
    pub(crate) async fn run(&mut self, call: &Call) -> Reply {
        let mut args =
            vec!["EVALSHA".to_owned(), self.hashes[call.script].clone(), call.keys.len().to_string()];
        args.extend_from_slice(&call.keys);
        args.extend_from_slice(&call.args);
        self.command(&args).await
    }

    /// Runs a script that answers a list of words or tokens.
    pub(crate) async fn texts(&mut self, call: &Call) -> Vec<String> {
        self.run(call).await.array().iter().map(|value| value.text().to_owned()).collect()
    }

    /// Runs a settling script whose tokens are all in hand.
    pub(crate) async fn settle(&mut self, call: &Call) {
        assert_eq!(self.gone(call).await, 0, "{call:?}");
    }

    /// How many messages a settling script did not find in hand: `complete` answers their number, others their tokens.
    pub(crate) async fn gone(&mut self, call: &Call) -> usize {
        match self.run(call).await {
            Reply::Int(count) => count as usize,
            tokens => tokens.array().len(),
        }
    }

    pub(crate) async fn claim(&mut self, ask: &Ask) -> Claimed {
        let reply = self.run(&ask.call()).await;
        let values = reply.array();
        let messages =
            values[5..].chunks_exact(2).map(|pair| (pair[0].text().to_owned(), pair[1].bytes().to_vec()));
        Claimed {
            why: values[0].text().to_owned(),
            wait: values[1].int(),
            suspect: values[2].int(),
            takeovers: values[4].int(),
            messages: messages.collect(),
        }
    }

    /// Ms since 1970 by Redis's clock.
    pub(crate) async fn now(&mut self) -> i64 {
        let reply = self.command(&["TIME"]).await;
        let part = |n: usize| reply.array()[n].text().parse::<i64>().expect("a number");
        part(0) * 1000 + part(1) / 1000
    }

    /// Ends leases by an operator's hand, as if their time had passed.
    pub(crate) async fn lapse(&mut self, tokens: &[&str]) {
        for token in tokens {
            let changed = self.command(&["ZADD", &key("processing"), "XX", "CH", "1", token]).await;
            assert_eq!(changed.int(), 1, "{token} is not in hand");
        }
    }

    pub(crate) async fn counter(&mut self, name: &str) -> i64 {
        match self.command(&["HGET", &key("counters"), name]).await {
            Reply::Nil => 0,
            value => value.text().parse().expect("a number"),
        }
    }

    /// A field of the status of an id; empty where there is none.
    pub(crate) async fn state(&mut self, id: &str, field: &str) -> String {
        match self.command(&["HGET", &status(id), field]).await {
            Reply::Nil => String::new(),
            value => value.text().to_owned(),
        }
    }

    /// Ms a status is kept for; -1 for ever.
    pub(crate) async fn ttl(&mut self, id: &str) -> i64 {
        self.command(&["PTTL", &status(id)]).await.int()
    }

    pub(crate) async fn list(&mut self, name: &str) -> Vec<String> {
        let reply = self.command(&["LRANGE", &key(name), "0", "-1"]).await;
        reply.array().iter().map(|value| value.text().to_owned()).collect()
    }

    pub(crate) async fn members(&mut self, name: &str) -> Vec<String> {
        let reply = self.command(&["ZRANGE", &key(name), "0", "-1"]).await;
        reply.array().iter().map(|value| value.text().to_owned()).collect()
    }

    pub(crate) async fn score(&mut self, name: &str, member: &str) -> Option<i64> {
        match self.command(&["ZSCORE", &key(name), member]).await {
            Reply::Nil => None,
            value => Some(value.text().parse::<f64>().expect("a number") as i64),
        }
    }
}
