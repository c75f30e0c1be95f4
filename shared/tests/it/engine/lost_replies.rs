//! Redis executes a script and nobody hears of it: once with the connection closed, once with it hanging.

use std::time::Duration;

use redispatch::config::WorkerSettings;
use redispatch::keys::Lane;
use redispatch::queue::Queue;
use redispatch::{Failure, Outcome, Part, Verdict};
use redispatch_testkit::proxy::{Proxy, Rule, Then};
use redispatch_testkit::redis::RedisServer;

use super::account::{account, all_sent, until};
use super::kit::{Desk, QUEUE, Running, Sending, key, push_each, settings};
use super::scripts;

/// A worker with four messages in hand, or about to claim them, that will lose the next reply to `script`.
struct Line {
    redis: RedisServer,
    desk: Desk,
    worker: Running,
    lost: Rule,
    _proxy: Proxy,
}

async fn line(script: &str, then: Then) -> Line {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    push_each(&redis, &key("pending"), (0..4).map(|n| format!(r#"{{"n":{n},"id":"{n}"}}"#))).await;
    let lost = proxy.lose_reply(scripts::hash(&redis, script).await, then);
    let desk = Desk::new();
    let worker = desk.worker(settings(&proxy.url()));
    Line { redis, desk, worker, lost, _proxy: proxy }
}

macro_rules! both {
    ($($name:ident)*) => { $(mod $name {
        #[tokio::test]
        async fn closed() { super::$name(super::Then::Close).await }
        #[tokio::test]
        async fn hanging() { super::$name(super::Then::Hang).await }
    })* };
}

both! { claim begin complete retry dead_letter release split extend enqueue heartbeat }

/// Whatever was lost, all four are sent once, no crash and no stale settle is counted.
async fn accept_all(line: &mut Line) {
    line.desk.accept(4).await;
    line.lost.struck().await;
    all_sent(&line.redis, 4, || line.desk.log.numbers()).await;
}

async fn claim(then: Then) {
    let mut line = line(scripts::CLAIM, then).await;
    accept_all(&mut line).await;
    line.worker.stop().await;
}

async fn begin(then: Then) {
    let mut line = line(scripts::BEGIN, then).await;
    accept_all(&mut line).await;
    line.worker.stop().await;
}

async fn complete(then: Then) {
    let mut line = line(scripts::COMPLETE, then).await;
    accept_all(&mut line).await;
    line.worker.stop().await;
}

async fn retry(then: Then) {
    let mut line = line(scripts::RETRY, then).await;
    line.desk.take(4).await.into_iter().for_each(Sending::fail);
    line.lost.struck().await;
    for sending in line.desk.take(4).await {
        assert_eq!(sending.delivery.attempt(), 2);
        sending.accept();
    }
    let end = until(&line.redis, "all sent", |now| now.is_dry() && now.counter("sent") == 4).await;
    end.adds_up(4, &line.desk.log.numbers());
    end.counters_are(&[("sent", 4), ("retried", 4)]);
    line.worker.stop().await;
}

async fn dead_letter(then: Then) {
    let mut line = line(scripts::DEAD_LETTER, then).await;
    let reject = |sending: Sending| sending.answer(Outcome::Reject(Failure::new("refused")));
    line.desk.take(4).await.into_iter().for_each(reject);
    line.lost.struck().await;
    let end = until(&line.redis, "all given up", |now| now.is_dry() && now.dead.len() == 4).await;
    // The settler hears of it only now; another settle shows that it went on.
    push_each(&line.redis, &key("pending"), std::iter::once(r#"{"n":4}"#.to_owned())).await;
    assert_eq!(line.desk.accept(1).await, [4]);
    end.adds_up(4, &[]);
    let end = until(&line.redis, "one sent", |now| now.counter("sent") == 1).await;
    end.adds_up(5, &[4]);
    end.counters_are(&[("dead_lettered", 4), ("sent", 1)]);
    line.worker.stop().await;
}

async fn release(then: Then) {
    let mut line = line(scripts::RELEASE, then).await;
    line.desk.take(4).await.into_iter().for_each(|sending| sending.answer(Outcome::Unconfirmed));
    accept_all(&mut line).await;
    line.worker.stop().await;
}

async fn split(then: Then) {
    let mut line = line(scripts::SPLIT, then).await;
    let part = |verdict, name: &str| Part {
        recipients: vec![name.to_owned()],
        verdict,
        failure: Failure::new("refused"),
    };
    for sending in line.desk.take(4).await {
        sending.answer(Outcome::Split {
            served: true,
            parts: vec![part(Verdict::Retry, "later"), part(Verdict::Reject, "never")],
        });
    }
    line.lost.struck().await;
    for rest in line.desk.take(4).await {
        assert_eq!(rest.delivery.recipients(), Some(["later".to_owned()].as_slice()));
        assert_eq!(rest.delivery.attempt(), 2);
        rest.accept();
    }
    let end = until(&line.redis, "all sent", |now| now.is_dry() && now.counter("sent") == 8).await;
    let mut dead: Vec<_> = end.dead.iter().map(|letter| super::kit::number(letter.as_bytes())).collect();
    dead.sort_unstable();
    assert_eq!(dead, [0, 1, 2, 3]);
    assert!(end.dead.iter().all(|letter| letter.contains(r#""recipients":["never"]"#)), "{end:?}");
    end.counters_are(&[("sent", 8), ("retried", 4), ("dead_lettered", 4)]);
    line.worker.stop().await;
}

async fn extend(then: Then) {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let hash = scripts::hash(&redis, scripts::EXTEND).await;
    let lost = proxy.lose_reply(&hash, then);
    let renewals = proxy.watch(&hash);
    super::kit::push_numbers(&redis, 4).await;
    let (mut desk, mut idle) = (Desk::new(), Desk::new());
    let lease = Duration::from_millis(4_500);
    let worker = desk.worker(WorkerSettings { lease, ..settings(&proxy.url()) });
    let held = desk.take(4).await;
    let other = idle.worker(WorkerSettings { lease: Duration::from_millis(100), ..settings(&redis.url()) });
    lost.struck().await;
    renewals.wait_seen(2).await;
    held.into_iter().for_each(Sending::accept);
    all_sent(&redis, 4, || desk.log.numbers()).await;
    assert!(idle.is_empty());
    worker.stop().await;
    other.stop().await;
}

async fn enqueue(then: Then) {
    let redis = RedisServer::start().await;
    let proxy = Proxy::start(redis.addr());
    let lost = proxy.lose_reply(scripts::hash(&redis, scripts::ENQUEUE).await, then);
    let queue = Queue::new(QUEUE, &settings(&proxy.url())).unwrap();
    let messages: Vec<_> = (0..4).map(|n| format!(r#"{{"n":{n},"id":"{n}"}}"#).into()).collect();
    assert!(queue.enqueue(Lane::High, messages.clone()).await.is_err());
    lost.struck().await;
    let again = queue.enqueue(Lane::High, messages).await.unwrap();
    assert!(again.iter().all(|message| !message.created), "{again:?}");
    let end = account(&redis).await;
    end.adds_up(4, &[]);
    end.counters_are(&[("enqueued", 4)]);
}

async fn heartbeat(then: Then) {
    let mut line = line(scripts::HEARTBEAT, then).await;
    line.lost.struck().await;
    accept_all(&mut line).await;
    assert_eq!(line.redis.command(&["HLEN", &key("workers")]).await.int(), 1);
    line.worker.stop().await;
    assert_eq!(line.redis.command(&["HLEN", &key("workers")]).await.int(), 0);
}
