//! How often Redis is asked.

use std::cell::Cell;

use futures::future::join_all;
use redispatch_testkit::redis::{Monitor, RedisServer};

use super::super::server::Server;
use super::stream::Stream;

/// Waits for the next look at all queues; gives when it was (s), and how many commands came since the last one.
async fn look(monitor: &mut Monitor) -> (f64, usize) {
    let commands = Cell::new(0);
    let line = monitor.wait_for(|line| {
        commands.set(commands.get() + 1);
        line.to_lowercase().contains(r#""info" "memory""#)
    });
    let at = line.await.split(' ').next().and_then(|at| at.parse().ok());
    (at.expect("a time in front"), commands.get())
}

/// The fewest commands of a look, and the shortest time between two, of four.
async fn measure(redis: &RedisServer) -> (usize, f64) {
    let mut monitor = redis.monitor().await;
    let (mut last, _) = look(&mut monitor).await;
    let (mut fewest, mut shortest) = (usize::MAX, f64::MAX);
    for _ in 0..4 {
        let (at, commands) = look(&mut monitor).await;
        (fewest, shortest) = (fewest.min(commands), shortest.min(at - last));
        last = at;
    }
    (fewest, shortest)
}

#[tokio::test]
async fn a_hundred_who_listen_cost_redis_what_one_does() {
    let redis = RedisServer::start().await;
    let server = Server::start(&redis, &[("QUEUES", "email,sms")]).await;
    let _one = Stream::open(server.addr).await;
    let (alone, _) = measure(&redis).await;
    let mut many = join_all((0..100).map(|_| Stream::open(server.addr))).await;
    let (together, shortest) = measure(&redis).await;
    assert_eq!(alone, together);
    assert!(shortest > 0.8, "a look every {shortest} s");
    let heard = join_all(many.iter_mut().map(Stream::overview)).await;
    assert!(heard.iter().all(|overview| overview["redis"]["up"] == true), "all of them are told");
}
