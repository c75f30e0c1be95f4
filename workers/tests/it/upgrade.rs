//! The worker of an earlier version beside this one, on one queue: `scripts/test upgrade`.

use std::collections::BTreeSet;

use redispatch_testkit::process::Worker;

use crate::queue::NOTHING;
use crate::site::{Channel as _, Email, Fault, Site, stop};

const CONCURRENCY: usize = 5;

const SETTINGS: [(&str, &str); 4] =
    [("CONCURRENCY", "5"), ("MAX_RETRIES", "20"), ("PROCESSING_TIMEOUT_MS", "1500"), ("SMTP_POOL_SIZE", "5")];

/// Two versions: their programs.
fn versions() -> [String; 2] {
    let earlier = std::env::var("REDISPATCH_EARLIER_WORKER");
    [earlier.expect("the path of an earlier email-worker"), Email::PROGRAM.to_owned()]
}

/// Messages to these recipients; every other one has an id, and of those every other one is there twice.
async fn push(site: &Site<Email>, recipients: std::ops::Range<usize>) {
    let message = |n: usize| {
        let with_id = Email::message(n).replacen('{', &format!(r#"{{"id":"order-{n}","#), 1);
        match n % 4 {
            0 => vec![with_id.clone(), with_id],
            2 => vec![with_id],
            _ => vec![Email::message(n)],
        }
    };
    site.queue().push(&recipients.flat_map(message).collect::<Vec<_>>()).await;
}

/// Slow enough for both to have a share.
const SLOW: &[(&str, &str)] = &[("RATE_LIMIT_MAX", "200")];

async fn start(site: &Site<Email>, program: &str, settings: &[(&str, &str)]) -> Worker {
    let own = site.environment();
    let own: Vec<_> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let worker = Worker::start(program, &[], &[&own[..], &SETTINGS, settings].concat());
    worker.wait_for_event("worker_ready").await;
    worker
}

/// One worker after another is exchanged for one of this version, and back.
#[tokio::test]
#[ignore = "needs the worker of an earlier version: scripts/test upgrade"]
async fn workers_are_exchanged_one_after_another_and_back() {
    let [earlier, this] = versions();
    let site = Site::<Email>::start().await;
    let mut workers = [start(&site, &earlier, SLOW).await, start(&site, &earlier, SLOW).await];
    push(&site, 0..800).await;
    site.channel.script(Fault::Later, 50);
    let mut seen = 0;
    for program in [&this, &earlier] {
        for worker in &mut workers {
            seen += 100;
            site.channel.taken(seen).await;
            let other = start(&site, program, SLOW).await;
            stop(&std::mem::replace(worker, other)).await;
        }
    }
    site.all_sent_once(800).await;
    for worker in &workers {
        stop(worker).await;
    }
}

/// Each version takes over what the other one had in hand when it was killed.
#[tokio::test]
#[ignore = "needs the worker of an earlier version: scripts/test upgrade"]
async fn workers_of_both_versions_are_killed() {
    const COUNT: usize = 4000;
    const KILLS: usize = 4;
    let versions = versions();
    let site = Site::<Email>::start().await;
    let mut workers = [start(&site, &versions[0], &[]).await, start(&site, &versions[1], &[]).await];
    push(&site, 0..COUNT).await;
    site.channel.script(Fault::Later, 50);
    for kill in 0..KILLS {
        site.channel.taken(COUNT / 10 * (kill + 1)).await;
        let (worker, program) = (&mut workers[kill % 2], &versions[kill % 2]);
        worker.sigkill();
        *worker = start(&site, program, &[]).await;
    }
    site.queue().wait_for(NOTHING).await;
    let mails = site.channel.taken(COUNT).await;
    let reached: BTreeSet<_> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(reached.len(), COUNT, "some were lost");
    for worker in &workers {
        stop(worker).await;
    }
    // What was accepted by the provider and not yet settled is sent again.
    let (sent, most) = (mails.len(), COUNT + KILLS * 2 * CONCURRENCY);
    assert!(sent <= most, "{sent} mails");
    assert!(site.queue().counter("taken_over").await > 0, "nothing was in hand at any kill");
    assert_eq!(site.queue().counter("orphans").await, 0);
}
