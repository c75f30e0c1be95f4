use std::time::Duration;

use redispatch_testkit::redis::RedisServer;
use redispatch_testkit::{LIMIT, eventually};

use crate::Reply;

#[tokio::test]
async fn the_documented_lines_work_as_they_stand() {
    let redis = RedisServer::start().await;
    let message = r#"{"to":"user@example.com","subject":"Test","body":"..."}"#;
    assert_eq!(redis.shell(&format!("redis-cli lpush queue:email:pending '{message}'")).await, "1");
    assert_eq!(redis.shell("redis-cli rpoplpush queue:email:pending other   # by hand").await, message);
    assert_eq!(redis.cli(&["lrange", "other", "0", "-1"]).await, message);
    assert_eq!(redis.cli(&["zcard", "queue:email:processing"]).await, "0");
}

#[tokio::test]
async fn values_are_binary_safe_and_errors_are_values() {
    let redis = RedisServer::start().await;
    let value = b"\r\n\0\xff*3\r\n".as_slice();
    assert_eq!(redis.command(&[b"SET".as_slice(), b"k", value]).await.text(), "OK");
    assert_eq!(redis.command(&["GET", "k"]).await.bytes(), value);
    let error = redis.command(&["LLEN", "k"]).await;
    assert!(matches!(&error, Reply::Error(text) if text.starts_with("WRONGTYPE")), "{error:?}");

    let mut client = redis.connect().await;
    let pushes: Vec<_> = (0..5_000).map(|n| vec!["RPUSH".into(), "list".into(), n.to_string()]).collect();
    let lengths: Vec<_> = client.pipeline(&pushes).await.unwrap().iter().map(Reply::int).collect();
    assert_eq!(lengths, (1..=5_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_its_file_holds() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    let (port, pid) = (redis.port(), redis.pid());
    assert_eq!(redis.command(&["LPUSH", "list", "a", "b"]).await.int(), 2);
    redis.kill();
    assert!(redis_is_away(&redis).await);
    redis.restart().await;
    assert_eq!(redis.port(), port);
    assert_ne!(redis.pid(), pid);
    assert_eq!(redis.command(&["LLEN", "list"]).await.int(), 2);
}

#[tokio::test]
async fn without_a_file_a_killed_server_forgets() {
    let mut redis = RedisServer::start().await;
    redis.command(&["SET", "k", "v"]).await;
    redis.restart().await;
    assert_eq!(redis.command(&["EXISTS", "k"]).await.int(), 0);
}

#[tokio::test]
async fn a_frozen_server_answers_nothing_until_it_thaws() {
    let redis = RedisServer::start().await;
    let mut client = redis.connect().await;
    redis.freeze();
    let mut late = Box::pin(client.command(&["INCR", "n"]));
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut late).await.is_err());
    redis.thaw();
    assert_eq!(late.await.unwrap().int(), 1);
}

#[tokio::test]
async fn a_dropped_server_is_gone_frozen_or_not() {
    for freeze in [false, true] {
        let redis = RedisServer::start().await;
        let addr = redis.addr();
        if freeze {
            redis.freeze();
        }
        drop(redis);
        assert!(tokio::net::TcpStream::connect(addr).await.is_err());
    }
}

#[tokio::test]
async fn many_servers_start_at_once_each_with_its_own_data() {
    let started: Vec<_> =
        (0..8).map(|n| tokio::spawn(async move { (n, RedisServer::start().await) })).collect();
    let mut servers = Vec::new();
    for one in started {
        let (n, redis) = one.await.unwrap();
        assert_eq!(redis.command(&["SET", "n", &n.to_string()]).await.text(), "OK");
        servers.push((n, redis));
    }
    for (n, redis) in &servers {
        assert_eq!(redis.command(&["GET", "n"]).await.text(), n.to_string());
    }
}

#[tokio::test]
async fn settings_reach_the_server() {
    let redis = RedisServer::with(&["--maxmemory", "5mb", "--maxmemory-policy", "noeviction"]).await;
    let fill = "x".repeat(1 << 20);
    let fills: Vec<_> = (0..6).map(|n| vec!["SET".to_owned(), format!("k{n}"), fill.clone()]).collect();
    let replies = redis.connect().await.pipeline(&fills).await.unwrap();
    assert_eq!(replies[0].text(), "OK");
    assert!(matches!(&replies[5], Reply::Error(text) if text.starts_with("OOM")), "{replies:?}");
}

#[tokio::test]
#[should_panic(expected = "did not start")]
async fn a_setting_no_server_knows_stops_the_test_with_its_words() {
    RedisServer::with(&["--no-such-setting", "1"]).await;
}

#[tokio::test]
async fn commands_can_be_awaited() {
    let redis = RedisServer::start().await;
    let mut monitor = redis.monitor().await;
    redis.command(&["EVAL", "return redis.call('INCR', KEYS[1])", "1", "n"]).await;
    let line = monitor.wait_for(|line| line.contains(r#""INCR" "n""#)).await;
    assert!(line.contains("lua"), "{line}");
}

#[tokio::test]
async fn a_state_can_be_awaited_while_the_server_is_away() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]).await;
    redis.command(&["SET", "n", "1"]).await;
    let addr = redis.addr();
    redis.kill();
    let reader = eventually(
        "the server is back",
        LIMIT,
        async || redispatch_testkit::client::Client::connect(addr).await.is_ok(),
        |up| *up,
    );
    let (_, ()) = tokio::join!(reader, redis.restart());
    redis.wait_until(&["GET", "n"], |reply| reply.text() == "1", LIMIT).await;
}

async fn redis_is_away(redis: &RedisServer) -> bool {
    tokio::net::TcpStream::connect(redis.addr()).await.is_err()
}
