use redispatch_testkit::Reply;
use redispatch_testkit::redis::RedisServer;

use super::{Guarded, PASSWORD};
use crate::run::{command, finish, queuectl};

#[tokio::test]
async fn only_the_rule_is_data_and_redis_cli_takes_it_as_the_help_says() {
    let redis = RedisServer::start().await;
    let printed = queuectl(&redis, &["doctor", "--acl"]).await.with_code(0);
    assert!(
        printed.stdout.starts_with("resetkeys ~queue:*:* ~queue:queues resetchannels -@all +"),
        "{printed:?}"
    );
    assert_eq!(printed.stdout.lines().count(), 1);
    assert!(
        printed.stderr.contains("redis-cli ACL SETUSER redispatch on '>PASSWORD' $(queuectl doctor --acl)"),
        "{printed:?}"
    );
    assert!(printed.stderr.contains("user redispatch on >PASSWORD RULE"), "{printed:?}");
    let json = queuectl(&redis, &["doctor", "--acl", "worker", "--json"]).await.with_code(0);
    assert_eq!((json.json()["rule"].as_str(), &*json.stderr), (Some(printed.stdout.trim_end()), ""));
    let line = format!(
        "redis-cli ACL SETUSER redispatch on '>{PASSWORD}' $({} doctor --acl 2>/dev/null)",
        env!("CARGO_BIN_EXE_queuectl")
    );
    assert_eq!(redis.shell(&line).await, "OK");
    let file = tempfile::tempdir().unwrap();
    let acl = file.path().join("users.acl");
    std::fs::write(&acl, format!("user redispatch on >{PASSWORD} {}", printed.stdout)).unwrap();
    let other = RedisServer::with(&["--aclfile", acl.to_str().unwrap()]).await;
    let user = async |redis: &RedisServer| {
        let reply = redis.command(&["ACL", "GETUSER", "redispatch"]).await;
        let mut commands: Vec<_> = reply.array()[5].text().split(' ').map(str::to_owned).collect();
        // Redis shortens them to its liking.
        commands.sort_unstable();
        (commands, reply.array()[7].clone(), reply.array()[3].clone())
    };
    assert_eq!(user(&other).await, user(&redis).await);
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_said_and_others_do_not_matter() {
    let home = tempfile::tempdir().unwrap();
    let ran = async |url: &str, env: (&str, &str), args: &[&str]| {
        let mut command = command(url, home.path(), &[&["doctor"], args].concat());
        command.env(env.0, env.1);
        finish(command, b"").await
    };
    let refused = ran("redis://h", ("QUEUE_PREFIX", "a b"), &["--acl"]).await.with_code(78);
    assert!(refused.stderr.contains("QUEUE_PREFIX"), "{refused:?}");
    // Nobody is asked, and only what the rule is made of matters.
    let cluster = ran("redis-cluster://192.0.2.1:1", ("MAX_RETRIES", "x"), &["--acl"]).await.with_code(0);
    assert!(
        cluster.stdout.starts_with("resetkeys ~{queue:*}:* ~queue:queues resetchannels -@all "),
        "{cluster:?}"
    );
    for args in [&["--acl", "nobody"][..], &["--acl", "--fix"], &["--acl", "--no-provider"]] {
        ran("redis://h", ("A", "b"), args).await.with_code(2);
    }
}

#[tokio::test]
async fn a_producer_pushes_into_the_lanes_and_can_do_nothing_else() {
    let guarded = Guarded::start(RedisServer::start().await, "redis://", "producer").await;
    let mut producer = guarded.redis.connect().await;
    let mut run = async |args: &[&str]| producer.command(args).await.unwrap();
    assert_eq!(run(&["AUTH", "redispatch", PASSWORD]).await.text(), "OK");
    assert_eq!(run(&["PING"]).await.text(), "PONG");
    assert_eq!(run(&["SELECT", "0"]).await.text(), "OK");
    for lane in ["pending", "pending:high", "pending:low"] {
        assert_eq!(run(&["LPUSH", &format!("queue:my-own:{lane}"), "{}"]).await, Reply::Int(1));
    }
    for refused in [
        &["LPUSH", "queue:email:claimed", "{}"][..],
        &["LPUSH", "queue:email:dead_letter", "{}"],
        &["LPUSH", "other:email:pending", "{}"],
        &["LRANGE", "queue:email:pending", "0", "-1"],
        &["RPOP", "queue:email:pending"],
        &["DEL", "queue:email:pending"],
        &["KEYS", "*"],
        &["FLUSHALL"],
    ] {
        let reply = run(refused).await;
        assert!(matches!(&reply, Reply::Error(text) if text.starts_with("NOPERM")), "{refused:?}: {reply:?}");
    }
}

#[tokio::test]
async fn what_a_user_may_not_do_is_said_with_where_the_rights_are() {
    let mut guarded = Guarded::start(RedisServer::start().await, "redis://", "worker").await;
    for refused in [
        &["SET", "other", "x"][..],
        &["GET", "queue:email:pending"],
        &["CONFIG", "GET", "*"],
        &["KEYS", "*"],
        &["FLUSHALL"],
        &["SCRIPT", "FLUSH"],
        &["CLIENT", "KILL", "TYPE", "normal"],
        &["ACL", "LIST"],
        &["PUBLISH", "queue:email:pending", "x"],
        &["LPUSH", "queues:email:pending", "x"],
    ] {
        let mut user = guarded.redis.connect().await;
        user.command(&["AUTH", "redispatch", PASSWORD]).await.unwrap();
        let reply = user.command(refused).await.unwrap();
        assert!(matches!(&reply, Reply::Error(text) if text.starts_with("NOPERM")), "{refused:?}: {reply:?}");
    }
    for missing in ["-hset", "-evalsha"] {
        guarded.admin.command(&["ACL", "SETUSER", "redispatch", missing]).await.unwrap();
        let ran = guarded.queuectl(&["pause", "--queue", "email"]).await.with_code(2);
        assert!(ran.stderr.contains("`queuectl doctor --acl` prints the rights"), "{ran:?}");
        assert!(!ran.stderr.contains(PASSWORD), "{ran:?}");
    }
    guarded.admin.command(&["ACL", "SETUSER", "redispatch", "-hlen"]).await.unwrap();
    let report = guarded.queuectl(&["doctor", "--no-provider"]).await.with_code(1);
    assert!(report.stdout.contains("queuectl doctor --acl"), "{}", report.stdout);
}
