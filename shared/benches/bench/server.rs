//! A Redis of the measurement's own, filled, watched and asked what it spent.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use redispatch_testkit::client::Client;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::{Monitor, RedisServer};
use redispatch_testkit::{LIMIT, Reply};
use tokio::time::sleep;

use crate::process::{cpu_seconds, resident_mib};

/// Commands that Redis was sent, as opposed to those that run inside scripts.
const SENT: [&str; 7] = ["evalsha", "eval", "brpoplpush", "ping", "hello", "auth", "select"];
const SENT_KINDS: [&str; 3] = ["client|", "script|", "config|"];

/// Messages `ARGV[1]` to `ARGV[2]` that are to be sent tomorrow.
const SCHEDULE: &str = "
local due = (redis.call('TIME')[1] + 86400) * 1000
for n = tonumber(ARGV[1]), ARGV[2] - 1 do
  local member = 'FFFFFFFFFFF.' .. n .. ':p:0'
  redis.call('ZADD', KEYS[1], due, member)
  redis.call('HSET', KEYS[2], member, ARGV[3])
end";

pub(crate) struct Server {
    server: RedisServer,
    client: Client,
    aof: bool,
}

/// What Redis has spent since it started.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time, µs, its background threads included.
    pub(crate) cpu_us: f64,
    /// Commands that came over connections.
    pub(crate) commands: f64,
    /// The same and those inside scripts.
    pub(crate) all_commands: f64,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
}

/// How a worker fared that emptied a queue.
pub(crate) struct Emptied {
    /// Messages a second.
    pub(crate) rate: f64,
    /// Its CPU, µs a message.
    pub(crate) cpu_us: f64,
    /// Its resident memory at the end.
    pub(crate) mib: f64,
}

impl Server {
    pub(crate) async fn start(aof: bool) -> Self {
        let server = if aof {
            let settings =
                ["--appendonly", "yes", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage", "0"];
            RedisServer::with(&settings).await
        } else {
            RedisServer::start().await
        };
        let client = server.connect().await;
        Self { server, client, aof }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    pub(crate) async fn connect(&self) -> Client {
        self.server.connect().await
    }

    pub(crate) async fn monitor(&self) -> Monitor {
        self.server.monitor().await
    }

    pub(crate) async fn ask<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Reply {
        match self.client.command(args).await.expect("Redis answers") {
            Reply::Error(error) => panic!("Redis refuses: {error}"),
            reply => reply,
        }
    }

    pub(crate) async fn info(&mut self, section: &str) -> String {
        self.ask(&["INFO", section]).await.text().to_owned()
    }

    /// Schedules `count` messages for tomorrow, and waits until the disk has them.
    pub(crate) async fn schedule(&mut self, queue: &str, count: usize) {
        let [delayed, messages] = ["delayed", "messages"].map(|name| format!("queue:{queue}:{name}"));
        for start in (0..count).step_by(50_000) {
            let numbers = [start, count.min(start + 50_000)].map(|n| n.to_string());
            let keys = [delayed.as_str(), &messages];
            self.ask(
                &[&["EVAL", SCHEDULE, "2"][..], &keys, &[&numbers[0], &numbers[1], &message(0)]].concat(),
            )
            .await;
        }
        self.flushed().await;
    }

    /// Pushes `count` messages, and waits until the disk has them.
    pub(crate) async fn fill(&mut self, queue: &str, count: usize, message: impl Fn(usize) -> String) {
        let key = format!("queue:{queue}:pending");
        let messages: Vec<usize> = (0..count).collect();
        for chunk in messages.chunks(1000) {
            let mut push = vec!["LPUSH".to_owned(), key.clone()];
            push.extend(chunk.iter().map(|n| message(*n)));
            self.ask(&push).await;
        }
        self.flushed().await;
    }

    async fn flushed(&mut self) {
        if self.aof {
            // The write that follows is answered only when everything before it is on disk.
            self.ask(&["CONFIG", "SET", "appendfsync", "always"]).await;
            self.ask(&["SET", "flushed", "1"]).await;
            self.ask(&["CONFIG", "SET", "appendfsync", "everysec"]).await;
        }
    }

    /// What a worker that `start` starts needs, from the first one it takes of the `count` that wait until all are
    /// counted as sent.
    pub(crate) async fn emptied(
        &mut self,
        queue: &str,
        count: usize,
        start: impl FnOnce() -> Worker,
    ) -> Emptied {
        let before = self.sent(queue).await;
        let worker = start();
        while self.ask(&["LLEN", &format!("queue:{queue}:pending")]).await.int() == count as i64 {
            sleep(Duration::from_millis(1)).await;
        }
        let started = Instant::now();
        while self.sent(queue).await < before + count {
            sleep(Duration::from_millis(1)).await;
            assert!(started.elapsed() < 4 * LIMIT, "not sent in time; the worker says: {:?}", worker.log());
        }
        Emptied {
            rate: count as f64 / started.elapsed().as_secs_f64(),
            cpu_us: cpu_seconds(worker.pid()) * 1e6 / count as f64,
            mib: resident_mib(worker.pid()),
        }
    }

    async fn sent(&mut self, queue: &str) -> usize {
        match self.ask(&["HGET", &format!("queue:{queue}:counters"), "sent"]).await {
            Reply::Nil => 0,
            count => count.text().parse().unwrap(),
        }
    }

    /// Waits until `count` connections sleep in a blocking command.
    pub(crate) async fn asleep(&mut self, count: usize) {
        let wanted = format!("blocked_clients:{count}\r\n");
        while !self.info("clients").await.contains(&wanted) {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn usage(&mut self) -> Usage {
        let info = self.info("all").await;
        let field = |name: &str| -> f64 {
            let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(0.0)
        };
        let calls = info.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let sent = SENT.contains(&name) || SENT_KINDS.iter().any(|kind| name.starts_with(kind));
            sent.then(|| rest.split(',').next()?.parse::<f64>().ok())?
        });
        Usage {
            cpu_us: (field("used_cpu_user") + field("used_cpu_sys")) * 1e6,
            commands: calls.sum(),
            all_commands: field("total_commands_processed"),
            bytes_in: field("total_net_input_bytes"),
            bytes_out: field("total_net_output_bytes"),
        }
    }
}

impl Usage {
    /// What was spent since `earlier`, for each of `count`.
    pub(crate) fn since(self, earlier: Self, count: usize) -> Self {
        let each = |later: f64, earlier: f64| (later - earlier) / count as f64;
        Self {
            cpu_us: each(self.cpu_us, earlier.cpu_us),
            commands: each(self.commands, earlier.commands),
            all_commands: each(self.all_commands, earlier.all_commands),
            bytes_in: each(self.bytes_in, earlier.bytes_in),
            bytes_out: each(self.bytes_out, earlier.bytes_out),
        }
    }
}

/// A message of 250 bytes without an id.
pub(crate) fn message(_: usize) -> String {
    padded(r#"{"to":"user@example.com","subject":"Measured","body":""#, 250)
}

/// A message of 250 bytes with an id of its own.
pub(crate) fn message_with_id(n: usize) -> String {
    padded(&format!(r#"{{"id":"order-{n:010}","to":"user@example.com","subject":"Measured","body":""#), 250)
}

/// A mail whose body is 1 KB.
pub(crate) fn mail(_: usize) -> String {
    mail_after(r#"{"#)
}

/// The same, with an id that no other mail of this run has.
pub(crate) fn mail_with_id(_: usize) -> String {
    static LAST: AtomicUsize = AtomicUsize::new(0);
    mail_after(&format!(r#"{{"id":"order-{:010}","#, LAST.fetch_add(1, Relaxed)))
}

fn mail_after(start: &str) -> String {
    let start = format!(r#"{start}"to":"user@example.com","subject":"Measured","body":""#);
    let line = "As people write in their mails: words, one line after the other.\\r\\n";
    // `\r\n` is four bytes here and two in the mail
    let lines = line.repeat(1024 / (line.len() - 2));
    let rest = 1024 % (line.len() - 2);
    format!("{start}{lines}{}\"}}", "x".repeat(rest))
}

/// An SMS whose text is 100 characters.
pub(crate) fn sms(n: usize) -> String {
    padded(&format!(r#"{{"to":"+4915100{n:06}","body":""#), 133)
}

fn padded(start: &str, size: usize) -> String {
    format!("{start}{}\"}}", "x".repeat(size - start.len() - 2))
}
