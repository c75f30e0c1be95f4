//! A Redis Cluster of several servers.

use std::ops::RangeInclusive;

use crate::port::Port;
use crate::redis::RedisServer;
use crate::{LIMIT, Reply, eventually};

/// How long a server is silent until the others call it failed, ms.
const NODE_TIMEOUT: &str = "1500";

const SLOTS: u16 = 16_384;

/// Primaries that share the slots evenly, each with a replica. Slots that lost both are not served, all others are.
#[derive(Debug)]
pub struct Cluster {
    /// The primaries at first, then a replica of each in the same order. A killed one stays here.
    pub nodes: Vec<RedisServer>,
    _buses: Vec<Port>,
}

impl Cluster {
    /// Starts one of `primaries` with a replica each, and waits until all is in place.
    pub async fn start(primaries: usize) -> Self {
        let (mut nodes, mut buses) = (Vec::new(), Vec::new());
        for _ in 0..2 * primaries {
            let bus = Port::reserve();
            let port = bus.number.to_string();
            let args = [
                ["--cluster-enabled", "yes"],
                ["--cluster-port", &port],
                ["--cluster-node-timeout", NODE_TIMEOUT],
                ["--cluster-require-full-coverage", "no"],
                ["--cluster-replica-validity-factor", "0"],
                ["--cluster-allow-replica-migration", "no"],
                ["--appendonly", "yes"],
                ["--repl-diskless-sync-delay", "0"],
            ];
            nodes.push(RedisServer::with(&args.concat()).await);
            buses.push(bus);
        }
        let cluster = Self { nodes, _buses: buses };
        cluster.set_up(primaries).await;
        cluster
    }

    async fn set_up(&self, primaries: usize) {
        let first = self.nodes[0].port().to_string();
        let bus = self._buses[0].number.to_string();
        for (n, node) in self.nodes.iter().enumerate() {
            ok(node, &["CLUSTER", "SET-CONFIG-EPOCH", &(n + 1).to_string()]).await;
            if n > 0 {
                ok(node, &["CLUSTER", "MEET", "127.0.0.1", &first, &bus]).await;
            }
        }
        for (n, slots) in ranges(primaries).into_iter().enumerate() {
            let (start, end) = (slots.start().to_string(), slots.end().to_string());
            ok(&self.nodes[n], &["CLUSTER", "ADDSLOTSRANGE", &start, &end]).await;
        }
        let all = format!("cluster_known_nodes:{}\r\n", self.nodes.len());
        for node in &self.nodes {
            node.wait_until(&["CLUSTER", "INFO"], |info| info.text().contains(&all), LIMIT).await;
        }
        for n in 0..primaries {
            let id = self.nodes[n].command(&["CLUSTER", "MYID"]).await.text().to_owned();
            let replica = &self.nodes[primaries + n];
            let replicate = ["CLUSTER", "REPLICATE", &id];
            replica.wait_until(&replicate, |reply| *reply == Reply::Simple("OK".into()), LIMIT).await;
        }
        for replica in &self.nodes[primaries..] {
            let follows = |info: &Reply| info.text().contains("master_link_status:up");
            replica.wait_until(&["INFO", "replication"], follows, LIMIT).await;
        }
        for node in &self.nodes {
            node.wait_until(&["CLUSTER", "INFO"], |info| info.text().contains("cluster_state:ok"), LIMIT)
                .await;
            let whole = |slots: &Reply| {
                slots.array().len() == primaries && slots.array().iter().all(|range| range.array().len() == 4)
            };
            node.wait_until(&["CLUSTER", "SLOTS"], whole, LIMIT).await;
        }
    }

    /// `redis-cluster://` with the first two nodes.
    pub fn url(&self) -> String {
        format!("redis-cluster://{}?node={}", self.nodes[0].addr(), self.nodes[1].addr())
    }

    /// Which of the nodes is the primary that serves `key`, as `asked` sees it; `None` where nobody serves it.
    pub async fn primary_of(&self, key: &str, asked: usize) -> Option<usize> {
        let asked = &self.nodes[asked];
        let slot = asked.command(&["CLUSTER", "KEYSLOT", key]).await.int();
        let slots = asked.command(&["CLUSTER", "SLOTS"]).await;
        let holds = |range: &&Reply| (range.array()[0].int()..=range.array()[1].int()).contains(&slot);
        let port = slots.array().iter().find(holds)?.array()[2].array()[1].int();
        self.nodes.iter().position(|node| i64::from(node.port()) == port)
    }

    /// Moves the slot of `key` with all its keys from one primary to another, as `redis-cli --cluster reshard` does.
    pub async fn move_slot(&self, key: &str, from: usize, to: usize) {
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        let id = async |node: &RedisServer| node.command(&["CLUSTER", "MYID"]).await.text().to_owned();
        let (from_id, to_id) = (id(from).await, id(to).await);
        let slot = from.command(&["CLUSTER", "KEYSLOT", key]).await.int().to_string();
        let port = to.port().to_string();
        ok(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await;
        ok(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await;
        loop {
            let keys = from.command(&["CLUSTER", "GETKEYSINSLOT", &slot, "1"]).await;
            let Some(key) = keys.array().first() else { break };
            let migrate = ["MIGRATE", "127.0.0.1", &port, key.text(), "0", "5000"];
            let moved = from.command(&migrate).await;
            assert!(matches!(moved, Reply::Simple(_)), "{migrate:?}: {moved:?}");
        }
        for node in [to, from] {
            ok(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).await;
        }
    }

    /// Waits until another node than `dead` is the primary that serves `key`, and gives it.
    pub async fn failed_over(&self, key: &str, dead: usize) -> usize {
        let asked = usize::from(dead == 0);
        let primary = async || self.primary_of(key, asked).await;
        let new = eventually("a failover", LIMIT, primary, |new| new.is_some_and(|new| new != dead)).await;
        new.expect("there is one")
    }
}

fn ranges(primaries: usize) -> Vec<RangeInclusive<u16>> {
    let start = |n: usize| (usize::from(SLOTS) * n / primaries) as u16;
    (0..primaries).map(|n| start(n)..=start(n + 1) - 1).collect()
}

async fn ok(node: &RedisServer, command: &[&str]) {
    assert_eq!(node.command(command).await, Reply::Simple("OK".into()), "{command:?}");
}
