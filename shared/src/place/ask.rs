//! One question to a sentinel or to a node of a cluster.

use fred::error::{Error, ErrorKind};
use fred::prelude::{Client, ClientLike};
use fred::types::config::Server;
use fred::types::{CustomCommand, Value};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::answers::{Range, Told, address, list, ranges};
use super::at;
use super::guide::{ASK_LIMIT, Answer, Asked, Shared};
use crate::link;

/// A connection that ends with this value, whoever drops it.
pub(super) struct Connection(Option<(Client, AbortHandle)>);

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some((client, task)) = self.0.take() {
            link::end(client, task);
        }
    }
}

/// Asks `server` once.
pub(super) async fn ask(guide: &Shared, server: &Server) -> Result<Answer, Error> {
    let asked = async { connect(guide, server).await?.ask(guide, server).await };
    let late = |_| Err(Error::new(ErrorKind::Timeout, "no answer"));
    timeout(ASK_LIMIT, asked).await.unwrap_or_else(late)
}

/// A connection to somebody who is to be asked.
pub(super) async fn connect(guide: &Shared, server: &Server) -> Result<Connection, Error> {
    let mut login = at(&guide.config, server.clone());
    login.database = None;
    if let Asked::Sentinels { username, password, .. } = &guide.asked {
        (login.username, login.password) = (username.clone(), password.clone());
    }
    let connected = link::connect(login).await.map_err(|error| mistaken(guide, error))?;
    Ok(Connection(Some(connected)))
}

impl Connection {
    pub(super) async fn ask(&self, guide: &Shared, server: &Server) -> Result<Answer, Error> {
        let answer = match &guide.asked {
            Asked::Sentinels { service, .. } => self.ask_sentinel(server, service).await,
            Asked::Cluster { .. } => self.command(&["CLUSTER", "SLOTS"]).await.map(|slots| {
                let ranges = ranges(slots, server);
                let others = ranges.iter().flat_map(|range| range.servers.clone()).collect();
                Answer { ranges, others, epoch: 0 }
            }),
        };
        let mut answer = answer.map_err(|error| mistaken(guide, error))?;
        // Sentinels tell of all but themselves.
        answer.others.push(server.clone());
        Ok(answer)
    }

    async fn ask_sentinel(&self, server: &Server, service: &str) -> Result<Answer, Error> {
        let primary = self.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", service]).await?;
        let unknown = || Error::new(ErrorKind::Sentinel, format!("knows no service `{service}`"));
        let primary = address(primary, server).ok_or_else(unknown)?;
        // Who may not ask these two goes without.
        let state = self.command(&["SENTINEL", "MASTER", service]).await.unwrap_or(Value::Null);
        let others = self.command(&["SENTINEL", "SENTINELS", service]).await.unwrap_or(Value::Null);
        Ok(Answer {
            ranges: vec![Range { slots: 0..=u16::MAX, servers: vec![primary] }],
            others: list(others).into_iter().filter_map(|other| Told::new(other).sentinel()).collect(),
            epoch: Told::new(state).field("config-epoch").and_then(|epoch| epoch.parse().ok()).unwrap_or(0),
        })
    }

    async fn command(&self, words: &[&str]) -> Result<Value, Error> {
        let Some((client, _)) = &self.0 else { return Err(Error::new(ErrorKind::Canceled, "closed")) };
        let command = CustomCommand::new(words[0].to_owned(), None::<u16>, false);
        client.custom(command, words[1..].iter().map(|word| Value::from(*word)).collect::<Vec<_>>()).await
    }
}

/// What is wrong where the URL leads to another kind of server.
fn mistaken(guide: &Shared, error: Error) -> Error {
    let said = error.details();
    let why = match guide.asked {
        Asked::Cluster { .. } if said.contains("cluster support disabled") => {
            "is no cluster: write its URL as redis://"
        }
        Asked::Sentinels { .. } if said.contains("unknown command") => "is no sentinel",
        _ => return error,
    };
    Error::new(error.kind().clone(), why)
}
