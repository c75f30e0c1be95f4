//! What is to become of a message that was just claimed.

use std::sync::Arc;

use bytes::Bytes;
use tracing::{info, warn};

use super::begin::begin;
use super::claim::Claim;
use super::hand::Held;
use super::settlement::{Change, Settlement};
use super::shared::Shared;
use super::token::Token;
use crate::message::Head;
use crate::outcome::Failure;
use crate::telemetry::event;

/// Messages in hand whose ids are not claimed yet, each with its change where it is not to be sent now.
pub(crate) struct Taken(Vec<(Arc<Held>, Option<Change>)>);

/// Takes the messages of a claim in hand.
pub(crate) fn take_in(shared: &Shared, claim: Claim) -> Taken {
    let Claim { messages, now, sent, takeover, .. } = claim;
    shared.metrics.claimed.increment(messages.len() as u64);
    let mut taken = Vec::with_capacity(messages.len());
    for (token, bytes) in messages {
        let (message, change) = look(shared, token, bytes, now, sent);
        if takeover {
            shared.metrics.taken_over.increment(1);
            warn!(event = event::MESSAGE_TAKEN_OVER, queue = %shared.queue, ref = message.token.reference(),
                id = message.head.id, crashes = message.crashes(),
                "took over a message whose worker died or lost its lease");
        }
        shared.hand.take(message.clone());
        taken.push((message, change));
    }
    Taken(taken)
}

impl Taken {
    /// Whether Redis has to be asked about some of them.
    pub(crate) fn has_ids(&self) -> bool {
        self.0.iter().any(|(held, _)| held.head.id.is_some())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The same in two parts, so that the first is sent while Redis is asked about the second.
    pub(crate) fn halves(mut self) -> [Self; 2] {
        let second = self.0.split_off(self.0.len().div_ceil(2));
        [self, Self(second)]
    }

    /// Claims their ids, settles what is not to be sent now, and gives what is.
    pub(crate) async fn open(self, shared: &Shared) -> Vec<Arc<Held>> {
        let claimed = self.len();
        let (mut held, mut not_now) = (Vec::with_capacity(claimed), Vec::new());
        for (message, change) in self.0 {
            not_now.extend(change.map(|change| (message.token.number, change)));
            held.push(message);
        }
        let mut sendable = begin(shared, held).await;
        for (number, change) in not_now {
            if let Some(index) = sendable.iter().position(|held| held.token.number == number) {
                let held = sendable.remove(index);
                tell(shared, &held, &change);
                shared.settle(Settlement { held, change });
            }
        }
        // What is not sent now gives its place in the rate limit back.
        shared.spend(sendable.len() as i64 - claimed as i64);
        sendable
    }
}

/// Reads one message; gives it, and its change where it is not to be sent now.
fn look(shared: &Shared, token: Token, bytes: Bytes, now: i64, sent: u64) -> (Arc<Held>, Option<Change>) {
    let judge = shared.judge();
    let head = match Head::read(&bytes, shared.settings.max_message_bytes) {
        Ok(head) => head,
        Err(malformed) => {
            let held = Arc::new(Held::new(token, bytes, (*malformed.head).clone(), sent));
            let change = judge.give_up_malformed(&held, &malformed);
            return (held, Some(change));
        }
    };
    let held = Arc::new(Held::new(token, bytes, head, sent));
    let crashes = held.crashes();
    let change = if held.token.in_doubt {
        let failure = Failure::new("its worker died after the provider may have been told to accept it");
        Some(judge.give_up(&held, "in_doubt", "in_doubt", failure))
    } else if crashes >= shared.settings.max_crashes {
        let failure = Failure::new(format!("{crashes} workers died while they held this message"));
        Some(judge.give_up(&held, "poison", "poison", failure))
    } else if held.head.expires_at.is_some_and(|at| at <= now) {
        Some(judge.give_up(&held, "expired", "expired", Failure::new("not sent by the time it expired")))
    } else if let Some(at) = held.head.send_at.filter(|at| *at > now) {
        Some(judge.park(&held, at))
    } else if held.head.crashes() > 0 {
        // It came with others; parked under its crashes, `claim.lua` gives it out alone.
        Some(judge.park(&held, now))
    } else {
        None
    };
    (held, change)
}

fn tell(shared: &Shared, held: &Held, change: &Change) {
    match change {
        Change::Park { due, .. } => {
            info!(event = event::MESSAGE_PARKED, queue = %shared.queue, ref = held.token.reference(),
                id = held.head.id, due, "to be sent later");
        }
        change => super::send::tell(shared, held, change),
    }
}
