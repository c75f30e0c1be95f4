//! email-worker where Redis is more than one server, and one of them dies under load.

mod cluster;
mod sentinel;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use redispatch_testkit::client::Client;
use redispatch_testkit::process::Worker;
use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::smtp::SmtpServer;
use redispatch_testkit::{LIMIT, Reply, eventually};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::site::stop;

const PROGRAM: &str = env!("CARGO_BIN_EXE_email-worker");
const WORKERS: usize = 3;
const CONCURRENCY: usize = 10;
const LEASE: Duration = Duration::from_secs(3);

/// What workers have in hand at most: those that are being sent, and as many that are being settled.
const IN_HAND: usize = 2 * WORKERS * CONCURRENCY;

/// What may be taken over though nobody died but Redis. A storm would take over all that three workers have in hand.
const LEFT_BEHIND: i64 = CONCURRENCY as i64;

/// Messages the producer pushes before the test has looked at them.
const AHEAD: usize = 1000;

/// Six servers and three workers a test leave little room for others.
static AT_A_TIME: Semaphore = Semaphore::const_new(2);

/// Workers that send to one SMTP server.
struct Fleet {
    _turn: SemaphorePermit<'static>,
    smtp: SmtpServer,
    workers: Vec<Worker>,
}

impl Fleet {
    async fn start(url: &str) -> Self {
        Self::with_lease(LEASE, url).await
    }

    async fn with_lease(lease: Duration, url: &str) -> Self {
        let turn = AT_A_TIME.acquire().await.expect("never closed");
        let smtp = SmtpServer::start().await;
        let (port, concurrency) = (smtp.port().to_string(), CONCURRENCY.to_string());
        let lease = lease.as_millis().to_string();
        let settings = [
            ("REDIS_URL", url),
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", &port),
            ("SMTP_TLS", "none"),
            ("SMTP_FROM", "sender@example.com"),
            ("CONCURRENCY", &concurrency),
            ("PROCESSING_TIMEOUT_MS", &lease),
            ("POLL_INTERVAL_MS", "200"),
            ("LOG_FORMAT", "json"),
        ];
        let workers: Vec<_> = (0..WORKERS).map(|_| Worker::start(PROGRAM, &[], &settings)).collect();
        for worker in &workers {
            worker.wait_for_event("worker_ready").await;
        }
        Self { _turn: turn, smtp, workers }
    }

    /// How often each recipient got a mail, once all of `wanted` have.
    async fn mails(&self, wanted: &BTreeSet<usize>) -> BTreeMap<usize, usize> {
        let counted = async || {
            let mut mails = BTreeMap::new();
            for mail in self.smtp.received(0).await {
                let to = mail.recipients[0].strip_prefix('r').and_then(|to| to.split('@').next());
                *mails.entry(to.unwrap().parse().unwrap()).or_insert(0) += 1;
            }
            mails
        };
        eventually("every mail", LIMIT, counted, |mails| wanted.iter().all(|n| mails.contains_key(n))).await
    }

    async fn stop(self) {
        for worker in &self.workers {
            stop(worker).await;
        }
    }
}

/// Somebody who pushes messages to where the primary is, as fast as its answers come.
struct Producer {
    primary: watch::Sender<(SocketAddr, usize)>,
    pushed: mpsc::Receiver<Pushed>,
    task: JoinHandle<()>,
}

/// A message, by its number, and whether it is safe: what a dying primary said it had taken may never have reached a
/// replica.
type Pushed = (usize, bool);

impl Producer {
    /// Begins at `primary`. A message is safe there once `replicas` have it.
    fn start(list: &str, primary: SocketAddr, replicas: usize) -> Self {
        Self::start_at(0, list, primary, replicas)
    }

    /// The same with numbers from `n`.
    fn start_at(mut n: usize, list: &str, primary: SocketAddr, replicas: usize) -> Self {
        let (primary, mut now) = watch::channel((primary, replicas));
        let (tell, pushed) = mpsc::channel(AHEAD);
        let list = list.to_owned();
        let task = tokio::spawn(async move {
            loop {
                let (addr, replicas) = *now.borrow_and_update();
                if let Ok(mut client) = Client::connect(addr).await {
                    while let Ok(safe) = push(&mut client, &list, n, replicas).await {
                        if tell.send((n, safe)).await.is_err() {
                            return;
                        }
                        n += 1;
                        if !safe {
                            break;
                        }
                    }
                }
                // Nobody knows what became of it.
                let _ = tell.send((n, false)).await;
                n += 1;
                if now.changed().await.is_err() {
                    return;
                }
            }
        });
        Self { primary, pushed, task }
    }

    /// Goes on at another primary.
    fn goes_to(&self, primary: SocketAddr, replicas: usize) {
        self.primary.send_replace((primary, replicas));
    }

    /// The next `count` that are safe.
    async fn safe(&mut self, count: usize) -> BTreeSet<usize> {
        let mut safe = BTreeSet::new();
        while safe.len() < count {
            let (n, is_safe) = self.pushed.recv().await.expect("it pushes");
            if is_safe {
                safe.insert(n);
            }
        }
        safe
    }

    /// All that are safe of those it has pushed so far.
    fn safe_so_far(&mut self) -> BTreeSet<usize> {
        let all = std::iter::from_fn(|| self.pushed.try_recv().ok());
        all.filter_map(|(n, is_safe)| is_safe.then_some(n)).collect()
    }

    async fn stop(mut self) -> BTreeSet<usize> {
        self.task.abort();
        let _ = (&mut self.task).await;
        self.safe_so_far()
    }
}

async fn push(client: &mut Client, list: &str, n: usize, replicas: usize) -> std::io::Result<bool> {
    let message = format!(r#"{{"to":"r{n}@example.com","subject":"s","body":"b"}}"#);
    let pushed = client.command(&["LPUSH", list, &message]).await?;
    if !matches!(pushed, Reply::Int(_)) {
        return Err(std::io::ErrorKind::ConnectionRefused.into());
    }
    if replicas == 0 {
        return Ok(true);
    }
    let reached = client.command(&["WAIT", &replicas.to_string(), "1000"]).await?;
    Ok(matches!(reached, Reply::Int(reached) if reached >= replicas as i64))
}

/// Where the messages of a queue are, counted at one instant.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    waiting: i64,
    processing: i64,
    delayed: i64,
    messages: i64,
    dead: i64,
    /// Tokens whose lease is over.
    lapsed: i64,
    taken_over: i64,
}

async fn left(redis: &RedisServer, base: &str) -> Left {
    const COUNT: &str = "local left, time = {}, redis.call('TIME')
        for i = 1, 5 do left[i] = redis.call('LLEN', KEYS[i]) end
        for i = 6, 7 do left[i] = redis.call('ZCARD', KEYS[i]) end
        left[8] = redis.call('HLEN', KEYS[8])
        left[9] = redis.call('ZCOUNT', KEYS[6], '-inf', time[1] * 1000)
        left[10] = tonumber(redis.call('HGET', KEYS[9], 'taken_over') or 0)
        return left";
    const KEYS: [&str; 9] = [
        "pending",
        "pending:high",
        "pending:low",
        "claimed",
        "dead_letter",
        "processing",
        "delayed",
        "messages",
        "counters",
    ];
    let keys = KEYS.iter().map(|name| format!("{base}:{name}"));
    let command = ["EVAL".to_owned(), COUNT.to_owned(), KEYS.len().to_string()].into_iter().chain(keys);
    let reply = redis.command(&command.collect::<Vec<_>>()).await;
    let count = |n: usize| reply.array()[n].int();
    Left {
        waiting: (0..4).map(count).sum(),
        dead: count(4),
        processing: count(5),
        delayed: count(6),
        messages: count(7),
        lapsed: count(8),
        taken_over: count(9),
    }
}

/// What became of everything after a failover that began at `killed`.
async fn account(fleet: Fleet, redis: &RedisServer, base: &str, safe: &BTreeSet<usize>) {
    let dry = |left: &Left| left.waiting + left.processing + left.delayed == 0;
    let end = eventually("a dry queue", LIMIT, async || left(redis, base).await, dry).await;
    assert_eq!((end.messages, end.dead), (0, 0), "{end:?}");
    assert!(end.taken_over <= LEFT_BEHIND, "{end:?}");
    let mails = fleet.mails(safe).await;
    let twice = mails.values().map(|times| times - 1).sum::<usize>();
    assert!(mails.values().all(|times| *times <= 2) && twice <= IN_HAND, "{twice} of {} twice", mails.len());
    fleet.stop().await;
}

/// One lease after the new primary served, what workers hold is renewed there. Only what was settled with the old one's
/// last words, which no replica heard, is taken over then.
async fn nothing_is_stuck(redis: &RedisServer, base: &str, since: Instant) {
    tokio::time::sleep_until(since + LEASE).await;
    let in_order = |now: &Left| now.lapsed == 0 && now.taken_over <= LEFT_BEHIND;
    eventually("no lapsed lease", LEASE, async || left(redis, base).await, in_order).await;
}
