//! An address on which a worker is asked about itself, served from a thread of its own that no busy send can starve.

use std::io::{ErrorKind, Result};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use super::event;

/// How often an address that is taken is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// How often upkeep runs.
const UPKEEP: Duration = Duration::from_secs(5);

/// Connections at a time, so that nobody can use up the worker's file descriptors; others wait to be accepted.
const CONNECTIONS: usize = 256;

/// The head of a request has to be here within this time; a connection that is idle longer is closed.
const HEAD_LIMIT: Duration = Duration::from_secs(1);

/// A connection is closed after this time, whatever it does.
const CONNECTION_LIMIT: Duration = Duration::from_secs(60);

/// The server's thread. It stops when this is dropped.
pub(crate) struct Server {
    _stop: oneshot::Sender<()>,
}

impl Server {
    /// Serves `router` at `addr`, and calls `upkeep` every few seconds. An address that another process has is tried
    /// again until that one is gone: it is a sibling on the same host, most likely.
    ///
    /// # Errors
    ///
    /// The host has no such address or does not give it to this user, or it gives no thread. Nothing was started.
    pub(crate) fn start(
        addr: SocketAddr,
        router: Router,
        upkeep: impl Fn() + Send + 'static,
    ) -> Result<Self> {
        let listener = match listen(addr) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                warn!(event = event::HTTP_ADDR_TAKEN, %addr,
                    "another process answers at HTTP_ADDR; this one takes over when it is gone");
                None
            }
            listener => Some(listener?),
        };
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("http".into()).spawn(move || {
            runtime.block_on(async move {
                tokio::select! {
                    Err(error) = serve(addr, listener, router) => {
                        error!(event = event::HTTP_LISTENING, %addr, %error, "health and metrics are not answered any more");
                    }
                    () = keep_up(upkeep) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { _stop: stop })
    }
}

fn listen(addr: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(addr)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(addr: SocketAddr, listener: Option<TcpListener>, router: Router) -> Result<()> {
    let listener = match listener {
        Some(listener) => listener,
        None => freed(addr).await,
    };
    info!(event = event::HTTP_LISTENING, %addr, "health and metrics");
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = room.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    let _place = place;
                    let _ = timeout(CONNECTION_LIMIT, converse(stream, router)).await;
                });
            }
            // Out of file descriptors, most likely.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Answers what comes on one connection. However that ends, it is the other side's concern.
async fn converse(stream: TcpStream, router: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(16 << 10);
    let _ = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}

/// Waits until the address is free, and takes it.
async fn freed(addr: SocketAddr) -> TcpListener {
    loop {
        sleep(TRY_AGAIN).await;
        if let Ok(listener) = listen(addr) {
            return listener;
        }
    }
}

async fn keep_up(upkeep: impl Fn()) {
    loop {
        sleep(UPKEEP).await;
        upkeep();
    }
}
