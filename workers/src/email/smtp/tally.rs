//! Who got the mail, who did not, and why: the recipients of one mail become one [`Outcome`].

use lettre::Address;
use redispatch::{Failure, Outcome, Part, Receipt, Verdict};

use super::reply::Reply;
use super::verdicts::Meaning;

pub(super) struct Tally<'a> {
    recipients: &'a [Address],
    /// One for each recipient.
    fates: Vec<Fate>,
    queue_id: Option<String>,
}

#[derive(Clone, PartialEq, Eq)]
enum Fate {
    Waiting,
    Delivered,
    Failed(Meaning, Failure),
}

impl<'a> Tally<'a> {
    pub(super) fn new(recipients: &'a [Address]) -> Self {
        Self { recipients, fates: vec![Fate::Waiting; recipients.len()], queue_id: None }
    }

    pub(super) fn is_waiting(&self, index: usize) -> bool {
        self.fates[index] == Fate::Waiting
    }

    pub(super) fn is_open(&self) -> bool {
        self.fates.contains(&Fate::Waiting)
    }

    pub(super) fn delivered(&mut self, accepted: &[usize], reply: &Reply) {
        accepted.iter().for_each(|index| self.fates[*index] = Fate::Delivered);
        self.queue_id = reply.queue_id();
    }

    pub(super) fn failed(&mut self, indexes: &[usize], means: Meaning, failure: &Failure) {
        indexes.iter().for_each(|index| self.fates[*index] = Fate::Failed(means, failure.clone()));
    }

    /// What happened to everybody who is still waiting.
    pub(super) fn rest(&mut self, means: Meaning, failure: &Failure) {
        for fate in self.fates.iter_mut().filter(|fate| **fate == Fate::Waiting) {
            *fate = Fate::Failed(means, failure.clone());
        }
    }

    /// The outcome when the sender was told not to go on.
    pub(super) fn unconfirmed(mut self) -> Outcome {
        let may_have_it = |fate: &Fate| matches!(fate, Fate::Delivered | Fate::Failed(Meaning::InDoubt, _));
        if !self.fates.iter().any(may_have_it) {
            return Outcome::Unconfirmed;
        }
        let failure = Failure::new("not sent: the hold on the message was not confirmed").by("smtp");
        self.rest(Meaning::Retry, &failure);
        self.outcome()
    }

    pub(super) fn outcome(self) -> Outcome {
        let delivered = self.fates.contains(&Fate::Delivered);
        let mut failed = self.fates.iter().filter_map(|fate| match fate {
            Fate::Failed(means, failure) => Some((*means, failure)),
            Fate::Waiting | Fate::Delivered => None,
        });
        let Some((means, failure)) = failed.next() else {
            return Outcome::Sent(Receipt { provider_id: self.queue_id, provider: Some("smtp") });
        };
        if !delivered {
            // What concerns everybody goes before what concerns one recipient.
            let all = || std::iter::once((means, failure)).chain(failed.clone());
            let of = |wanted| all().find(|(means, _)| *means == wanted);
            let in_doubt = of(Meaning::InDoubt).is_some();
            let everybody = of(Meaning::Config).or(of(Meaning::Throttle)).filter(|_| !in_doubt);
            let alike = all().all(|(other, _)| other == means).then_some((means, failure));
            if let Some((means, failure)) = everybody.or(alike) {
                return whole(means, failure.clone());
            }
        }
        Outcome::Split { served: delivered, parts: self.parts() }
    }

    /// One part for each answer.
    fn parts(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = Vec::new();
        for (recipient, fate) in self.recipients.iter().zip(&self.fates) {
            let Fate::Failed(means, failure) = fate else { continue };
            let verdict = match means {
                Meaning::Reject | Meaning::Sender => Verdict::Reject,
                Meaning::InDoubt => Verdict::InDoubt,
                Meaning::Retry | Meaning::Throttle | Meaning::Config | Meaning::Full => Verdict::Retry,
            };
            let recipient = recipient.to_string();
            match parts.iter_mut().find(|part| part.verdict == verdict && part.failure == *failure) {
                Some(part) => part.recipients.push(recipient),
                None => parts.push(Part { recipients: vec![recipient], verdict, failure: failure.clone() }),
            }
        }
        parts
    }
}

/// The outcome of a mail that nobody got, all for the same reason.
pub(super) fn whole(means: Meaning, failure: Failure) -> Outcome {
    match means {
        Meaning::Retry | Meaning::Full => Outcome::Retry(failure),
        Meaning::Throttle => Outcome::Throttle { failure, wait: None },
        Meaning::Reject | Meaning::Sender => Outcome::Reject(failure),
        Meaning::Config => Outcome::Config(failure),
        Meaning::InDoubt => Outcome::InDoubt(failure),
    }
}
