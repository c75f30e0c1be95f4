//! Thousands of enqueues of the same ids, from everywhere at once, while workers are killed.

use std::collections::{BTreeMap, BTreeSet};

use redispatch::config::WorkerSettings;
use redispatch::keys::Lane;
use redispatch::queue::Queue;
use redispatch_testkit::Reply;
use redispatch_testkit::client::Client;
use tokio::task::JoinSet;

use super::{NOTHING, PENDING, SHORT_LEASE, Site, header, stop};

const ENQUEUES: usize = 10_000;
const IDS: usize = 1_000;
const TASKS: usize = 20;
const KILLS: usize = 8;
const CONCURRENCY: usize = 10;

/// Each id ten times, some at once and some much later: five through the library, five by a plain push. Gives how many
/// copies that made.
async fn enqueue(queue: &Queue, client: &mut Client, nth: usize) -> usize {
    let (block, copy) = (nth / 10, nth % 10);
    let behind = 3 * copy + 100 * copy.saturating_sub(5);
    let id = (block + IDS - behind) % IDS;
    let message = format!(r#"{{"id":"order-{id}","to":"a{id}@example.com","subject":"s","body":"{nth}"}}"#);
    if (block + behind + copy).is_multiple_of(2) {
        client.command(&["LPUSH", PENDING, &message]).await.unwrap().int();
        return 1;
    }
    let enqueued = queue.enqueue(Lane::Pending, vec![message.into()]).await.unwrap();
    usize::from(enqueued[0].created)
}

/// Nobody is missing. Nobody gets two mails but where a worker was killed between the server's accept and its settle:
/// at most one for each send that a killed worker had under way.
#[tokio::test]
async fn ten_thousand_enqueues_of_a_thousand_ids_while_workers_are_killed() {
    let site = Site::start().await;
    // Whoever is killed eight times is no poison here.
    let concurrency = CONCURRENCY.to_string();
    let settings = [SHORT_LEASE, ("MAX_CRASHES", "100"), ("CONCURRENCY", concurrency.as_str())];
    let other = site.worker(&settings).await;
    let mut doomed = site.worker(&settings).await;
    let mut producers = JoinSet::new();
    for task in 0..TASKS {
        let queue = Queue::new("email", &WorkerSettings::new(site.redis.url().parse().unwrap())).unwrap();
        let mut client = site.redis.connect().await;
        producers.spawn(async move {
            let mut copies = 0;
            for nth in (task..ENQUEUES).step_by(TASKS) {
                copies += enqueue(&queue, &mut client, nth).await;
            }
            copies
        });
    }
    for kill in 0..KILLS {
        doomed.wait_for_events("message_sent", 20 + 7 * kill).await;
        doomed.sigkill();
        doomed = site.worker(&settings).await;
    }
    let copies: usize = producers.join_all().await.into_iter().sum();
    assert_eq!(site.settled().await, 0);
    stop(&doomed).await;
    stop(&other).await;

    // Every copy ended in one way.
    assert_eq!(site.left().await, NOTHING);
    assert_eq!(site.counter("sent").await, IDS as u64);
    assert_eq!(site.counter("duplicates").await, (copies - IDS) as u64, "of {copies} copies");
    let mut mails = BTreeMap::new();
    for mail in site.smtp.received(IDS).await {
        *mails.entry(header(&mail, "Message-ID")).or_insert(0usize) += 1;
    }
    let everybody: BTreeSet<_> = (0..IDS).map(|id| format!("<order-{id}@example.com>")).collect();
    assert_eq!(mails.keys().cloned().collect::<BTreeSet<_>>(), everybody);
    let twice = mails.values().sum::<usize>() - IDS;
    let taken_over = site.counter("taken_over").await as usize;
    assert!(twice <= taken_over && taken_over <= KILLS * CONCURRENCY, "{twice} of {taken_over}");

    let keys = site.redis.command(&["KEYS", "*"]).await;
    let mut kept: BTreeSet<_> = keys.array().iter().map(Reply::text).collect();
    for id in 0..IDS {
        let status = format!("queue:email:status:order-{id}");
        assert!(kept.remove(status.as_str()), "{status}");
        assert_eq!(site.redis.command(&["HGET", &status, "state"]).await.text(), "sent", "{status}");
    }
    let known =
        ["claims", "control", "counters", "recent", "workers"].map(|name| format!("queue:email:{name}"));
    kept.retain(|key| *key != "queue:queues" && !known.iter().any(|known| known == key));
    assert!(kept.is_empty(), "left behind: {kept:?}");
}
