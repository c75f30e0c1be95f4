//! The real PM2 with the ecosystem file of `deploy/pm2`.

mod daemon;

use std::cell::Cell;
use std::time::Duration;

use redispatch_testkit::eventually;
use tokio::time::{interval, sleep};

use crate::queue::{Left, NOTHING};
use crate::site::{Channel, Email, Fault, Site};
use daemon::{LONG, Pm2};

const NAME: &str = "email-worker";

/// PM2 takes whatever ends in its first second for unstable, whoever ended it.
const STABLE: Duration = Duration::from_millis(1100);

/// `pm2` with the settings of the site's workers.
fn pm2<C: Channel>(site: &Site<C>, more: &[(&'static str, &str)]) -> Pm2 {
    let mut env = site.environment();
    env.extend(more.iter().map(|(name, value)| (*name, value.to_string())));
    Pm2::new(C::PROGRAM, env)
}

/// Waits until there are so many workers. One that ended well is forgotten.
async fn workers(site: &Site<Email>, count: i64) {
    let key = site.queue().key("workers");
    let now = async || site.redis.command(&["HLEN", &key]).await.int();
    eventually(&format!("{count} workers"), LONG, now, |now| *now == count).await;
}

/// Thousands of messages come in while four instances are replaced, become six, and three, and are replaced once more.
#[tokio::test]
#[ignore = "needs pm2: scripts/test deploy"]
async fn reloads_and_scaling_under_load_lose_nothing_and_crash_nothing() {
    let site = Site::<Email>::start().await;
    let pm2 = pm2(&site, &[]);
    pm2.run(&["start", &pm2.ecosystem(), "--only", NAME]).await;
    workers(&site, 4).await;
    let first = pm2.instances().await;

    let (pushed, done) = (Cell::new(0), Cell::new(false));
    let push = async |count: usize| {
        site.push(pushed.get()..pushed.get() + count).await;
        pushed.set(pushed.get() + count);
    };
    let operate = async {
        sleep(STABLE).await;
        // All four hold sends when they are told to stop.
        site.channel.script(Fault::Hold, 40);
        site.channel.held(40).await;
        let reload = pm2.run(&["reload", NAME, "--update-env"]);
        let release = async {
            pm2.logged(NAME, "worker_draining", 2).await;
            site.channel.behave();
            site.channel.release();
        };
        tokio::join!(reload, release);
        workers(&site, 4).await;
        for (before, now) in first.iter().zip(pm2.instances().await) {
            assert_eq!((now.status.as_str(), now.restarts, now.unstable), ("online", 1, 0), "{now:?}");
            assert_ne!(now.pid, before.pid, "replaced");
        }
        pm2.run(&["scale", NAME, "6"]).await;
        workers(&site, 6).await;
        pm2.run(&["scale", NAME, "3"]).await;
        workers(&site, 3).await;
        sleep(STABLE).await;
        pm2.run(&["reload", &pm2.ecosystem(), "--only", NAME, "--update-env"]).await;
        sleep(STABLE).await;
        pm2.run(&["restart", NAME]).await;
        done.set(true);
    };
    let load = async {
        let mut often = interval(Duration::from_millis(50));
        while !done.get() || pushed.get() < 4000 {
            often.tick().await;
            // As much as a slow machine gets through: the queue is to be neither empty nor endless.
            if site.queue().left().await.waiting < 500 {
                push(100).await;
            }
        }
    };
    tokio::join!(operate, load);
    site.all_sent_once(pushed.get()).await;
    for counter in ["taken_over", "stale_settles", "duplicates", "retried"] {
        assert_eq!(site.queue().counter(counter).await, 0, "{counter}");
    }
    let last = pm2.instances().await;
    assert_eq!(last.len(), 3);
    for instance in &last {
        assert_eq!((instance.status.as_str(), instance.unstable), ("online", 0), "{instance:?}");
    }

    pm2.run(&["stop", NAME]).await;
    assert!(pm2.instances().await.iter().all(|instance| instance.status == "stopped"));
    workers(&site, 0).await;
    // 4 reloaded, 3 taken away, 3 reloaded, 3 restarted, 3 stopped
    assert_eq!(pm2.exits(), [0; 16]);
    assert_eq!(pm2.killed(), 0);
    assert_eq!(site.queue().left().await, NOTHING);
}

/// Started again, it would end the same way.
#[tokio::test]
#[ignore = "needs pm2: scripts/test deploy"]
async fn unusable_settings_are_not_tried_again() {
    let site = Site::<Email>::start().await;
    let pm2 = pm2(&site, &[("MAX_RETRIES", "few")]);
    pm2.run(&["start", &pm2.ecosystem(), "--only", NAME]).await;
    eventually("all have ended", LONG, async || pm2.exits(), |exits| exits.len() == 4).await;
    // A restart would come after 1 s.
    sleep(Duration::from_secs(3)).await;
    assert_eq!((pm2.exits(), pm2.starts()), (vec![78; 4], 4));
    for instance in pm2.instances().await {
        assert_eq!((instance.pid, instance.restarts), (0, 0), "{instance:?}");
    }
    assert!(pm2.log(NAME).contains("MAX_RETRIES"), "the log says why");
}

/// What a crash costs is told elsewhere; here it is PM2's part.
#[tokio::test]
#[ignore = "needs pm2: scripts/test deploy"]
async fn a_killed_instance_comes_back() {
    let site = Site::<Email>::start().await;
    let pm2 = pm2(&site, &[("EMAIL_WORKERS", "1")]);
    pm2.run(&["start", &pm2.ecosystem(), "--only", NAME]).await;
    pm2.logged(NAME, "worker_ready", 1).await;
    pm2.kill_instance(&pm2.instances().await[0]);
    pm2.logged(NAME, "worker_ready", 2).await;
    site.push([0]).await;
    site.all_sent_once(1).await;
    assert_eq!(pm2.instances().await[0].restarts, 1);
    assert_eq!(site.queue().left().await, Left::default());
}
