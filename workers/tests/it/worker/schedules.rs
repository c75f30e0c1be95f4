//! A minute of schedules, with workers killed at random: each firing once.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use redispatch::clock;
use redispatch::config::WorkerSettings;
use redispatch::queue::{Missed, Queue, Schedule};
use redispatch_testkit::process::Worker;
use redispatch_testkit::{LIMIT, eventually};

use super::{NOTHING, SHORT_LEASE, Site, message_to, stop};

const WORKERS: usize = 5;

/// How long workers are killed.
const TRIAL: Duration = Duration::from_secs(60);

/// Every kill may hit the same message; none of them is poison.
const SETTINGS: [(&str, &str); 3] = [SHORT_LEASE, ("MAX_CRASHES", "1000"), ("EMAIL_TRANSPORT", "null")];

#[tokio::test(flavor = "multi_thread")]
async fn five_workers_killed_at_random_for_a_minute_fire_each_second_once() {
    let seed = clock::unix_ms();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let site = Site::start().await;
    let settings = WorkerSettings::new(site.redis.url().parse().unwrap());
    let queue = Queue::new("email", &settings).unwrap();
    let start = || site.worker_at(&site.redis.url(), &SETTINGS);
    let mut workers: Vec<Worker> = (0..WORKERS).map(|_| start()).collect();
    for worker in &workers {
        worker.wait_for_event("worker_ready").await;
    }
    let end = queue.client().clock().await.unwrap() + TRIAL.as_millis() as i64;
    let mut expected = BTreeMap::new();
    for (name, missed) in [("one", Missed::One), ("all", Missed::All)] {
        let schedule =
            Schedule { end: Some(end), missed, ..Schedule::new(name, "* * * * * *", message_to(name)) };
        queue.add_schedule(&schedule).await.unwrap();
        let listed = queue.schedules().await.unwrap();
        let added = listed.iter().find(|one| one.name == name).and_then(|one| one.last).unwrap();
        let first = added - added.rem_euclid(1000) + 1000;
        let id = |at| format!("cron:{name}:{}", clock::rfc3339(at as u64).replace(".000Z", "Z"));
        expected.extend((first..=end).step_by(1000).map(|at| (id(at), 1)));
    }

    let mut kills = 0;
    while queue.client().clock().await.unwrap() < end {
        let now = queue.client().clock().await.unwrap();
        // Half of them right when something fires.
        let wait = match random.random() {
            true => 1000 - now.rem_euclid(1000) + random.random_range(0..6),
            false => random.random_range(20..600),
        };
        tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
        // Now and then nobody is left for a while.
        let hit =
            if random.random_ratio(1, 12) { 0..WORKERS } else { one_of(random.random_range(0..WORKERS)) };
        for worker in &mut workers[hit.clone()] {
            worker.sigkill();
            kills += 1;
        }
        if hit.len() > 1 {
            tokio::time::sleep(Duration::from_millis(random.random_range(0..3_000))).await;
        }
        for worker in &mut workers[hit] {
            *worker = start();
        }
    }

    let sent = async || site.counter("sent").await;
    eventually("all sent", 2 * LIMIT, sent, |sent| *sent >= expected.len() as u64).await;
    assert_eq!(site.settled().await, 0);
    let mut fired = BTreeMap::new();
    for ended in queue.recent().await.unwrap() {
        assert_eq!(ended.state, "sent");
        *fired.entry(ended.id).or_insert(0) += 1;
    }
    assert!(expected.len() > 2 * 58, "{}", expected.len());
    assert_eq!(fired, expected, "seed {seed}");
    let counted =
        [site.counter("enqueued").await, site.counter("sent").await, site.counter("duplicates").await];
    assert_eq!(counted, [expected.len() as u64, expected.len() as u64, 0], "seed {seed}, {kills} kills");
    assert_eq!(site.left().await, NOTHING);
    eprintln!("{} firings, {kills} kills, {} takeovers", fired.len(), site.counter("taken_over").await);
    for worker in &workers {
        worker.wait_for_event("worker_ready").await;
        stop(worker).await;
    }
}

fn one_of(n: usize) -> std::ops::Range<usize> {
    n..n + 1
}
