use redispatch::acl::{Role, rule};
use redispatch::config::QueueSettings;
use redispatch_testkit::redis::RedisServer;
use tempfile::TempDir;

use crate::run::told;
use crate::site::{Channel as _, Email, Site, stop};

/// A Redis that listens at a socket too, and keeps what it is told.
async fn site() -> (Site<Email>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let args = ["--unixsocket", socket.to_str().unwrap(), "--appendonly", "yes", "--appendfsync", "always"];
    (Site { redis: RedisServer::with(&args).await, channel: Email::start().await }, folder)
}

fn url(folder: &TempDir, login: &str, rest: &str) -> String {
    format!("redis+unix://{login}{}/redis.sock{rest}", folder.path().display())
}

/// Killed while the worker sends, and back with its socket.
#[tokio::test]
async fn redis_is_killed_and_comes_back_with_its_socket() {
    let (mut site, folder) = site().await;
    let url = url(&folder, "", "");
    let (code, said, _) = told(&site, &["--check"], &[("REDIS_URL", &url)]).await;
    assert!(code == Some(0) && said.contains(&format!(" at {url}")), "{said}");
    let worker = site.worker(&[("REDIS_URL", &url)]).await;
    site.push(0..10).await;
    site.channel.taken(10).await;
    site.redis.kill();
    worker.wait_for_event("redis_disconnected").await;
    let (code, said, _) = told(&site, &["--check"], &[("REDIS_URL", &url)]).await;
    assert!(code == Some(1) && said.contains("Connection refused"), "{said}");
    site.redis.restart().await;
    site.push(10..20).await;
    site.all_sent_once(20).await;
    // The socket is taken away while Redis lives: new connections fail, those there are go on.
    std::fs::remove_file(folder.path().join("redis.sock")).unwrap();
    site.push(20..30).await;
    site.all_sent_once(30).await;
    let (code, said, _) = told(&site, &["--check"], &[("REDIS_URL", &url)]).await;
    assert!(code == Some(1) && said.contains("No such file or directory"), "{said}");
    stop(&worker).await;
}

#[tokio::test]
async fn a_worker_waits_for_a_socket_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("redis.sock");
    let (path, url) = (socket.to_str().unwrap(), url(&folder, "", ""));
    let channel = Email::start().await;
    let mut settings = vec![("REDIS_URL", url.clone()), ("LOG_FORMAT", "json".to_owned())];
    settings.extend(channel.settings());
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let worker = redispatch_testkit::process::Worker::start(Email::PROGRAM, &[], &settings);
    let waiting = worker.wait_for(|line| line.raw.contains("waiting for Redis")).await;
    assert!(
        waiting.raw.contains("No such file or directory") && waiting.raw.contains(&url),
        "{}",
        waiting.raw
    );
    let site = Site { redis: RedisServer::with(&["--unixsocket", path]).await, channel };
    worker.wait_for_event("worker_ready").await;
    site.push(0..3).await;
    site.all_sent_once(3).await;
    stop(&worker).await;
}

#[tokio::test]
async fn with_a_user_and_a_database() {
    let (site, folder) = site().await;
    let url = url(&folder, "redispatch:p%40%2Fss@", "?db=2");
    let rights = rule(&QueueSettings::new(url.parse().unwrap()), Role::Worker);
    let user = ["ACL", "SETUSER", "redispatch", "on", ">p@/ss"].into_iter().chain(rights.split(' '));
    site.redis.command(&user.collect::<Vec<_>>()).await;
    let worker = site.worker(&[("REDIS_URL", &url)]).await;
    let mut client = site.redis.connect().await;
    client.command(&["SELECT", "2"]).await.unwrap();
    client.command(&["LPUSH", "queue:email:pending", &Email::message(0)]).await.unwrap();
    assert_eq!(site.channel.taken(1).await, [Email::sent(0)]);
    stop(&worker).await;
    assert!(site.redis.command(&["ACL", "LOG"]).await.array().is_empty());
    let wrong = url.replace("ss@", "other@");
    let (code, said, _) = told(&site, &["--check"], &[("REDIS_URL", &wrong)]).await;
    assert!(code == Some(1) && said.contains("WRONGPASS") && !said.contains("other"), "{said}");
}
