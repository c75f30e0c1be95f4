//! What is being sent.

use bytes::Bytes;
use fred::interfaces::HashesInterface;
use futures::future::join_all;
use serde_json::value::RawValue;

use super::recent::tenant;
use super::{Queue, QueueError};
use crate::message::Head;
use crate::worker::Token;

/// A message in a worker's hands.
#[derive(Debug, Clone)]
pub struct Active {
    /// Its `id`, or its reference where its producer gave none.
    pub id: String,
    /// Its name since its first claim.
    pub reference: String,
    /// When its lease ends unless it is renewed, ms since 1970 by Redis's clock. One that is over is up for takeover.
    pub lease_ends: i64,
    /// Workers that died while they held it, since it was last written.
    pub crashes: u32,
    /// Start id of the worker that holds it: the end of the worker's id.
    pub taker: String,
    /// As its producer gave it.
    pub metadata: Option<Box<RawValue>>,
    /// The rest of a message that others got.
    pub(super) is_part: bool,
}

impl Active {
    /// Whose it is: `tenant` in its metadata, where that is a text.
    pub fn tenant(&self) -> Option<String> {
        tenant(self.metadata.as_deref()?)
    }
}

impl Queue {
    /// The messages being sent, at most `most`, those whose lease ends first in front.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn active(&self, most: usize) -> Result<Vec<Active>, QueueError> {
        if most == 0 {
            return Ok(Vec::new());
        }
        let held = self.members(&self.keys.processing, 0, most as i64 - 1).await?;
        Ok(held.iter().filter_map(|(member, bytes)| active(member, bytes)).collect())
    }

    /// Those of them that a worker holds, by its start id, at most `most`, of the `looked_at` whose lease ends first. Only
    /// their bytes are read.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn active_of(
        &self,
        taker: &str,
        most: usize,
        looked_at: usize,
    ) -> Result<Vec<Active>, QueueError> {
        if most == 0 || looked_at == 0 {
            return Ok(Vec::new());
        }
        let mut held = self.scored(&self.keys.processing, 0, looked_at as i64 - 1).await?;
        held.retain(|(member, _)| Token::parse(member).is_some_and(|token| token.taker() == taker));
        held.truncate(most);
        let held = self.with_bytes(held).await?;
        Ok(held.iter().filter_map(|(member, bytes)| active(member, bytes)).collect())
    }

    /// When the attempt of each of `messages` began, ms since 1970 by Redis's clock; `None` for one without an id, and
    /// for one that is in hand no more.
    ///
    /// # Errors
    ///
    /// [`QueueError::Redis`]; nothing is changed by asking.
    pub async fn in_hand_since(&self, messages: &[Active]) -> Result<Vec<Option<i64>>, QueueError> {
        let live = self.link.client().await?;
        let asked = messages.iter().map(|message| async {
            if message.is_part || message.id == message.reference {
                return Ok(None);
            }
            let fields = live.client.hmget(self.keys.status(&message.id), vec!["state", "token", "at"]).await;
            let (state, token, at): (Option<String>, Option<String>, Option<i64>) =
                self.link.checked(&live, fields)?;
            let is_its = token.as_deref().and_then(Token::parse).is_some_and(|token| {
                (token.reference(), token.taker()) == (message.reference.as_str(), message.taker.as_str())
            });
            Ok(at.filter(|_| is_its && state.as_deref() == Some("sending")))
        });
        join_all(asked).await.into_iter().collect()
    }
}

fn active((text, ends): &(String, f64), bytes: &Bytes) -> Option<Active> {
    let token = Token::parse(text)?;
    let head = Head::read(bytes, usize::MAX).unwrap_or_else(|malformed| *malformed.head);
    let reference = token.reference().to_owned();
    Some(Active {
        is_part: head.is_part(),
        id: head.id.map_or_else(|| reference.clone(), Into::into),
        reference,
        lease_ends: ends.floor() as i64,
        crashes: token.crashes,
        taker: token.taker().to_owned(),
        metadata: head.metadata.and_then(|text| RawValue::from_string(text.into()).ok()),
    })
}
