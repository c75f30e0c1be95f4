use sha1::{Digest as _, Sha1};

use super::queue::{key, status};

/// One run of a script: its name, KEYS and ARGV.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) script: &'static str,
    pub(crate) keys: Vec<String>,
    pub(crate) args: Vec<String>,
}

/// How long `status` is kept in these tests, ms.
pub(crate) const RETENTION: u64 = 600_000;

/// The log of an attempt that failed.
const LOG: &str = r#"[{"at":"2026-01-01T00:00:00Z","error":"no route"}]"#;

impl Call {
    pub(super) fn new(script: &'static str, names: &[&str], args: &[&str]) -> Self {
        let keys = names.iter().map(|name| key(name)).collect();
        Self { script, keys, args: args.iter().map(ToString::to_string).collect() }
    }

    pub(super) fn id(&mut self, id: &str) {
        if !id.is_empty() {
            self.keys.push(status(id));
        }
    }

    pub(super) fn arg(mut self, values: &[&str]) -> Self {
        self.args.extend(values.iter().map(ToString::to_string));
        self
    }

    /// The same call once more, said to be a repetition.
    pub(crate) fn again(&self) -> Self {
        let mut again = self.clone();
        match self.script {
            "complete" | "retry" | "split" | "dead_letter" | "release" => again.args[0] = "1".into(),
            "claim" => again.args[8] = "1".into(),
            _ => {}
        }
        again
    }
}

/// The arguments of `claim`.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) start: String,
    pub(crate) seq: u64,
    pub(crate) first: u64,
    pub(crate) room: u64,
    pub(crate) cap: u64,
    pub(crate) lease: u64,
    pub(crate) alone: bool,
    pub(crate) takeover: bool,
    pub(crate) again: bool,
    pub(crate) woken: &'static str,
    /// µs between two messages; 0 for no rate limit.
    pub(crate) interval: u64,
    pub(crate) used: i64,
    pub(crate) fresh: bool,
}

impl Ask {
    pub(crate) fn again(&self) -> Self {
        Self { again: true, ..self.clone() }
    }

    pub(crate) fn call(&self) -> Call {
        let flag = |on: bool| u8::from(on).to_string();
        let args = vec![
            self.start.clone(),
            self.seq.to_string(),
            self.first.to_string(),
            self.room.to_string(),
            self.cap.to_string(),
            self.lease.to_string(),
            flag(self.alone),
            if self.takeover { "9999999999999" } else { "0" }.to_owned(),
            flag(self.again),
            self.woken.to_owned(),
            self.interval.to_string(),
            self.used.to_string(),
            flag(self.fresh),
            redispatch::keys::LAYOUT.to_string(),
        ];
        let names = [
            "processing",
            "messages",
            "delayed",
            "claimed",
            "pending:high",
            "pending",
            "pending:low",
            "control",
            "claims",
            "counters",
        ];
        Call { args, ..Call::new("claim", &names, &[]) }
    }
}

pub(crate) fn begin(messages: &[(&str, &str)]) -> Call {
    let stamped: Vec<_> = messages.iter().map(|(token, id)| (*token, *id, "")).collect();
    begin_stamped(&stamped)
}

/// Token, id and stamp of each.
pub(crate) fn begin_stamped(messages: &[(&str, &str, &str)]) -> Call {
    let names = ["processing", "messages", "counters"];
    let mut call = Call::new("begin", &names, &[&RETENTION.to_string()]);
    for (token, id, stamp) in messages {
        call.id(id);
        call = call.arg(&[token, stamp]);
    }
    call
}

/// Token and id (empty for none) of each; those with an id have something to tell.
pub(crate) fn complete(messages: &[(&str, &str)]) -> Call {
    complete_as(messages, false)
}

/// Token and id (empty for none) of each; `bare` ones with an id have nothing to tell but that they were sent.
pub(crate) fn complete_as(messages: &[(&str, &str)], bare: bool) -> Call {
    let names = ["processing", "messages", "counters", "recent", "control"];
    let (plain, named): (Vec<_>, Vec<_>) = messages.iter().partition(|(_, id)| id.is_empty());
    let (bare, told) = if bare { (named, Vec::new()) } else { (Vec::new(), named) };
    let [count, bares] = [plain.len(), bare.len()].map(|n| n.to_string());
    let mut call = Call::new("complete", &names, &["0", &RETENTION.to_string(), &count, &count, &bares]);
    let entry = |token: &str| format!(r#"{{"id":"{token}","state":"sent"}}"#);
    for (token, id) in plain.iter().chain(&bare) {
        call.id(id);
        call = call.arg(&[token]);
    }
    for (token, _) in plain.iter().chain(&bare) {
        call = call.arg(&[&entry(token)]);
    }
    for (token, id) in told {
        call.id(id);
        call = call.arg(&[token, &entry(token), "provider's own", "1", ""]);
    }
    call
}

/// What a job in hand says of itself.
pub(crate) fn note(token: &str, id: &str, progress: &str, line: &str) -> Call {
    let mut call = Call::new("note", &["messages"], &[token, progress, line]);
    call.id(id);
    call
}

/// Lines of `recent` and their ids, of messages in `state` since before a time at the latest.
pub(crate) fn clean(state: &str, before: i64, messages: &[(&str, &str)]) -> Call {
    let mut call = Call::new("clean", &["recent"], &[state, &before.to_string()]);
    for (line, id) in messages {
        call.id(id);
        call = call.arg(&[line]);
    }
    call
}

/// Kind `retry` with a delay, or `park` with a time, in ms. Empty bytes keep those under the token.
pub(crate) fn retry(kind: &str, time: u64, messages: &[(&str, &str, &str)]) -> Call {
    let names = ["processing", "messages", "delayed", "counters"];
    let mut call = Call::new("retry", &names, &["0", &RETENTION.to_string()]);
    for (token, id, bytes) in messages {
        call.id(id);
        let member = member(token);
        call = call.arg(&[token, &member, kind, &time.to_string(), bytes, has(id), "no route", "1", LOG]);
    }
    call
}

/// The member of `delayed` for a token: its reference, lane and crashes.
pub(crate) fn member(token: &str) -> String {
    token.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")
}

pub(crate) fn dead_letter(reason: &str, messages: &[(&str, &str, &str)]) -> Call {
    let names = ["processing", "messages", "dead_letter", "counters", "recent"];
    let mut call = Call::new("dead_letter", &names, &["0", &RETENTION.to_string()]);
    for (token, id, bytes) in messages {
        call.id(id);
        let entry = format!(r#"{{"id":"{token}","state":"dead"}}"#);
        call = call.arg(&[token, bytes, &entry, reason, has(id), "user unknown", "1", LOG]);
    }
    call
}

/// The one letter at `place` from the right.
pub(crate) fn dead_take(place: u64, bytes: &str, action: &str, id: &str) -> Call {
    let args = [
        "OOOOOOOOOOO",
        &place.to_string(),
        bytes,
        action,
        r#"{"n":8,"edited":true}"#,
        &RETENTION.to_string(),
    ];
    let mut call = Call::new("dead_take", &["dead_letter", "pending", "control"], &args);
    call.id(id);
    call
}

/// The owner of the turns of [`dead_turn`].
pub(crate) const OWNER: &str = "OOOOOOOOOOO";

/// `entries` from the right end, of which those chosen (place, where to, id) leave.
pub(crate) fn dead_turn(step: i64, entries: &[String], chosen: &[(usize, &str, &str)]) -> Call {
    let names = ["dead_letter", "control", "pending:high", "pending", "pending:low", "counters"];
    let last = entries.last().map_or(String::new(), |bytes| fingerprint(bytes));
    let (step, count) = (step.to_string(), entries.len().to_string());
    let args = [OWNER, "10000", step.as_str(), count.as_str(), last.as_str(), &RETENTION.to_string()];
    let mut call = Call::new("dead_turn", &names, &args);
    for (place, to, id) in chosen {
        call.id(id);
        call = call.arg(&[&place.to_string(), &fingerprint(&entries[place - 1]), to, has(id)]);
    }
    call
}

fn fingerprint(text: &str) -> String {
    let (head, tail) = (&text[..text.len().min(4096)], &text[text.len().saturating_sub(4096)..]);
    format!("{:x}", Sha1::digest(format!("{}:{head}{tail}", text.len())))
}

/// Of the pause that ends then, or of any.
pub(crate) fn resume(only: &str) -> Call {
    Call::new("resume", &["control"], &[only])
}

/// Place, name, bytes and id of each.
pub(crate) fn import(before: &str, after: &str, messages: &[(&str, &str, &str, &str)]) -> Call {
    let names = [
        "processing",
        "messages",
        "delayed",
        "claimed",
        "pending:high",
        "pending",
        "pending:low",
        "dead_letter",
        "control",
    ];
    let mut call = Call::new("import", &names, &[before, after, &RETENTION.to_string()]);
    for (place, name, bytes, id) in messages {
        call.id(id);
        call = call.arg(&[place, name, "1900000000000", bytes, has(id)]);
    }
    call
}

/// `lasts` in ms.
pub(crate) fn pause(lasts: i64, note: &str) -> Call {
    Call::new("pause", &["control"], &[&lasts.to_string(), note])
}

/// Token, lane, bytes (empty for those under the token) and id of each, newest first.
pub(crate) fn release(throttle: u64, messages: &[(&str, &str, &str, &str)]) -> Call {
    let names = ["processing", "messages", "control", "counters", "pending:high", "pending", "pending:low"];
    let mut call = Call::new("release", &names, &["0", &RETENTION.to_string(), &throttle.to_string()]);
    for (token, lane, bytes, id) in messages {
        call.id(id);
        call = call.arg(&[token, lane, bytes, has(id), "0"]);
    }
    call
}

/// A release of one message that lets the one in front of its lane go first.
pub(crate) fn release_second(throttle: u64, message: (&str, &str, &str, &str)) -> Call {
    let mut call = release(throttle, &[message]);
    *call.args.last_mut().expect("its last argument") = "1".to_owned();
    call
}

/// Token, kind and whether it is its last try, of each. Pauses of 1 s to 8 s.
pub(crate) fn breaker(messages: &[(&str, &str, bool)]) -> Call {
    let mut call = Call::new("breaker", &["control", "counters"], &["1000", "8000"]);
    for (token, kind, last) in messages {
        call = call.arg(&[token, kind, if *last { "1" } else { "0" }, "refused"]);
    }
    call
}

/// A split after somebody was served. Kind, member, delay, bytes and id of each part.
pub(crate) fn split(token: &str, id: &str, parts: &[(&str, &str, u64, &str, &str)]) -> Call {
    split_to("sent", token, id, parts)
}

/// A split that leaves the original in `state`.
pub(crate) fn split_to(state: &str, token: &str, id: &str, parts: &[(&str, &str, u64, &str, &str)]) -> Call {
    let names = ["processing", "messages", "delayed", "dead_letter", "counters", "recent"];
    let entry = format!(r#"{{"id":"{token}","state":"{state}"}}"#);
    let entry = if state == "delayed" { "" } else { &entry };
    let fixed = ["0", &RETENTION.to_string(), token, has(id), state, entry, "1", LOG];
    let mut call = Call::new("split", &names, &fixed);
    call.keys.push(status(id));
    call.keys.push(key("control"));
    for (kind, member, delay, bytes, id) in parts {
        call.id(id);
        call = call.arg(&[kind, member, &delay.to_string(), bytes, has(id)]);
    }
    call
}

pub(crate) fn extend(lease: u64, tokens: &[&str]) -> Call {
    extend_marked(lease, 0, tokens)
}

/// The first `marked` tokens must not be sent again.
pub(crate) fn extend_marked(lease: u64, marked: usize, tokens: &[&str]) -> Call {
    let fixed = [lease.to_string(), marked.to_string()];
    Call::new("extend", &["processing", "messages"], &[&fixed[0], &fixed[1]]).arg(tokens)
}

pub(crate) fn sweep(cursor: &str, lease: u64, longest: u64) -> Call {
    let args = [cursor, "1000", &lease.to_string(), &longest.to_string(), "0"];
    Call::new("sweep", &["processing", "messages", "delayed"], &args)
}

pub(crate) fn orphans(zset: &str, other: &str, cursor: &str, remove: bool) -> Call {
    let remove = if remove { "1" } else { "0" };
    Call::new("orphans", &[zset, other, "messages", "counters"], &[cursor, "500", remove])
}

/// A firing of the instant `at` (ms), as its caller has read definition and last firing. Empty bytes drop it.
pub(crate) fn fire(name: &str, definition: &str, last: &str, at: i64, lane: &str, bytes: &str) -> Call {
    let lane = match lane {
        "h" => "pending:high",
        "l" => "pending:low",
        _ => "pending",
    };
    let args = [name, definition, last, &at.to_string(), &RETENTION.to_string(), bytes];
    let mut call = Call::new("fire", &["schedules", "control", "counters", lane], &args);
    call.id(&format!("cron:{name}:{at}"));
    call
}

pub(crate) fn schedule_add(name: &str, definition: &str) -> Call {
    Call::new("schedule_add", &["schedules"], &[name, definition])
}

/// An empty beat says that the worker stops.
pub(crate) fn heartbeat(worker: &str, start: &str, beat: &str) -> Call {
    Call::new("heartbeat", &["workers", "claims"], &[worker, start, beat])
}

pub(crate) fn stats() -> Call {
    let names = [
        "processing",
        "delayed",
        "dead_letter",
        "claimed",
        "pending:high",
        "pending",
        "pending:low",
        "counters",
        "control",
    ];
    Call::new("stats", &names, &[])
}

fn has(id: &str) -> &'static str {
    if id.is_empty() { "0" } else { "1" }
}
