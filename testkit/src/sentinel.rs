//! A primary with replicas, watched by sentinels.

use tempfile::TempDir;

use crate::child::Child;
use crate::client::Client;
use crate::port::Port;
use crate::redis::{RedisServer, program};
use crate::{LIMIT, Reply, eventually};

/// The name of the service.
pub const SERVICE: &str = "queues";

/// How long the primary is silent until it counts as down, ms.
const DOWN_AFTER: &str = "1000";

/// A primary, a replica, and three sentinels of which two have to agree.
#[derive(Debug)]
pub struct Sentinels {
    /// The primary at first, then its replica. A killed one stays here.
    pub servers: Vec<RedisServer>,
    sentinels: Vec<Sentinel>,
    password: Option<&'static str>,
}

#[derive(Debug)]
struct Sentinel {
    child: Child,
    port: Port,
    _folder: TempDir,
}

impl Sentinels {
    /// Starts all of them, and waits until they know each other.
    pub async fn start() -> Self {
        Self::locked(None).await
    }

    /// The same, where sentinels want this password.
    pub async fn locked(password: Option<&'static str>) -> Self {
        let quick = ["--repl-diskless-sync-delay", "0"];
        let primary = RedisServer::with(&quick).await;
        let of = format!("127.0.0.1 {}", primary.port());
        let replica = RedisServer::with(&[&quick[..], &["--replicaof", &of]].concat()).await;
        let follows = |info: &Reply| info.text().contains("master_link_status:up");
        replica.wait_until(&["INFO", "replication"], follows, LIMIT).await;
        let sentinels = (0..3).map(|_| Sentinel::start(&primary, password)).collect();
        let all = Self { servers: vec![primary, replica], sentinels, password };
        for sentinel in &all.sentinels {
            let ask = async || sentinel.command(&["SENTINEL", "MASTER", SERVICE], password).await;
            eventually("sentinels that know all", LIMIT, ask, |reply| {
                let Some(Reply::Array(fields)) = reply else { return false };
                let field = |name: &str| {
                    let at = fields.iter().position(|field| field.text() == name);
                    at.map_or("", |at| fields[at + 1].text())
                };
                field("num-slaves") == "1"
                    && field("num-other-sentinels") == "2"
                    && field("flags") == "master"
            })
            .await;
        }
        all
    }

    /// `redis-sentinel://` with the first two sentinels.
    pub fn url(&self) -> String {
        let addr = |n: usize| self.sentinels[n].port.addr();
        format!("redis-sentinel://{}/0?sentinelServiceName={SERVICE}&node={}", addr(0), addr(1))
    }

    /// Makes another server the primary, as an operator does. The old one takes writes for another ten seconds.
    pub async fn fail_over(&self) {
        let order = self.sentinels[2].command(&["SENTINEL", "FAILOVER", SERVICE], self.password).await;
        assert_eq!(order, Some(Reply::Simple("OK".into())));
    }

    /// Which of the servers the sentinels call the primary.
    pub async fn primary(&self) -> Option<usize> {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE];
        let answer = self.sentinels[2].command(&ask, self.password).await?;
        let port = answer.array()[1].text().to_owned();
        self.servers.iter().position(|server| server.port().to_string() == port)
    }

    /// Waits until another server than `dead` is the primary and takes writes, and gives it.
    pub async fn failed_over(&self, dead: usize) -> usize {
        let is_new = |new: &Option<usize>| new.is_some_and(|new| new != dead);
        let new = eventually("a failover", LIMIT, async || self.primary().await, is_new).await.expect("one");
        let is_primary = |role: &Reply| role.array()[0].text() == "master";
        self.servers[new].wait_until(&["ROLE"], is_primary, LIMIT).await;
        new
    }

    /// SIGSTOP for the `n`th sentinel: it takes connections and answers nothing.
    pub fn freeze_sentinel(&self, n: usize) {
        self.sentinels[n].child.freeze();
    }

    /// SIGKILL for the `n`th sentinel.
    pub fn kill_sentinel(&mut self, n: usize) {
        self.sentinels[n].child.kill();
    }
}

impl Sentinel {
    fn start(primary: &RedisServer, password: Option<&str>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = Port::reserve();
        let locked = password
            .map_or(String::new(), |word| format!("requirepass {word}\nsentinel sentinel-pass {word}\n"));
        let config = format!(
            "port {}\nbind 127.0.0.1\nlogfile sentinel.log\n\
             sentinel monitor {SERVICE} 127.0.0.1 {} 2\n\
             sentinel down-after-milliseconds {SERVICE} {DOWN_AFTER}\n\
             sentinel failover-timeout {SERVICE} 5000\n{locked}",
            port.number,
            primary.port()
        );
        std::fs::write(folder.path().join("sentinel.conf"), config).expect("a writable folder");
        let home = folder.path().to_path_buf();
        let started = Child::spawn(&program(), move |command| {
            command.args(["sentinel.conf", "--sentinel"]).current_dir(home);
        });
        let (child, _) = started.unwrap_or_else(|error| panic!("a sentinel: {error}"));
        Self { child, port, _folder: folder }
    }

    async fn command(&self, command: &[&str], password: Option<&str>) -> Option<Reply> {
        let mut client = Client::connect(self.port.addr()).await.ok()?;
        if let Some(password) = password {
            client.command(&["AUTH", password]).await.ok()?;
        }
        let reply = client.command(command).await.ok()?;
        Some(reply).filter(|reply| !matches!(reply, Reply::Error(_)))
    }
}
