//! Who knows the way.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fred::error::{Error, ErrorKind};
use fred::types::config::{Config, Server};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::answers::Range;
use super::{ask, watch};
use crate::script;

/// Longest wait for one that is asked.
pub(super) const ASK_LIMIT: Duration = Duration::from_secs(1);

/// The next one is asked too while one is silent for so long.
const NEXT: Duration = Duration::from_millis(200);

/// Sentinels, or the nodes of a cluster. Clones share what they have heard.
#[derive(Clone)]
pub(super) struct Guide(Arc<Shared>);

pub(super) struct Shared {
    pub(super) asked: Asked,
    pub(super) config: Config,
    /// Those of the URL.
    given: Vec<Server>,
    /// Those the last answer told of.
    heard: Mutex<Vec<Server>>,
    /// Who is asked first.
    turn: AtomicUsize,
    /// The primary that sentinels name, and the number of the failover that made it one.
    primary: Mutex<Option<(u64, Server)>>,
    pub(super) watched: AtomicBool,
}

#[derive(Clone)]
pub(super) enum Asked {
    /// For the primary of a service, with a login of their own.
    Sentinels { service: String, username: Option<String>, password: Option<String> },
    /// For the primary of a slot.
    Cluster { slot: u16 },
}

/// What somebody answered.
pub(super) struct Answer {
    pub(super) ranges: Vec<Range>,
    pub(super) others: Vec<Server>,
    /// The number of the last failover, 0 where that is not told.
    pub(super) epoch: u64,
}

impl Guide {
    pub(super) fn new(asked: Asked, given: Vec<Server>, config: &Config) -> Self {
        Self(Arc::new(Shared {
            asked,
            config: config.clone(),
            given,
            heard: Mutex::default(),
            turn: AtomicUsize::new(0),
            primary: Mutex::default(),
            watched: AtomicBool::new(false),
        }))
    }

    pub(super) fn is_sentinels(&self) -> bool {
        self.0.is_sentinels()
    }

    /// The server that has the keys.
    pub(super) async fn find(&self) -> Result<Server, Error> {
        if self.is_sentinels() {
            watch::start(&self.0);
        }
        self.0.holder(&self.tell().await?).cloned()
    }

    /// Who holds what, as the first one says who knows.
    pub(super) async fn tell(&self) -> Result<Vec<Range>, Error> {
        let servers = self.0.servers();
        let first = self.0.turn.load(Relaxed);
        let mut asking: FuturesUnordered<_> = (0..servers.len())
            .map(|step| {
                let server = &servers[(first + step) % servers.len()];
                async move {
                    tokio::time::sleep(NEXT * step as u32).await;
                    (server, self.0.ask(server).await)
                }
            })
            .collect();
        let mut failed = Error::new(ErrorKind::Config, "nobody to ask");
        while let Some((server, answer)) = asking.next().await {
            match answer {
                Ok(answer) => return Ok(answer.ranges),
                Err(error) => failed = told_of(server, &error),
            }
        }
        self.turn_on();
        Err(failed)
    }

    pub(super) fn turn_on(&self) {
        self.0.turn.fetch_add(1, Relaxed);
    }

    /// Which server sentinels called the primary last.
    pub(super) fn primary(&self) -> Option<Server> {
        lock(&self.0.primary).as_ref().map(|(_, server)| server.clone())
    }
}

impl Shared {
    pub(super) fn servers(&self) -> Vec<Server> {
        let mut servers = self.given.clone();
        servers.extend(lock(&self.heard).iter().filter(|server| !self.given.contains(server)).cloned());
        servers
    }

    /// Asks `server`, and keeps in mind what it says.
    pub(super) async fn ask(&self, server: &Server) -> Result<Answer, Error> {
        self.heed(ask::ask(self, server).await?, true)
    }

    /// `wanted`: somebody is about to connect to what it names, be it the same server by another name.
    ///
    /// # Errors
    ///
    /// It says nothing of the keys, or knows less than others did.
    pub(super) fn heed(&self, answer: Answer, wanted: bool) -> Result<Answer, Error> {
        let holder = self.holder(&answer.ranges)?;
        if self.is_sentinels() {
            let mut primary = lock(&self.primary);
            if primary.as_ref().is_some_and(|(epoch, _)| *epoch > answer.epoch) {
                return Err(Error::new(ErrorKind::Sentinel, "has not heard of the last failover"));
            }
            if wanted || answer.epoch == 0 || primary.as_ref().is_none_or(|(epoch, _)| *epoch < answer.epoch)
            {
                *primary = Some((answer.epoch, holder.clone()));
            }
        }
        lock(&self.heard).clone_from(&answer.others);
        Ok(answer)
    }

    fn is_sentinels(&self) -> bool {
        matches!(self.asked, Asked::Sentinels { .. })
    }

    /// The server that has the keys.
    fn holder<'a>(&self, ranges: &'a [Range]) -> Result<&'a Server, Error> {
        let has_keys = |range: &&Range| match &self.asked {
            Asked::Sentinels { .. } => true,
            Asked::Cluster { slot } => range.slots.contains(slot),
        };
        let holder = ranges.iter().filter(has_keys).find_map(|range| range.servers.first());
        let unknown = || Error::new(ErrorKind::Cluster, "knows no server that holds the keys of this queue");
        holder.ok_or_else(unknown)
    }
}

/// `error` as that of `server`.
pub(super) fn told_of(server: &Server, error: &Error) -> Error {
    Error::new(error.kind().clone(), format!("{server}: {}", script::said(error)))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
