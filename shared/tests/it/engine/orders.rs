//! Orders about messages that workers are claiming: what was answered is what happens.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use redispatch::config::WorkerSettings;
use redispatch::keys::Lane;
use redispatch::queue::{Changed, Queue};
use redispatch::{Delivery, Failure, Outcome};
use redispatch_testkit::client::Client;
use redispatch_testkit::proxy::Proxy;
use redispatch_testkit::redis::RedisServer;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::account::{Account, until};
use super::kit::{Clock, PENDING, QUEUE, Running, key, sent, settings};
use super::scripts;

/// Orders at the same time.
const TASKS: usize = 16;

/// Under this name all that has no id.
const FILLER: &str = "";

/// What came of each id.
#[derive(Clone)]
struct Sends {
    clock: Clock,
    accepted: Arc<Mutex<Accepted>>,
}

/// For each id which copies the provider accepted, and when (ms since 1970).
type Accepted = HashMap<String, Vec<(i64, i64)>>;

impl Sends {
    /// A worker that gets everything accepted, what says `fails` at its second attempt.
    fn worker(&self, settings: WorkerSettings) -> Running {
        let sends = self.clone();
        Running::start(settings, move |delivery| {
            let outcome = sends.attempt(&delivery);
            async { outcome }
        })
    }

    fn attempt(&self, delivery: &Delivery) -> Outcome {
        let message: serde_json::Value = serde_json::from_slice(delivery.bytes()).expect("JSON");
        if message["fails"] == true && delivery.attempt() == 1 {
            return Outcome::Retry(Failure::new("not now"));
        }
        let id = message["id"].as_str().unwrap_or(FILLER).to_owned();
        let copy = message["copy"].as_i64().unwrap_or_default();
        self.accepted.lock().unwrap().entry(id).or_default().push((copy, self.clock.now()));
        sent()
    }
}

/// Whoever gives orders.
struct Office {
    queue: Queue,
    client: Client,
    clock: Clock,
    leads: Leads,
}

/// The start that orders have over the workers, by kind of round: after each cancel that came in time it is less, after
/// each that came too late it is more. So both win their share however fast the machine is.
type Leads = Arc<[AtomicI64; KINDS]>;

/// Longest lead, and longest wait.
const LEAD: i64 = 60;

/// What must have become of an id in the end.
#[derive(Debug, Default)]
struct Promise {
    /// Copies sent exactly once.
    once: Vec<i64>,
    /// A copy sent once at most.
    perhaps: Option<i64>,
    /// One of its copies, and only one, was sent.
    any: bool,
    /// Not before then, ms since 1970.
    not_before: i64,
    cancelled: bool,
}

impl Office {
    /// A plain push, behind `before` others.
    async fn raw(&mut self, id: &str, copy: i64, before: usize) {
        let text = text(id, copy, "");
        let push = [&["LPUSH", PENDING][..], &vec!["{}"; before], &[&text]].concat();
        self.client.command(&push).await.expect("Redis answers").int();
    }

    /// Work for the workers, so that what comes next waits.
    async fn hold_up(&mut self, before: usize) {
        if before > 0 {
            let push = [&["LPUSH", PENDING][..], &vec!["{}"; before]].concat();
            self.client.command(&push).await.expect("Redis answers").int();
        }
    }

    async fn enqueue(&self, id: &str, copy: i64, more: &str) -> bool {
        let messages = vec![text(id, copy, more).into()];
        self.queue.enqueue(Lane::Pending, messages).await.expect("an answer")[0].created
    }

    async fn cancel(&self, id: &str) -> Changed {
        self.queue.cancel(id, None).await.expect("an answer")
    }

    async fn reschedule(&self, id: &str, at: i64) -> Changed {
        self.queue.reschedule(id, at).await.expect("an answer")
    }

    /// Lets the workers get a little further, more or less.
    async fn wait(&mut self, n: usize) {
        for _ in 0..n {
            self.client.command(&["PING"]).await.expect("Redis answers");
        }
    }

    /// One message, and orders about it at once.
    async fn round(&mut self, n: usize, id: &str) -> Promise {
        let lead = self.leads[n % KINDS].load(Ordering::Relaxed);
        let promise = self.order(n, id, lead).await;
        let more = if promise.cancelled { lead - 1 } else { lead + 1 };
        self.leads[n % KINDS].store(more.clamp(-LEAD, LEAD), Ordering::Relaxed);
        promise
    }

    async fn order(&mut self, n: usize, id: &str, lead: i64) -> Promise {
        let later = self.clock.now() + 20;
        let before = lead.max(0) as usize;
        let pause = (-lead).max(0) as usize;
        match n % KINDS {
            0 => {
                self.hold_up(before).await;
                assert!(self.enqueue(id, 1, "").await);
                self.wait(pause).await;
                cancelled(self.cancel(id).await)
            }
            1 => {
                self.raw(id, 1, before).await;
                self.wait(pause).await;
                cancelled(self.cancel(id).await)
            }
            // Due at about the time of the order.
            2 => {
                let soon = self.clock.now() + lead;
                assert!(self.enqueue(id, 1, &format!(r#","send_at":{soon}"#)).await);
                self.wait(pause).await;
                cancelled(self.cancel(id).await)
            }
            3 => {
                assert!(self.enqueue(id, 1, "").await);
                self.wait(n / KINDS % 6).await;
                rescheduled(self.reschedule(id, later).await, later)
            }
            4 => {
                self.raw(id, 1, n / KINDS % 4 * 5).await;
                rescheduled(self.reschedule(id, later).await, later)
            }
            // Earlier: it would come in an hour.
            5 => {
                let hour = self.clock.now() + 3_600_000;
                assert!(self.enqueue(id, 1, &format!(r#","send_at":{hour}"#)).await);
                let changed = self.reschedule(id, later).await;
                assert_eq!(changed, Changed::Done);
                rescheduled(changed, later)
            }
            6 | 7 => {
                if n % KINDS == 6 {
                    self.hold_up(before).await;
                    assert!(self.enqueue(id, 1, "").await);
                } else {
                    self.raw(id, 1, before).await;
                }
                self.wait(pause).await;
                let mut promise = cancelled(self.cancel(id).await);
                let created = self.enqueue(id, 2, "").await;
                assert_eq!(created, promise.cancelled, "{promise:?}");
                promise.once.extend(created.then_some(2));
                promise
            }
            // A retry on its way.
            8 => {
                self.hold_up(before).await;
                assert!(self.enqueue(id, 1, r#","fails":true"#).await);
                self.wait(pause).await;
                cancelled(self.cancel(id).await)
            }
            9 => {
                self.raw(id, 1, before).await;
                self.raw(id, 2, 0).await;
                self.wait(pause).await;
                let promise = cancelled(self.cancel(id).await);
                Promise { once: vec![], any: !promise.cancelled, ..promise }
            }
            10 => {
                self.hold_up(before).await;
                assert!(self.enqueue(id, 1, "").await);
                self.wait(pause).await;
                let (changed, moved) = tokio::join!(self.cancel(id), self.reschedule(id, later));
                assert_ne!(moved, Changed::Dead);
                cancelled(changed)
            }
            _ => {
                assert!(self.enqueue(id, 1, "").await);
                self.wait(n / KINDS % 6).await;
                let again = self.queue.enqueue_again(Lane::Pending, vec![text(id, 2, "").into()]).await;
                let created = again.expect("an answer")[0].created;
                match created {
                    true => Promise { once: vec![2], perhaps: Some(1), ..Promise::default() },
                    false => Promise { once: vec![1], ..Promise::default() },
                }
            }
        }
    }
}

/// Kinds of [`Office::round`].
const KINDS: usize = 12;

fn text(id: &str, copy: i64, more: &str) -> String {
    format!(r#"{{"id":"{id}","copy":{copy}{more}}}"#)
}

fn cancelled(answer: Changed) -> Promise {
    match answer {
        Changed::Done => Promise { cancelled: true, ..Promise::default() },
        Changed::InHand | Changed::Sent => Promise { once: vec![1], ..Promise::default() },
        other => panic!("a message that is there is {other:?}"),
    }
}

fn rescheduled(answer: Changed, at: i64) -> Promise {
    match answer {
        Changed::Done => Promise { once: vec![1], not_before: at, ..Promise::default() },
        Changed::InHand | Changed::Sent => Promise { once: vec![1], ..Promise::default() },
        other => panic!("a message that is there is {other:?}"),
    }
}

/// The race: two workers that reach Redis at `url`, and orders at once until `count` rounds are over.
struct Race {
    redis: RedisServer,
    sends: Sends,
    rounds: watch::Sender<usize>,
}

impl Race {
    async fn start() -> Self {
        let redis = RedisServer::start().await;
        let sends = Sends { clock: Clock::of(&redis).await, accepted: Arc::default() };
        Self { redis, sends, rounds: watch::Sender::new(0) }
    }

    /// Gives every id with what must have become of it.
    async fn run(&self, url: &str, count: usize) -> BTreeMap<String, Promise> {
        let settings = WorkerSettings {
            concurrency: 2,
            // A line that was cut is noticed by what is asked on it.
            shutdown_timeout: std::time::Duration::from_secs(30),
            ..settings(url)
        };
        let workers = [self.sends.worker(settings.clone()), self.sends.worker(settings)];
        let mut offices = JoinSet::new();
        let leads = Leads::new(std::array::from_fn(|_| AtomicI64::new(0)));
        for task in 0..TASKS {
            let queue = Queue::new(QUEUE, &super::kit::settings(&self.redis.url())).expect("usable settings");
            let clock = self.sends.clock;
            let client = self.redis.connect().await;
            let mut office = Office { queue, client, clock, leads: leads.clone() };
            let rounds = self.rounds.clone();
            offices.spawn(async move {
                let mut promises = Vec::new();
                for n in (task..count).step_by(TASKS) {
                    let id = format!("id-{n:05}.{}", n % KINDS);
                    promises.push((id.clone(), office.round(n, &id).await));
                    rounds.send_modify(|rounds| *rounds += 1);
                }
                promises
            });
        }
        let promises: BTreeMap<_, _> = offices.join_all().await.into_iter().flatten().collect();
        assert_eq!(promises.len(), count);
        let end = until(&self.redis, "nothing on its way", |now| now.is_dry()).await;
        for worker in workers {
            worker.stop().await;
        }
        self.check(&end, &promises).await;
        promises
    }

    async fn check(&self, end: &Account, promises: &BTreeMap<String, Promise>) {
        let mut sends = self.sends.accepted.lock().unwrap().clone();
        let accepted = sends.values().map(Vec::len).sum::<usize>();
        for (id, promise) in promises {
            let (mut copies, times): (Vec<_>, Vec<_>) =
                sends.remove(id).unwrap_or_default().into_iter().unzip();
            let all = format!("{id}: copies {copies:?} at {times:?}, {promise:?}");
            if promise.any {
                assert_eq!(copies.len(), 1, "{all}");
            } else {
                if let Some(early) = promise.perhaps.and_then(|copy| copies.iter().position(|it| *it == copy))
                {
                    copies.remove(early);
                }
                assert_eq!(copies, promise.once, "{all}");
            }
            assert!(times.iter().all(|at| *at >= promise.not_before), "{all}");
        }
        sends.remove(FILLER);
        assert!(sends.is_empty(), "nobody pushed {sends:?}");
        assert!(end.dead.is_empty(), "{:?}", end.dead);
        assert_eq!(end.counter("sent"), accepted as i64);
        let cancelled = promises.values().filter(|promise| promise.cancelled).count();
        assert_eq!(end.counter("cancelled"), cancelled as i64);
        self.check_statuses(promises).await;
    }

    /// What Redis says of each id, for a while and not for ever.
    async fn check_statuses(&self, promises: &BTreeMap<String, Promise>) {
        let mut client = self.redis.connect().await;
        let ask = |id: &String| {
            let status = key(&format!("status:{id}"));
            [vec!["HGET".to_owned(), status.clone(), "state".into()], vec!["PTTL".into(), status]]
        };
        let asked: Vec<_> = promises.keys().flat_map(ask).collect();
        let answers = client.pipeline(&asked).await.expect("Redis answers");
        for ((id, promise), answer) in promises.iter().zip(answers.chunks_exact(2)) {
            let state = if promise.once.is_empty() && !promise.any { "cancelled" } else { "sent" };
            assert_eq!(answer[0].text(), state, "{id}: {promise:?}");
            assert!(answer[1].int() > 0, "{id}: its status stays for ever, {promise:?}");
        }
    }
}

/// How many of the ids `kind` of rounds was given had this said of them.
fn answered(promises: &BTreeMap<String, Promise>, kind: usize, cancelled: bool) -> usize {
    let kind = format!(".{kind}");
    promises.iter().filter(|(id, promise)| id.ends_with(&kind) && promise.cancelled == cancelled).count()
}

#[tokio::test]
async fn ten_thousand_orders_race_against_claims() {
    let race = Race::start().await;
    let promises = race.run(&race.redis.url(), 10_000).await;
    // Each side was the faster one often enough, or this would show nothing.
    for kind in [0, 1, 2, 6, 7, 8, 9, 10] {
        let (won, lost) = (answered(&promises, kind, true), answered(&promises, kind, false));
        assert!(won > 10 && lost > 10, "kind {kind}: {won} cancelled, {lost} not");
    }
}

/// What workers ask stays on the way for a while, and now and then never arrives or is never answered: whatever lies
/// between claim and begin, begin and settle is wide open.
#[tokio::test]
async fn orders_race_against_workers_whose_line_is_slow_and_cut() {
    const COUNT: usize = 2_000;
    let race = Race::start().await;
    let proxy = Proxy::start(race.redis.addr());
    let begun = proxy.watch(scripts::hash(&race.redis, scripts::BEGIN).await);
    let trouble = async {
        for time in 1.. {
            begun.wait_seen(begun.seen() + 1 + time % 3).await;
            proxy.black_hole();
            let rounds = COUNT.min(*race.rounds.borrow() + 3 * TASKS);
            race.rounds.subscribe().wait_for(|now| *now >= rounds).await.expect("it lives");
            if time % 2 == 0 {
                proxy.cut();
            }
            proxy.restore();
            if rounds == COUNT {
                break;
            }
        }
        std::future::pending().await
    };
    let url = proxy.url();
    let promises = tokio::select! {
        promises = race.run(&url, COUNT) => promises,
        never = trouble => never,
    };
    let won = promises.values().filter(|promise| promise.cancelled).count();
    assert!(won > 100, "{won}");
}
