//! An address on which a worker is asked about itself, served from a thread of its own that no busy send can starve.

use std::io::{Error, ErrorKind, Result};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use tokio::sync::oneshot;
use tracing::{error, info, warn};

use super::event;

/// How often an address that is taken is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// How often upkeep runs.
const UPKEEP: Duration = Duration::from_secs(5);

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
    axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await.map_err(Error::other)
}

/// Waits until the address is free, and takes it.
async fn freed(addr: SocketAddr) -> TcpListener {
    loop {
        tokio::time::sleep(TRY_AGAIN).await;
        if let Ok(listener) = listen(addr) {
            return listener;
        }
    }
}

async fn keep_up(upkeep: impl Fn()) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        upkeep();
    }
}
