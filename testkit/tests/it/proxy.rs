use std::io;
use std::time::Duration;

use redispatch_testkit::LIMIT;
use redispatch_testkit::client::Client;
use redispatch_testkit::proxy::{Proxy, Then};
use redispatch_testkit::redis::RedisServer;
use tokio::time::timeout;

use crate::Reply;

const SCRIPT: &str = "return redis.call('INCR', KEYS[1])";
const SOON: Duration = Duration::from_millis(100);

struct Line {
    redis: RedisServer,
    proxy: Proxy,
    client: Client,
    sha: String,
}

async fn line() -> Line {
    let redis = RedisServer::start().await;
    let sha = redis.command(&["SCRIPT", "LOAD", SCRIPT]).await.text().to_owned();
    let proxy = Proxy::start(redis.addr());
    let client = Client::connect(proxy.addr()).await.expect("the proxy takes a connection");
    Line { redis, proxy, client, sha }
}

fn incr(sha: &str) -> Vec<&str> {
    vec!["EVALSHA", sha, "1", "n"]
}

#[tokio::test]
async fn exactly_the_reply_asked_for_is_lost() {
    let Line { redis, proxy, mut client, sha } = line().await;
    assert_eq!(client.command(&incr(&sha)).await.unwrap().int(), 1);
    let lost = proxy.lose_reply(&sha, Then::Close);
    // what was asked before it in the same packet is still answered
    let pipelined = client.pipeline(&[vec!["PING"], vec!["SCRIPT", "EXISTS", &sha], incr(&sha)]).await;
    assert_eq!(pipelined.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    lost.struck().await;
    assert_eq!(redis.command(&["GET", "n"]).await.text(), "2", "executed, though nobody heard");

    let mut again = Client::connect(proxy.addr()).await.unwrap();
    assert_eq!(again.command(&incr(&sha)).await.unwrap().int(), 3, "one call, one loss");
    assert_eq!(lost.seen(), 2);
}

#[tokio::test]
async fn replies_before_the_lost_one_arrive_and_the_connection_can_hang() {
    let Line { redis, proxy, client: mut bystander, sha } = line().await;
    let lost = proxy.lose_reply(&sha, Then::Hang);
    let mut client = Client::connect(proxy.addr()).await.unwrap();
    assert_eq!(client.command(&["PING"]).await.unwrap().text(), "PONG");
    assert!(timeout(SOON, client.command(&incr(&sha))).await.is_err());
    lost.struck().await;
    assert!(timeout(SOON, client.command(&["SET", "x", "1"])).await.is_err());
    assert_eq!(bystander.command(&["EXISTS", "x", "n"]).await.unwrap().int(), 1, "n alone");
    proxy.cut();
    assert!(client.command(&["PING"]).await.is_err());
    assert_eq!(redis.command(&["GET", "n"]).await.text(), "1");
}

#[tokio::test]
async fn a_script_redis_does_not_know_was_not_executed_and_is_not_the_one_meant() {
    let Line { redis, proxy, mut client, sha } = line().await;
    redis.command(&["SCRIPT", "FLUSH"]).await;
    let lost = proxy.lose_reply(&sha, Then::Close);
    let refused = client.command(&incr(&sha)).await.unwrap();
    assert!(matches!(&refused, Reply::Error(text) if text.starts_with("NOSCRIPT")), "{refused:?}");
    client.command(&["SCRIPT", "LOAD", SCRIPT]).await.unwrap();
    assert!(client.command(&incr(&sha)).await.is_err());
    lost.struck().await;
    assert_eq!(redis.command(&["GET", "n"]).await.text(), "1");
}

#[tokio::test]
async fn a_request_can_be_executed_late() {
    let Line { redis, proxy, mut client, sha } = line().await;
    let held = proxy.hold_request(&sha, Then::Close);
    assert!(client.command(&incr(&sha)).await.is_err());
    held.struck().await;
    assert_eq!(redis.command(&["EXISTS", "n"]).await.int(), 0, "not yet");
    let mut again = Client::connect(proxy.addr()).await.unwrap();
    assert_eq!(again.command(&incr(&sha)).await.unwrap().int(), 1);
    assert_eq!(held.release().await.int(), 2);
}

#[tokio::test]
async fn what_was_asked_before_a_held_request_is_executed_and_what_came_after_is_not() {
    let Line { redis, proxy, mut client, sha } = line().await;
    let held = proxy.hold_request(&sha, Then::Hang);
    let commands = [vec!["SET", "before", "1"], incr(&sha), vec!["SET", "after", "1"]];
    assert!(timeout(SOON, client.pipeline(&commands)).await.is_err());
    held.struck().await;
    redis.wait_until(&["EXISTS", "before"], |reply| reply.int() == 1, LIMIT).await;
    assert_eq!(redis.command(&["EXISTS", "after", "n"]).await.int(), 0);
}

#[tokio::test]
async fn requests_are_counted_whatever_packets_they_come_in() {
    let Line { redis: _redis, proxy, mut client, sha: _ } = line().await;
    let (pushes, all) = (proxy.watch("LPUSH"), proxy.watch("list"));
    let big = "x".repeat(300_000);
    let commands: Vec<_> =
        (0..20).flat_map(|_| [vec!["LPUSH", "list", &big], vec!["LLEN", "list"]]).collect();
    let replies = client.pipeline(&commands).await.unwrap();
    assert_eq!(replies.last().map(Reply::int), Some(20));
    assert_eq!((pushes.seen(), all.seen()), (20, 40));
    let back = client.command(&["LRANGE", "list", "0", "-1"]).await.unwrap();
    assert!(back.array().iter().all(|value| value.text() == big));
}

#[tokio::test]
async fn refused_and_restored() {
    let Line { redis: _redis, proxy, mut client, sha: _ } = line().await;
    proxy.refuse();
    assert!(client.command(&["PING"]).await.is_err());
    let mut refused = Client::connect(proxy.addr()).await.unwrap();
    assert!(refused.command(&["PING"]).await.is_err());
    proxy.restore();
    let mut client = Client::connect(proxy.addr()).await.unwrap();
    assert_eq!(client.command(&["PING"]).await.unwrap().text(), "PONG");
}

#[tokio::test]
async fn in_a_black_hole_nothing_moves_and_then_it_arrives() {
    let Line { redis, proxy, mut client, sha } = line().await;
    proxy.black_hole();
    let script = incr(&sha);
    let mut late = Box::pin(client.command(&script));
    assert!(timeout(SOON, &mut late).await.is_err());
    assert_eq!(redis.command(&["EXISTS", "n"]).await.int(), 0);
    proxy.restore();
    assert_eq!(late.await.unwrap().int(), 1);
}

#[tokio::test]
async fn a_dead_redis_closes_the_connections_and_a_new_one_is_found() {
    let Line { mut redis, proxy, mut client, sha: _ } = line().await;
    redis.kill();
    assert!(client.command(&["PING"]).await.is_err());
    redis.restart().await;
    let mut client = Client::connect(proxy.addr()).await.unwrap();
    assert_eq!(client.command(&["PING"]).await.unwrap().text(), "PONG");
}

#[tokio::test]
#[should_panic(expected = "nothing with \"never\" came within 50ms (seen: 0)")]
async fn a_fault_that_does_not_strike_stops_the_test() {
    let Line { redis: _redis, proxy, client: _client, sha: _ } = line().await;
    proxy.lose_reply("never", Then::Close).struck_within(Duration::from_millis(50)).await;
}
