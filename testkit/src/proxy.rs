//! A TCP proxy in front of a Redis that breaks on command.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

mod connection;
mod rule;

use rule::Fault;
pub use rule::{Rule, Then};

/// Passes everything on until it is told otherwise. Runs on a thread of its own, so that a test which blocks its
/// runtime does not block the network too.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    network: watch::Sender<Network>,
    cuts: watch::Sender<u64>,
    rules: Mutex<Vec<Rule>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Network {
    Up,
    Refusing,
    BlackHole,
}

impl Proxy {
    /// Starts one on a free port of 127.0.0.1. The upstream need not be there yet.
    pub fn start(upstream: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let addr = listener.local_addr().expect("a bound socket has an address");
        listener.set_nonblocking(true).expect("a socket can be set to not block");
        let shared = Arc::new(Shared {
            upstream,
            network: watch::Sender::new(Network::Up),
            cuts: watch::Sender::new(0),
            rules: Mutex::default(),
        });
        let (stop, mut stopped) = watch::channel(false);
        let served = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                tokio::select! {
                    () = accept(listener, served) => {}
                    _ = stopped.changed() => {}
                }
            });
        });
        Self { addr, shared, thread: Some(thread), stop }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// `redis://127.0.0.1:PORT/0`
    pub fn url(&self) -> String {
        format!("redis://{}/0", self.addr)
    }

    /// Counts the requests that hold `pattern`, and lets them pass.
    ///
    /// A pattern is looked for in all bytes of a request: the SHA of a script, a command's name, a key.
    /// `SCRIPT …` commands never match, so that the SHA finds its calls only.
    pub fn watch(&self, pattern: impl AsRef<[u8]>) -> Rule {
        self.add(pattern, Fault::None)
    }

    /// Lets the next request that holds `pattern` through and throws its reply away. One call, one loss.
    ///
    /// A `NOSCRIPT` reply passes and does not count: nothing was executed.
    pub fn lose_reply(&self, pattern: impl AsRef<[u8]>, then: Then) -> Rule {
        self.add(pattern, Fault::LoseReply(then))
    }

    /// Keeps the next request that holds `pattern` back, with all that follows on its connection, until
    /// [`Rule::release`]: that request alone is then executed, late. Never released, it is simply lost.
    pub fn hold_request(&self, pattern: impl AsRef<[u8]>, then: Then) -> Rule {
        self.add(pattern, Fault::HoldRequest(then))
    }

    /// Closes every connection there is, whatever is under way. New ones are welcome.
    pub fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Cuts every connection and closes each new one at once, until [`Proxy::restore`].
    pub fn refuse(&self) {
        self.shared.network.send_replace(Network::Refusing);
        self.cut();
    }

    /// Lets nothing through in either direction, without closing anything, until [`Proxy::restore`]; then what
    /// was on its way arrives, late.
    pub fn black_hole(&self) {
        self.shared.network.send_replace(Network::BlackHole);
    }

    /// Ends [`Proxy::refuse`] and [`Proxy::black_hole`].
    pub fn restore(&self) {
        self.shared.network.send_replace(Network::Up);
    }

    fn add(&self, pattern: impl AsRef<[u8]>, fault: Fault) -> Rule {
        let rule = Rule::new(pattern.as_ref(), fault, self.shared.upstream);
        self.shared.rules.lock().unwrap_or_else(PoisonError::into_inner).push(rule.clone());
        rule
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        // out of file numbers, or the client has gone again: the next one may do better
        let Ok((client, _)) = listener.accept().await else { continue };
        if *shared.network.borrow() == Network::Refusing {
            continue;
        }
        let (shared, mut cuts) = (Arc::clone(&shared), shared.cuts.subscribe());
        tokio::spawn(async move {
            let Ok(redis) = TcpStream::connect(shared.upstream).await else { return };
            tokio::select! {
                _ = connection::serve(client, redis, &shared) => {}
                _ = cuts.changed() => {}
            }
        });
    }
}
