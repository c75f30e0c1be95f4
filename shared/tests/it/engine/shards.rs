//! Several queues on a cluster of which a shard is gone.

use std::time::Duration;

use redispatch::config::{QueueSettings, WorkerSettings};
use redispatch::keys::Lane;
use redispatch::queue::{Client, Queue, QueueError};
use redispatch::worker::{Stopped, Trigger, WorkerError};
use redispatch::{Shutdown, Workers};
use redispatch_testkit::cluster::Cluster;
use redispatch_testkit::{LIMIT, Port, Reply, eventually, http};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::kit::{sent, settings};

/// Names of queues, one on each of the three primaries; the first lies beside `queue:queues`.
async fn apart(redis: &Cluster) -> [String; 3] {
    let mut found: [Option<String>; 3] = Default::default();
    let registry = redis.primary_of("queue:queues", 0).await.expect("a primary");
    for n in 0.. {
        let name = format!("q{n}");
        let primary = redis.primary_of(&format!("{{queue:{name}}}:pending"), 0).await.expect("a primary");
        let place = (primary + 3 - registry) % 3;
        found[place].get_or_insert(name);
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    found.map(|name| name.expect("found"))
}

/// A process that serves all three queues, and tells which one it sends for.
struct Process {
    stop: Trigger,
    sends: mpsc::UnboundedReceiver<String>,
    run: JoinHandle<Result<Stopped, WorkerError>>,
    http: std::net::SocketAddr,
}

impl Process {
    fn start(redis: &Cluster, queues: &[String]) -> Self {
        let (tell, sends) = mpsc::unbounded_channel();
        let port = Port::reserve();
        let http = port.addr();
        drop(port);
        let mut workers = Workers::new();
        for queue in queues {
            let (tell, name) = (tell.clone(), queue.clone());
            let settings = WorkerSettings {
                http_addr: Some(http),
                shutdown_timeout: Duration::from_secs(1),
                ..settings(&redis.url())
            };
            workers.add(queue, "", settings, move |_| {
                let _ = tell.send(name.clone());
                async { sent() }
            });
        }
        let (stop, told) = Shutdown::manual();
        Self { stop, sends, run: tokio::spawn(workers.run(told)), http }
    }

    async fn sends(&mut self, queue: &str) {
        let sent = timeout(LIMIT, self.sends.recv()).await.expect("a send in time").expect("it runs");
        assert_eq!(sent, queue);
    }

    async fn stop(self) {
        self.stop.drain();
        timeout(LIMIT, self.run).await.expect("it ends").expect("no panic").expect("it ran");
    }
}

#[tokio::test]
async fn a_dead_shard_stops_its_own_queue_and_no_other() {
    let mut redis = Cluster::start(3).await;
    let queues = apart(&redis).await;
    let [dead, live, _] = &queues;
    let client = Client::new(QueueSettings::new(redis.url().parse().unwrap())).unwrap();
    let put = async |queue: &str| -> Result<(), QueueError> {
        let queue = client.queue(queue)?;
        queue.enqueue(Lane::Pending, vec![r#"{"n":1}"#.into()]).await.map(drop)
    };
    let mut process = Process::start(&redis, &queues);
    for queue in &queues {
        put(queue).await.unwrap();
        process.sends(queue).await;
    }
    let lost = redis.primary_of("queue:queues", 0).await.expect("a primary");
    redis.nodes[lost].kill();
    redis.nodes[lost + 3].kill();
    let gone = |info: &Reply| !info.text().contains("cluster_slots_fail:0");
    let other = (lost + 1) % 3;
    redis.nodes[other].wait_until(&["CLUSTER", "INFO"], gone, LIMIT).await;

    // One that ran before, and one that starts now.
    for _ in 0..3 {
        put(live).await.unwrap();
        process.sends(live).await;
    }
    assert!(put(dead).await.is_err());
    process.stop().await;
    let mut process = Process::start(&redis, &queues);
    for _ in 0..3 {
        put(live).await.unwrap();
        process.sends(live).await;
    }
    assert_eq!(http::get(process.http, "/healthz").await.unwrap().status, 200);
    let ready = http::get(process.http, "/readyz").await.unwrap();
    assert_eq!(ready.status, 503, "{}", ready.body);

    redis.nodes[lost].restart().await;
    let back = async || put(dead).await.is_ok();
    eventually("the shard is back", LIMIT, back, |back| *back).await;
    process.sends(dead).await;
    process.stop().await;
}

/// A server that is silent says nothing of itself to anybody: connections are made anew, and who enqueues makes the queue
/// known, while that of `queue:queues` is frozen.
#[tokio::test]
async fn a_frozen_shard_holds_up_no_other_queue() {
    let redis = Cluster::start(3).await;
    let queues = apart(&redis).await;
    let [silent, live, _] = &queues;
    let mut process = Process::start(&redis, &queues);
    let client = Client::new(QueueSettings::new(redis.url().parse().unwrap())).unwrap();
    let (live, silent) = (client.queue(live).unwrap(), client.queue(silent).unwrap());
    let put = async |queue: &Queue| queue.enqueue(Lane::Pending, vec![r#"{"n":1}"#.into()]).await;
    put(&live).await.unwrap();
    process.sends(live.name()).await;
    let lost = redis.primary_of("queue:queues", 0).await.expect("a primary");
    let serving =
        redis.primary_of(&format!("{{queue:{}}}:pending", live.name()), 0).await.expect("a primary");
    redis.nodes[lost].freeze();
    redis.nodes[lost + 3].freeze();
    for _ in 0..3 {
        redis.nodes[serving].command(&["CLIENT", "KILL", "TYPE", "normal"]).await;
        let limit = Duration::from_millis(500);
        let late: Result<(), QueueError> = client.within(limit, async { put(&silent).await.map(drop) }).await;
        assert!(late.is_err());
        let sent = async {
            put(&live).await.unwrap();
            process.sends(live.name()).await;
        };
        let sent = timeout(Duration::from_secs(4), sent).await;
        sent.expect("it is enqueued and sent while another shard is silent");
    }
    redis.nodes[lost].thaw();
    redis.nodes[lost + 3].thaw();
    process.stop().await;
}
