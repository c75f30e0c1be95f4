//! The connections of a [`Client`](super::Client).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use fred::types::config::Config;

use crate::keys::Keys;
use crate::link::Link;
use crate::place::Place;

const PURPOSE: &str = "queue";

/// Names of queues may come from anybody: of so many, those without a connection are forgotten.
const MANY: usize = 1000;

/// One connection for everything; in a cluster one for each queue, whose server may be away while others are not.
pub(super) struct Links {
    config: Config,
    registry: Place,
    first: Arc<Link>,
    apart: Option<Mutex<BTreeMap<String, Arc<Link>>>>,
}

impl Links {
    /// Nothing is connected yet. `keys` are those of any queue.
    pub(super) fn new(config: Config, keys: &Keys, is_cluster: bool) -> Self {
        let registry = Place::new(config.clone(), &keys.queues());
        let first = Arc::new(Link::new(registry.clone(), PURPOSE));
        Self { config, registry, first, apart: is_cluster.then(Mutex::default) }
    }

    /// To where `queue:queues` is.
    pub(super) fn registry(&self) -> &Arc<Link> {
        &self.first
    }

    /// To where the queue of `keys` is.
    pub(super) fn of(&self, queue: &str, keys: &Keys) -> Arc<Link> {
        let Some(apart) = &self.apart else { return self.first.clone() };
        let mut apart = apart.lock().unwrap_or_else(PoisonError::into_inner);
        if apart.len() >= MANY {
            apart.retain(|_, link| link.is_connected());
        }
        let link = || Arc::new(Link::new(Place::new(self.config.clone(), &keys.control), PURPOSE));
        apart.entry(queue.to_owned()).or_insert_with(link).clone()
    }

    /// All that there are.
    pub(super) fn all(&self) -> Vec<Arc<Link>> {
        let mut all = vec![self.first.clone()];
        if let Some(apart) = &self.apart {
            all.extend(apart.lock().unwrap_or_else(PoisonError::into_inner).values().cloned());
        }
        all
    }

    /// How to log in at any server.
    pub(super) fn place(&self) -> &Place {
        &self.registry
    }
}
