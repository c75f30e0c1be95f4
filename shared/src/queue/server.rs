//! What Redis says of itself.

use std::collections::BTreeMap;

use fred::interfaces::ClientLike as _;
use fred::types::{CustomCommand, Value};

use super::{Client, QueueError};

impl Client {
    /// The fields of a section of `INFO`: `server`, `memory`, `persistence`, `replication`, … Empty where the server
    /// does not let itself be asked.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`] where it cannot be reached; nothing is changed by asking.
    pub async fn info(&self, section: &str) -> Result<BTreeMap<String, String>, QueueError> {
        let text: Option<String> = self.ask("INFO", vec![section.into()]).await?;
        let text = text.unwrap_or_default();
        let fields = text.lines().filter_map(|line| line.trim().split_once(':'));
        Ok(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Redis's clock, ms since 1970.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn clock(&self) -> Result<i64, QueueError> {
        let live = self.link.client().await?;
        let time = live.client.custom(command("TIME"), Vec::<Value>::new()).await;
        let (seconds, micros): (i64, i64) = self.link.checked(&live, time)?;
        Ok(seconds * 1000 + micros / 1000)
    }

    /// Asks what the server may refuse to tell: then `None`.
    async fn ask<T: fred::types::FromValue>(
        &self,
        name: &'static str,
        args: Vec<Value>,
    ) -> Result<Option<T>, QueueError> {
        let live = self.link.client().await?;
        match self.link.checked(&live, live.client.custom(command(name), args).await) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if crate::link::breaks_connection(&error) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}

fn command(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, None::<u16>, false)
}
