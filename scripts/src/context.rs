//! What every verb is given.

use std::collections::BTreeSet;
use std::time::Duration;

use redispatch::config::{ApiSettings, Faults, QueueSettings, Reader, Sources};
use redispatch::queue::{Client, Queue, QueueError};

use crate::cli::{Cli, Verb};
use crate::error::Error;
use crate::output;

/// What every verb is given.
pub(crate) struct Context {
    /// Redis, not connected yet.
    pub(crate) client: Client,
    /// Print JSON.
    pub(crate) json: bool,
    /// Of `serve`; no other verb looks at them.
    pub(crate) api: Option<ApiSettings>,
}

impl Context {
    /// Reads the settings that a verb needs.
    ///
    /// # Errors
    ///
    /// Every setting that cannot be used.
    pub(crate) fn new(sources: &Sources, cli: &Cli) -> Result<Self, Faults> {
        let mut reader = Reader::new(sources);
        let settings = QueueSettings::read(&mut reader);
        let api = matches!(cli.verb, Verb::Serve(_)).then(|| ApiSettings::read(&mut reader));
        reader.finish()?;
        let client = Client::new(settings);
        let client = client.map_err(|error| {
            redispatch::config::Fault::new("REDIS_URL", error.to_string(), "see .env.example")
        })?;
        Ok(Self { client, json: cli.common.json, api })
    }

    /// A queue by its name.
    ///
    /// # Errors
    ///
    /// It is no name of a queue.
    pub(crate) fn queue(&self, name: &str) -> Result<Queue, Error> {
        self.client.queue(name).map_err(|error| Error::new(error.to_string()))
    }

    /// Waits for an order that the library repeats while Redis is silent, but no longer than somebody at a terminal does.
    ///
    /// # Errors
    ///
    /// As the order's; it may be done all the same.
    pub(crate) async fn within<T>(
        &self,
        order: impl Future<Output = Result<T, QueueError>>,
    ) -> Result<T, QueueError> {
        self.client.within(Duration::from_secs(10), order).await
    }

    /// Whether somebody has served the queue, or filled it through the library, or `QUEUES` names it.
    ///
    /// # Errors
    ///
    /// Redis does not say what queues there are.
    pub(crate) async fn is_known(&self, name: &str) -> Result<bool, Error> {
        Ok(self.names().await?.iter().any(|known| known == name))
    }

    /// The queues named, each of which is known or holds something; all there are where none is named.
    ///
    /// # Errors
    ///
    /// One is not there: a misspelt name must not look like an empty queue. Or Redis does not answer.
    pub(crate) async fn existing(&self, names: &[String]) -> Result<Vec<Queue>, Error> {
        let queues = self.queues(names).await?;
        let known = self.names().await?;
        for queue in queues.iter().filter(|queue| !known.iter().any(|known| known == queue.name())) {
            let stats = queue.stats().await;
            let stats = stats
                .map_err(|error| Error::redis(format!("cannot look at queue `{}`", queue.name()), error))?;
            if stats.waiting() + stats.processing + stats.delayed + stats.dead_letter == 0 {
                let error = Error::new(format!("there is no queue `{}`", queue.name())).changed("nothing");
                let hint =
                    format!("there are {}; QUEUES names those that nobody has served yet", known.join(", "));
                return Err(error.hint(hint));
            }
        }
        Ok(queues)
    }

    /// The same for one.
    ///
    /// # Errors
    ///
    /// As [`Context::existing`].
    pub(crate) async fn existing_queue(&self, name: &str) -> Result<Queue, Error> {
        self.existing(&[name.to_owned()]).await?;
        self.queue(name)
    }

    /// The names of all queues. In a cluster the list lies on one of the servers: without it there are those that
    /// everybody knows, and the operator is told so.
    ///
    /// # Errors
    ///
    /// Redis does not say what queues there are.
    pub(crate) async fn names(&self) -> Result<Vec<String>, Error> {
        match self.client.queues().await {
            Err(error) if self.client.settings().redis.is_cluster() && self.client.nodes().await.is_ok() => {
                let named: Vec<_> = self.client.named().into_iter().collect();
                let shown = named.join(", ");
                output::say(&format!("warning: cannot list the queues ({error}); going on with {shown}"));
                Ok(named)
            }
            names => names.map_err(|error| Error::redis("cannot list the queues", error)),
        }
    }

    /// The queues named, all there are where none is.
    ///
    /// # Errors
    ///
    /// One is no name of a queue, or Redis does not say what queues there are.
    pub(crate) async fn queues(&self, names: &[String]) -> Result<Vec<Queue>, Error> {
        if !names.is_empty() {
            let mut known = BTreeSet::new();
            return names.iter().filter(|name| known.insert(*name)).map(|name| self.queue(name)).collect();
        }
        self.names().await?.iter().map(|name| self.queue(name)).collect()
    }
}
