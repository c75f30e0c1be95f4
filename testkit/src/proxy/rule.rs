use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::client::Client;
use crate::{LIMIT, Reply};

/// What becomes of the connection on which a fault struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is closed.
    Close,
    /// It stays open and nothing passes on it any more, until the client closes it or [`Proxy::cut`].
    ///
    /// [`Proxy::cut`]: super::Proxy::cut
    Hang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    LoseReply(Then),
    HoldRequest(Then),
}

/// What a proxy was told to do with certain requests, and what came of it. It stays in force when dropped.
#[derive(Clone, Debug)]
pub struct Rule(Arc<State>);

#[derive(Debug)]
struct State {
    pattern: Vec<u8>,
    fault: Fault,
    upstream: SocketAddr,
    armed: Mutex<bool>,
    seen: watch::Sender<usize>,
    struck: watch::Sender<bool>,
    held: Mutex<Option<Bytes>>,
}

impl Rule {
    pub(super) fn new(pattern: &[u8], fault: Fault, upstream: SocketAddr) -> Self {
        assert!(!pattern.is_empty(), "an empty pattern matches nothing in particular");
        Self(Arc::new(State {
            pattern: pattern.to_vec(),
            fault,
            upstream,
            armed: Mutex::new(fault != Fault::None),
            seen: watch::Sender::new(0),
            struck: watch::Sender::new(false),
            held: Mutex::new(None),
        }))
    }

    /// How many requests held the pattern so far, those it struck included.
    pub fn seen(&self) -> usize {
        *self.0.seen.borrow()
    }

    /// Waits until at least `count` requests held the pattern.
    pub async fn wait_seen(&self, count: usize) {
        let mut seen = self.0.seen.subscribe();
        let enough = timeout(LIMIT, seen.wait_for(|seen| *seen >= count)).await.is_ok();
        assert!(enough, "{:?} was seen {} times, not {count}, within {LIMIT:?}", self.pattern(), self.seen());
    }

    /// Waits until the fault struck: the reply was thrown away after Redis had executed the request, or the
    /// request is held.
    pub async fn struck(&self) {
        self.struck_within(LIMIT).await;
    }

    /// The same with a limit of the caller's own.
    pub async fn struck_within(&self, limit: Duration) {
        let mut struck = self.0.struck.subscribe();
        let done = timeout(limit, struck.wait_for(|struck| *struck)).await.is_ok();
        assert!(done, "nothing with {:?} came within {limit:?} (seen: {})", self.pattern(), self.seen());
    }

    /// Lets Redis execute the held request now, on a connection of its own, and gives the reply.
    ///
    /// # Panics
    ///
    /// When nothing is held, or Redis is away.
    pub async fn release(&self) -> Reply {
        let held = self.0.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        let request = held.unwrap_or_else(|| panic!("no request with {:?} is held", self.pattern()));
        let late = async {
            let mut client = Client::connect(self.0.upstream).await?;
            client.send(&request).await?;
            client.reply().await
        };
        let reply = timeout(LIMIT, late).await.expect("Redis answers the late request in time");
        reply.expect("Redis takes the late request")
    }

    /// Notes a request, and says what to do with it where it is this rule's turn.
    pub(super) fn meet(&self, request: &[u8], taken: bool) -> Option<Fault> {
        if !request.windows(self.0.pattern.len()).any(|part| part == self.0.pattern) {
            return None;
        }
        self.0.seen.send_modify(|seen| *seen += 1);
        let armed = &mut *self.0.armed.lock().unwrap_or_else(PoisonError::into_inner);
        (!taken && std::mem::take(armed)).then_some(self.0.fault)
    }

    pub(super) fn rearm(&self) {
        *self.0.armed.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    pub(super) fn strike(&self) {
        self.0.struck.send_replace(true);
    }

    pub(super) fn hold(&self, request: Bytes) {
        *self.0.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(request);
        self.strike();
    }

    fn pattern(&self) -> String {
        self.0.pattern.escape_ascii().to_string()
    }
}
