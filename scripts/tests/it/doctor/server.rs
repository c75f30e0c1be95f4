//! The server itself.

use std::time::Instant;

use redispatch_testkit::LIMIT;
use redispatch_testkit::redis::RedisServer;

use super::{Bench, report, sound};

#[tokio::test]
async fn a_sound_server_has_no_fault() {
    let report = report(&sound().await).await;
    assert_eq!((report.code, report.bad()), (0, vec![]));
    let version = report.of("redis version");
    assert!(version[0].1.contains(" at redis://127.0.0.1:"), "{version:?}");
    assert_eq!(report.of("persistence"), [("ok", "append-only file, appendfsync everysec", "")]);
    assert_eq!(report.of("clocks"), [("ok", "Redis and this host agree", "")]);
    assert_eq!(report.of("replication"), [("ok", "primary, without replicas", "")]);
}

#[tokio::test]
async fn anything_but_noeviction_is_a_fault() {
    let redis = sound().await;
    for policy in ["allkeys-lru", "allkeys-random", "volatile-ttl"] {
        redis.command(&["CONFIG", "SET", "maxmemory-policy", policy]).await;
        let report = report(&redis).await;
        assert_eq!((report.code, report.only().0, report.only().1), (1, "fault", "eviction"));
        assert!(report.only().2.starts_with(&format!("maxmemory-policy {policy}: ")), "{report:?}");
    }
}

#[tokio::test]
async fn what_is_not_kept_on_disk() {
    let redis = RedisServer::start().await;
    let first = report(&redis).await;
    assert_eq!(
        (first.code, first.only()),
        (0, ("warning", "persistence", "none: a restart of Redis loses every message"))
    );
    redis.command(&["CONFIG", "SET", "save", "3600 1"]).await;
    assert!(report(&redis).await.only().2.starts_with("snapshots only"));
    redis.command(&["CONFIG", "SET", "appendonly", "yes"]).await;
    redis.command(&["CONFIG", "SET", "appendfsync", "no"]).await;
    assert!(report(&redis).await.only().2.starts_with("append-only file, appendfsync no"));
}

#[tokio::test]
async fn a_snapshot_that_failed_is_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let redis = RedisServer::with(&["--dir", folder.path().to_str().unwrap()]).await;
    folder.close().unwrap();
    redis.command(&["BGSAVE"]).await;
    let failed = |reply: &redispatch_testkit::Reply| reply.text().contains("rdb_last_bgsave_status:err");
    redis.wait_until(&["INFO", "persistence"], failed, LIMIT).await;
    let report = report(&redis).await;
    assert_eq!((report.code, report.only()), (1, ("fault", "persistence", "the last snapshot failed")));
}

#[tokio::test]
async fn memory_that_is_nearly_full() {
    let redis = sound().await;
    let message = format!(r#"{{"to":"a@example.com","body":"{}"}}"#, "x".repeat(10_000));
    for _ in 0..300 {
        redis.command(&["LPUSH", "queue:email:dead_letter", &message]).await;
    }
    let first = report(&redis).await;
    let [(level, found, _)] = first.of("memory")[..] else { panic!("{first:?}") };
    assert!(level == "ok" && found.contains("the host's memory (no maxmemory)"), "{found}");
    let each = found.split("messages of ").nth(1).unwrap();
    assert!(each.starts_with("10.") && each.contains(" kB"), "{found}");

    // Up to 4 % may come and go with connections.
    for (percent, code, level) in [(60, 0, "ok"), (87, 0, "warning"), (200, 1, "fault")] {
        let info = redis.command(&["INFO", "memory"]).await;
        let used = info.text().lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim();
        let limit = used.parse::<u64>().unwrap() * 100 / percent;
        redis.command(&["CONFIG", "SET", "maxmemory", &limit.to_string()]).await;
        let report = report(&redis).await;
        assert_eq!((report.code, report.of("memory")[0].0), (code, level), "{report:?}");
    }
}

#[tokio::test]
async fn a_replica_is_a_fault_and_one_that_follows_is_none() {
    let (mut primary, replica) = (sound().await, sound().await);
    let port = primary.port().to_string();
    redispatch_replicates(&replica, &port, "up").await;
    // The replica knows a moment before its primary does.
    let online = |reply: &redispatch_testkit::Reply| reply.text().contains("state=online");
    primary.wait_until(&["INFO", "replication"], online, LIMIT).await;
    let first = report(&primary).await;
    assert_eq!((first.code, first.of("replication")), (0, vec![("ok", "primary, one replica follows", "")]));

    let second = report(&replica).await;
    let told = second.bad();
    assert_eq!((second.code, told.len()), (1, 1), "{told:?}");
    assert!(told[0].2.starts_with(&format!("a read-only replica of 127.0.0.1:{port}")), "{told:?}");

    primary.kill();
    redispatch_replicates(&replica, &port, "down").await;
    let third = report(&replica).await;
    assert!(third.bad()[1].2.ends_with("is down"), "{:?}", third.bad());
}

async fn redispatch_replicates(replica: &RedisServer, port: &str, link: &str) {
    replica.command(&["REPLICAOF", "127.0.0.1", port]).await;
    let status = format!("master_link_status:{link}");
    let reached = |reply: &redispatch_testkit::Reply| reply.text().contains(&status);
    replica.wait_until(&["INFO", "replication"], reached, LIMIT).await;
}

#[tokio::test]
async fn a_user_that_may_not_ask_is_a_warning_and_no_crash() {
    let redis = sound().await;
    redis.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).await;
    redis.command(&["LPUSH", "queue:email:dead_letter", "x"]).await;
    let rules = ["on", ">secret-word", "~*", "&*", "+@all"];
    for (forbidden, level, said, judged) in [
        (&["-config"][..], "skipped", "this user may not ask CONFIG GET (nor should it", "fault"),
        (&["-config", "-info", "-memory"], "warning", "this user may not ask INFO", "warning"),
    ] {
        redis.command(&[&["ACL", "SETUSER", "op"], &rules[..], forbidden].concat()).await;
        let url = redis.url().replace("redis://", "redis://op:secret-word@");
        let report = Bench::new(&url).report(&[]).await;
        let rights = report.of("redis rights")[0];
        assert!(rights.0 == level && rights.1.starts_with(said), "{rights:?}");
        assert_eq!(report.of("eviction")[0].0, judged, "{report:?}");
        assert_eq!(report.queue("orphans", "email").0, "ok");
        assert!(!report.text.contains("secret-word"), "{}", report.text);
    }
}

#[tokio::test]
async fn a_cluster_behind_a_plain_url_is_a_fault() {
    let redis = RedisServer::with(&["--cluster-enabled", "yes", "--appendonly", "yes"]).await;
    let report = report(&redis).await;
    let [(level, found, todo)] = report.of("redis version")[..] else { panic!("{report:?}") };
    assert_eq!((report.code, level), (1, "fault"));
    assert!(found.contains("a cluster") && todo.contains("redis-cluster://"), "{found} {todo}");
}

#[tokio::test]
async fn without_redis_the_settings_are_still_looked_at() {
    let mut redis = sound().await;
    let bench = Bench::new(&redis.url()).file("SMPT_HOST=x\n");
    redis.freeze();
    let started = Instant::now();
    let frozen = bench.report(&[]).await;
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    redis.thaw();
    redis.kill();
    let away = bench.report(&[]).await;
    for report in [frozen, away] {
        assert_eq!(report.code, 1);
        assert!(report.of("redis")[0].1.starts_with("cannot ask redis://127.0.0.1:"), "{report:?}");
        assert_eq!(report.of("unknown names").len(), 1);
        assert_eq!(report.of("settings")[0].0, "ok");
    }
}

#[tokio::test]
async fn each_server_of_a_cluster_is_looked_at() {
    let cluster = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1", "--appendonly", "yes"];
    let (a, b) = (RedisServer::with(&cluster).await, RedisServer::with(&cluster).await);
    a.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "9000"]).await;
    b.command(&["CLUSTER", "ADDSLOTSRANGE", "9001", "16383"]).await;
    a.command(&["CLUSTER", "MEET", "127.0.0.1", &b.port().to_string()]).await;
    for server in [&a, &b] {
        let is_whole = |reply: &redispatch_testkit::Reply| reply.text().contains("cluster_state:ok");
        server.wait_until(&["CLUSTER", "INFO"], is_whole, LIMIT).await;
    }
    b.command(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    let report = Bench::new(&a.url().replace("redis://", "redis-cluster://").replace("/0", ""))
        .report(&["--fix"])
        .await;
    let (level, check, found) = report.only();
    assert_eq!((report.code, level, check), (1, "fault", "eviction"), "{report:?}");
    let address = format!("127.0.0.1:{}: ", b.port());
    assert!(found.starts_with(&address), "{found}");
    assert_eq!((report.of("memory").len(), report.of("orphans").len()), (2, 3));
}
