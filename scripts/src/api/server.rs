//! Connections: how many, how long, and how they end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use redispatch::Shutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;
use tracing::debug;

use super::guard::Peer;

/// Connections at a time; others wait to be accepted.
const CONNECTIONS: usize = 256;

/// The head of a request has to be here within this time; a connection that is idle longer is closed.
const HEAD_LIMIT: Duration = Duration::from_secs(10);

/// A connection takes no more requests after this time.
const CONNECTION_LIMIT: Duration = Duration::from_secs(300);

/// What runs when the server stops, or a connection has reached its limit, has this long to end.
pub(crate) const ENDING_LIMIT: Duration = Duration::from_secs(10);

/// Serves `router` until told to stop, and then lets requests end that are under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut shutdown: Shutdown) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = room.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = shutdown.draining() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, peer.ip(), router.clone(), shutdown.clone());
                connections.spawn(async move {
                    let _place = place;
                    connection.await;
                });
            }
            // Out of file descriptors, most likely.
            Err(error) => {
                debug!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    tokio::select! {
        _ = timeout(ENDING_LIMIT, all) => {}
        () = shutdown.stopped() => {}
    }
}

async fn connection(stream: TcpStream, peer: IpAddr, router: Router, mut shutdown: Shutdown) {
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(64 << 10);
    let router = router.map_request(move |mut request: Request<_>| {
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Ok(ended),
        () = shutdown.draining() => Err(()),
        () = sleep(CONNECTION_LIMIT) => Err(()),
    };
    let ended = match ended {
        Ok(ended) => ended,
        Err(()) => {
            connection.as_mut().graceful_shutdown();
            timeout(ENDING_LIMIT, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection broke");
    }
}
