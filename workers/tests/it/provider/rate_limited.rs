//! A rate limit over all workers of the queue, measured where the messages arrive.

use std::time::{Duration, Instant};

use redispatch_testkit::{LIMIT, eventually};
use serde_json::json;

use crate::site::{Channel, Sms, Twilio, number, stop};

use super::Site;

const TEN_A_SECOND: (&str, &str) = ("RATE_LIMIT_MAX", "10");
const SECOND: Duration = Duration::from_secs(1);

/// Twenty seconds of it, wanted within ninety: a machine that lets a worker wait for a tenth of a second bunches what
/// arrives.
#[tokio::test]
async fn three_workers_keep_to_ten_a_second() {
    let site = Site::start().await;
    let settings = [TEN_A_SECOND, ("CONCURRENCY", "1")];
    let workers = tokio::join!(site.worker(&settings), site.worker(&settings), site.worker(&settings));
    site.push(0..1000).await;
    // warm: each of the three has its connection open
    let connected = async || site.channel.server.connections();
    eventually("three connections", LIMIT, connected, |count| *count == 3).await;
    let warm = site.channel.server.count();
    let started = Instant::now();
    let mut measured = Measured::default();
    while !measured.holds() {
        assert!(started.elapsed() < 90 * SECOND, "never held for 20 s: {measured:?}");
        let next = warm + measured.arrivals.len();
        let requests = site.channel.server.requests(next + 1).await;
        requests[next..].iter().for_each(|request| measured.note(request.at));
    }
    let all = measured.arrivals[measured.arrivals.len() - 1] - measured.arrivals[0];
    let most = all.as_secs_f64() * 10.0 + 2.0;
    assert!(measured.arrivals.len() as f64 <= most, "{} in {all:?}", measured.arrivals.len());
    assert_eq!(site.channel.server.connections(), 3);
    for worker in [&workers.0, &workers.1, &workers.2] {
        assert!(!worker.events("message_sent").is_empty(), "each of them sends");
        stop(worker).await;
    }
    let left = site.queue().left().await;
    assert_eq!((left.waiting as usize, left.processing), (1000 - site.channel.server.count(), 0), "{left:?}");
}

#[derive(Debug, Default)]
struct Measured {
    arrivals: Vec<Instant>,
    /// Since this arrival there were never more than 11 within a second.
    since: usize,
}

impl Measured {
    fn note(&mut self, at: Instant) {
        self.arrivals.push(at);
        if let [.., first, _, _, _, _, _, _, _, _, _, _, last] = &self.arrivals[self.since..]
            && *last - *first <= SECOND
        {
            self.since = self.arrivals.len() - 11;
        }
    }

    /// For 20 s by now, and at least 9.5 a second on average.
    fn holds(&self) -> bool {
        let Some(last) = self.arrivals.last() else { return false };
        let from = last.checked_sub(20 * SECOND).expect("the machine runs for longer");
        let stretch = self.arrivals[self.since..].iter().filter(|at| **at >= from).count();
        self.arrivals[self.since] <= from && stretch >= 190
    }
}

/// At ten a second these would hold it up for minutes.
#[tokio::test]
async fn what_is_not_sent_takes_no_place() {
    let site = Site::start().await;
    let later = |n| json!({"to": number(n), "body": "later", "send_at": "2999-01-01T00:00:00Z"}).to_string();
    let bad = |n| json!({"to": number(n)}).to_string();
    let not_twilios = |n: usize| json!({"topic": true, "body": n.to_string()}).to_string();
    let messages =
        (0..1000).flat_map(|n| [later(n), bad(n), not_twilios(n)]).chain([Twilio::<Sms>::message(0)]);
    site.queue().push(&messages.collect::<Vec<_>>()).await;
    let worker = site.worker(&[TEN_A_SECOND]).await;
    site.channel.taken(1).await;
    stop(&worker).await;
    let left = site.queue().left().await;
    assert_eq!((left.delayed, left.dead, left.waiting, left.processing), (1000, 2000, 0, 0), "{left:?}");
}

/// What is to be sent later costs nothing of the limit.
#[tokio::test]
async fn an_urgent_message_passes_a_hundred_thousand_parked_ones() {
    let site = Site::start().await;
    let queue = site.queue();
    let later = |n| json!({"to": number(n), "body": "later", "send_at": "2999-01-01T00:00:00Z"}).to_string();
    let mut client = site.redis.connect().await;
    for chunk in (0..50_000).collect::<Vec<usize>>().chunks(1000) {
        let mut due = vec!["ZADD".to_owned(), queue.key("delayed")];
        due.extend(chunk.iter().flat_map(|n| ["32472144000000".to_owned(), format!("parked.{n}:p:0")]));
        let mut bytes = vec!["HSET".to_owned(), queue.key("messages")];
        bytes.extend(chunk.iter().flat_map(|n| [format!("parked.{n}:p:0"), later(*n)]));
        client.pipeline(&[due, bytes]).await.unwrap();
    }
    queue.push(&(50_000..100_000).map(later).collect::<Vec<_>>()).await;
    let worker = site.worker(&[TEN_A_SECOND]).await;
    // a message sent before, for the connection, and the limit in force
    queue.push_to("pending:high", &[Twilio::<Sms>::message(0)]).await;
    site.channel.taken(1).await;
    assert!(queue.left().await.waiting > 10_000, "most of them are still to be parked");

    let pushed = Instant::now();
    queue.push_to("pending:high", &[Twilio::<Sms>::message(1)]).await;
    let arrived = site.channel.server.requests(2).await[1].at;
    assert!(arrived - pushed < SECOND, "{:?}", arrived - pushed);

    stop(&worker).await;
    assert_eq!((site.channel.server.accepted().len(), queue.counter("sent").await), (2, 2));
    let left = queue.left().await;
    assert_eq!((left.waiting + left.delayed, left.processing, left.dead), (100_000, 0, 0), "{left:?}");
    assert_eq!(left.messages, left.delayed);
}
