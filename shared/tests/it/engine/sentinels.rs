//! Sentinels that are no help.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use redispatch_testkit::{LIMIT, Port, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::kit::{Log, settings};

/// Connections, all that there were and those that are open.
#[derive(Default)]
struct Counts {
    all: AtomicUsize,
    open: AtomicUsize,
}

/// Greets everybody, and answers no question about a service.
async fn greets_only(mut stream: TcpStream, counts: Arc<Counts>) {
    counts.all.fetch_add(1, SeqCst);
    counts.open.fetch_add(1, SeqCst);
    let mut read = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut read).await {
        for command in String::from_utf8_lossy(&read[..count]).split('*').skip(1) {
            let answer = match command {
                text if text.contains("SENTINEL") => continue,
                text if text.contains("PING") => "+PONG\r\n",
                text if text.contains("INFO") => "$20\r\nredis_version:7.0.15\r\n",
                text if text.contains("ID") => ":1\r\n",
                _ => "+OK\r\n",
            };
            if stream.write_all(answer.as_bytes()).await.is_err() {
                break;
            }
        }
    }
    counts.open.fetch_sub(1, SeqCst);
}

#[tokio::test]
async fn one_that_greets_and_never_answers_collects_no_connections() {
    let port = Port::reserve();
    let listener = TcpListener::bind(port.addr()).await.unwrap();
    let counts = Arc::<Counts>::default();
    let served = counts.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(greets_only(stream, served.clone()));
        }
    });
    let url = format!("redis-sentinel://{}/0?sentinelServiceName=queues", port.addr());
    let worker = Log::default().worker(settings(&url));
    eventually("ten connections", LIMIT, async || counts.all.load(SeqCst), |all| *all >= 10).await;
    let open = counts.open.load(SeqCst);
    assert!(open <= 5, "{open} open");
    worker.stop().await;
    eventually("none is left", LIMIT, async || counts.open.load(SeqCst), |open| *open == 0).await;
}
