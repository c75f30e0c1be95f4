//! Claims the ids of messages in hand before anything else becomes of them.

use std::sync::Arc;

use fred::types::Value;
use tracing::{info, warn};

use super::hand::Held;
use super::settle::millis;
use super::shared::Shared;
use super::status::status_id;
use crate::script::{self, BEGIN};
use crate::telemetry::event;

/// Passes every message with an id through `begin.lua`, repeated until answered, and gives those that are to go on:
/// duplicates and messages taken over meanwhile are let go of here.
pub(crate) async fn begin(shared: &Shared, messages: Vec<Arc<Held>>) -> Vec<Arc<Held>> {
    let ids: Vec<_> = messages.iter().map(|held| status_id(held)).collect();
    if ids.iter().all(Option::is_none) {
        return messages;
    }
    let keys = &shared.keys;
    let mut call = vec![keys.processing.clone(), keys.messages.clone(), keys.counters.clone()];
    let mut args: Vec<Value> = vec![millis(shared.settings.completed_retention)];
    for (held, id) in messages.iter().zip(&ids) {
        if let Some(id) = id {
            call.push(keys.status(id));
            args.extend([held.token.as_str().into(), held.stamp().into()]);
        }
    }
    let answer = script::run_until_answered(&shared.link, &BEGIN, call, |_| args.clone()).await;
    let mut answers = script::into_texts(answer).into_iter();
    let mut going = Vec::with_capacity(messages.len());
    for (held, id) in messages.into_iter().zip(ids) {
        let verdict = if id.is_some() { answers.next() } else { Some("go".to_owned()) };
        match verdict.as_deref() {
            Some("go") => going.push(held),
            Some("duplicate") => {
                shared.metrics.duplicates.increment(1);
                info!(event = event::MESSAGE_DUPLICATE, queue = %shared.queue, ref = held.token.reference(), id,
                    "dropped: this id was sent, or is in hand or delayed elsewhere, or another copy is to be sent");
                shared.hand.release([held.token.number]);
            }
            Some("cancelled") => {
                info!(event = event::MESSAGE_CANCELLED, queue = %shared.queue, ref = held.token.reference(), id,
                    "dropped: this id was cancelled");
                shared.hand.release([held.token.number]);
            }
            _ => {
                warn!(event = event::LEASE_LOST, queue = %shared.queue, ref = held.token.reference(), id,
                    "not begun: somebody else took this message over");
                shared.hand.release([held.token.number]);
            }
        }
    }
    going
}
