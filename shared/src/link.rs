//! One connection to Redis that is built anew rather than trusted after a time-out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use fred::error::{Error, ErrorKind};
use fred::prelude::{Builder, Client, ClientLike};
use fred::types::config::{Config, ServerConfig, TcpConfig, UnresponsiveConfig};
use fred::types::{CustomCommand, Value};
use futures::future::BoxFuture;
use metrics::Counter;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::place::Place;
use crate::script::into_text;
use crate::telemetry::event;
use crate::{clock, dns};

/// Longest wait for the answer to a command, and for a connection.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_secs(3);
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// The purpose of the link that every worker's scripts run on.
pub(crate) const COMMANDS: &str = "commands";

/// A connection that several tasks share. It connects when it is first needed, and again after [`Link::discard`].
pub(crate) struct Link {
    place: Place,
    purpose: &'static str,
    current: RwLock<Option<Connected>>,
    connecting: tokio::sync::Mutex<()>,
    traffic: Traffic,
    /// A connection was lost, and no other one made since.
    lost: AtomicBool,
    refusals: Mutex<Refusals>,
}

/// Counts calls and lost connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Traffic {
    pub(crate) round_trips: Counter,
    pub(crate) reconnects: Counter,
}

/// Calls that are being repeated, since Redis does not answer them as it should.
#[derive(Clone, Default)]
pub(crate) struct Refusals {
    /// By script, with what Redis said.
    pub(crate) now: BTreeMap<&'static str, String>,
    /// When the last one of them was answered at last.
    pub(crate) ended: Option<Instant>,
}

/// A live client, and which one of the link's clients it is.
#[derive(Clone)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    /// The client's own task, which holds the socket.
    task: AbortHandle,
    /// Where it leads.
    server: ServerConfig,
    pub(crate) generation: u64,
    /// Boot clock at which it was connected, ms.
    pub(crate) since: u64,
}

tokio::task_local! {
    /// Calls of this task that are not answered yet, by the address of their link.
    pub(crate) static UNANSWERED: Arc<Mutex<BTreeMap<usize, usize>>>;
}

impl Connected {
    fn end(self) {
        end(self.client, self.task);
    }
}

impl Link {
    /// A link for `purpose` (a word for logs). Nothing is connected yet.
    pub(crate) fn new(place: Place, purpose: &'static str) -> Self {
        Self {
            place,
            purpose,
            current: RwLock::new(None),
            connecting: tokio::sync::Mutex::new(()),
            traffic: Traffic { round_trips: Counter::noop(), reconnects: Counter::noop() },
            lost: AtomicBool::new(false),
            refusals: Mutex::default(),
        }
    }

    /// The same link, with its calls counted.
    #[must_use]
    pub(crate) fn counted(mut self, traffic: Traffic) -> Self {
        self.traffic = traffic;
        self
    }

    /// The live client, for one call, which is counted; connects where there is none.
    pub(crate) async fn client(&self) -> Result<Connected, Error> {
        self.count_unanswered(|calls| calls + 1);
        let live =
            self.connected().await.inspect_err(|_| self.count_unanswered(|calls| calls.saturating_sub(1)))?;
        self.traffic.round_trips.increment(1);
        Ok(live)
    }

    async fn connected(&self) -> Result<Connected, Error> {
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let _turn = self.connecting.lock().await;
        if let Some(live) = self.live() {
            return Ok(live);
        }
        // One that ended by itself, or leads to a server that is not the one to talk to any more.
        if let Some(generation) = self.current().map(|gone| gone.generation) {
            self.discard(generation);
        }
        let (client, task, server) = self.connect().await.inspect_err(|_| self.place.mistrust())?;
        let mut current = self.current.write().unwrap_or_else(|e| e.into_inner());
        let since = clock::boot_ms();
        let generation = GENERATION.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let connected = Connected { client, task, server, generation, since };
        *current = Some(connected.clone());
        if self.is_main() {
            if self.lost.swap(false, Relaxed) {
                self.traffic.reconnects.increment(1);
            }
            info!(event = event::REDIS_CONNECTED, "connected to Redis");
        } else {
            debug!(event = event::REDIS_CONNECTED, purpose = self.purpose, "connected to Redis");
        }
        Ok(connected)
    }

    /// Throws the client of `generation` away, so that the next call connects anew.
    pub(crate) fn discard(&self, generation: u64) {
        let mut current = self.current.write().unwrap_or_else(|e| e.into_inner());
        if current.as_ref().is_some_and(|live| live.generation == generation) {
            if self.is_main() {
                self.lost.store(true, Relaxed);
                warn!(event = event::REDIS_DISCONNECTED, "lost the connection to Redis; connecting anew");
            } else {
                debug!(event = event::REDIS_DISCONNECTED, purpose = self.purpose, "dropped a connection");
            }
            current.take().into_iter().for_each(Connected::end);
            self.place.mistrust();
        }
    }

    /// Passes on what a command on `live` was answered. A lost or late answer drops the connection.
    pub(crate) fn checked<T>(&self, live: &Connected, answer: Result<T, Error>) -> Result<T, Error> {
        self.count_unanswered(|calls| calls.saturating_sub(1));
        answer.inspect_err(|error| {
            if breaks_connection(error) {
                self.discard(live.generation);
            }
        })
    }

    /// Whether `calls`, those of one task, wait for an answer on this link.
    pub(crate) fn is_waited_for(&self, calls: &BTreeMap<usize, usize>) -> bool {
        calls.get(&self.address()).is_some_and(|calls| *calls > 0)
    }

    fn count_unanswered(&self, change: impl FnOnce(usize) -> usize) {
        let _ = UNANSWERED.try_with(|calls| {
            let mut calls = calls.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let count = calls.entry(self.address()).or_default();
            *count = change(*count);
        });
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Closes the connection; a later call connects again.
    pub(crate) fn close(&self) {
        self.current.write().unwrap_or_else(|e| e.into_inner()).take().into_iter().for_each(Connected::end);
    }

    /// Boot clock, ms, since when this link has been connected; `None` while it is not.
    pub(crate) fn connected_since(&self) -> Option<u64> {
        self.live().map(|live| live.since)
    }

    /// Which client is live, if any.
    pub(crate) fn generation(&self) -> Option<u64> {
        self.live().map(|live| live.generation)
    }

    /// Whether there is a connection, as far as this side of it knows.
    pub(crate) fn is_connected(&self) -> bool {
        self.live().is_some_and(|live| live.client.is_connected())
    }

    /// Redis does not answer `script` as it should, and is asked again.
    pub(crate) fn refused(&self, script: &'static str, error: String) {
        self.lock_refusals().now.insert(script, error);
    }

    /// Redis has answered `script` after all.
    pub(crate) fn answered(&self, script: &'static str) {
        let mut refusals = self.lock_refusals();
        refusals.now.remove(script);
        refusals.ended = Some(Instant::now());
    }

    /// What Redis does not answer as it should.
    pub(crate) fn refusals(&self) -> Refusals {
        self.lock_refusals().clone()
    }

    fn lock_refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The one connection whose coming and going an operator wants to read of.
    fn is_main(&self) -> bool {
        self.purpose == COMMANDS
    }

    /// The client that can be used. Its task ends with the socket.
    fn live(&self) -> Option<Connected> {
        self.current().filter(|live| !live.task.is_finished() && self.place.is_at(&live.server))
    }

    fn current(&self) -> Option<Connected> {
        self.current.read().unwrap_or_else(|e| e.into_inner()).clone()
    }

    async fn connect(&self) -> Result<(Client, AbortHandle, ServerConfig), Error> {
        let place = self.place.clone();
        apart(Box::pin(async move { connect_to(&place).await }), |(client, task, _)| end(client, task)).await
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether it is one that takes writes. One that does not say is trusted.
async fn is_primary(client: &Client) -> Result<(), Error> {
    let role =
        client.custom(CustomCommand::new_static("ROLE", None::<u16>, false), Vec::<Value>::new()).await;
    match role {
        Ok(Value::Array(role)) if role.first().is_some_and(|role| into_text(role.clone()) != "master") => {
            Err(Error::new(ErrorKind::Sentinel, "no primary (yet), though a sentinel calls it one"))
        }
        Err(error) if breaks_connection(&error) => Err(error),
        _ => Ok(()),
    }
}

/// A connection to the one server of `config`.
///
/// # Errors
///
/// It could not be made in time.
pub(crate) async fn connect(config: Config) -> Result<(Client, AbortHandle), Error> {
    apart(Box::pin(init(config)), |(client, task)| end(client, task)).await
}

/// Connects in a task of its own: a caller that waits no longer leaves no half-made connection behind.
async fn apart<T: Send + 'static>(
    connect: BoxFuture<'static, Result<T, Error>>,
    end: fn(T),
) -> Result<T, Error> {
    let (connected, wait) = oneshot::channel();
    tokio::spawn(async move {
        if let Err(Ok(unwanted)) = connected.send(connect.await) {
            end(unwanted);
        }
    });
    wait.await.unwrap_or_else(|_| Err(Error::new(ErrorKind::Canceled, "the runtime ends")))
}

async fn connect_to(place: &Place) -> Result<(Client, AbortHandle, ServerConfig), Error> {
    let config = place.find().await?;
    let found = config.server.clone();
    let (client, task) = init(config).await.map_err(|error| place.told_of(&found, error))?;
    if place.may_be_replica()
        && let Err(error) = is_primary(&client).await
    {
        end(client, task);
        return Err(place.told_of(&found, error));
    }
    Ok((client, task, found))
}

async fn init(config: Config) -> Result<(Client, AbortHandle), Error> {
    let speaks_tls = config.tls.is_some();
    let client = Builder::from_config(config)
        .with_connection_config(|connection| {
            connection.max_command_attempts = 1;
            connection.connection_timeout = CONNECT_LIMIT;
            connection.internal_command_timeout = CONNECT_LIMIT;
            connection.max_command_buffer_len = 10_000;
            connection.unresponsive = UnresponsiveConfig { max_timeout: None, ..Default::default() };
            connection.tcp = TcpConfig { nodelay: Some(true), ..Default::default() };
        })
        .with_performance_config(|performance| performance.default_command_timeout = COMMAND_LIMIT)
        .build()?;
    client.set_resolver(Arc::new(dns::Lookup)).await;
    match tokio::time::timeout(2 * CONNECT_LIMIT, client.init()).await {
        Ok(Ok(task)) => Ok((client, task.abort_handle())),
        // What fails or is never answered while connecting ends by itself, at the limits above.
        Ok(Err(error)) if speaks_tls && *error.kind() == ErrorKind::Timeout => {
            Err(Error::new(ErrorKind::Timeout, "no answer to the TLS handshake: is TLS spoken at this port?"))
        }
        Ok(Err(error)) => Err(error),
        Err(_) => Err(Error::new(ErrorKind::Timeout, "no answer while connecting")),
    }
}

/// After these nothing on the connection can be trusted: an answer may still be under way, or the server is no
/// longer the one to talk to.
pub(crate) fn breaks_connection(error: &Error) -> bool {
    let said = error.details();
    match error.kind() {
        ErrorKind::IO
        | ErrorKind::Timeout
        | ErrorKind::Canceled
        | ErrorKind::Protocol
        | ErrorKind::Parse
        | ErrorKind::Routing
        | ErrorKind::Auth => true,
        _ => ELSEWHERE.iter().any(|word| said.starts_with(word)) || said.contains("route command"),
    }
}

/// With these a server says that it is not, or not any more, the one to talk to.
const ELSEWHERE: [&str; 5] = ["READONLY", "MASTERDOWN", "MOVED", "CLUSTERDOWN", "NOREPLICAS"];

static GENERATION: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);

/// Lets go of a client in the background. Its task outlives the client, and on a frozen server even `QUIT` is never
/// answered.
pub(crate) fn end(client: Client, task: AbortHandle) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(Duration::from_secs(1), client.quit()).await;
                task.abort();
            });
        }
        Err(_) => task.abort(),
    }
}
