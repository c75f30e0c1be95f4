//! What the scripted servers share: connections that are counted, and end with their listener.

use std::future::Future;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::watched::Counted;

/// How many connections there are.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    /// Ever made.
    pub(crate) made: watch::Sender<usize>,
    /// Open now.
    pub(crate) open: watch::Sender<usize>,
}

/// Accepts connections until it is stopped or dropped.
#[derive(Default)]
pub(crate) struct Listener(Option<JoinHandle<()>>);

impl Listener {
    /// Serves every connection with `serve`, which gets its number, counted from 1.
    pub(crate) fn start<F>(
        listener: TcpListener,
        connections: Connections,
        serve: impl Fn(TcpStream, usize) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self(Some(tokio::spawn(async move {
            // Owns the connections: they end with it.
            let mut sessions = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let mut number = 0;
                connections.made.send_modify(|count| {
                    *count += 1;
                    number = *count;
                });
                let open = Counted::new(&connections.open);
                let session = serve(stream, number);
                sessions.spawn(async move {
                    let _open = open;
                    session.await;
                });
                while sessions.try_join_next().is_some() {}
            }
        })))
    }

    /// Back when nothing is accepted any more; the connections are being closed.
    pub(crate) async fn stop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
