//! Who got the mail, who did not, and why: the recipients of one mail become one [`Outcome`].

use std::collections::HashSet;

use lettre::Address;
use redispatch::{Failure, Outcome, Part, Receipt, Verdict};

use super::reply::Reply;
use crate::verdict::Meaning;

/// Characters of an error that is joined from several.
const MAX_ERROR: usize = 1000;

pub(super) struct Tally<'a> {
    recipients: &'a [Address],
    /// One for each recipient.
    fates: Vec<Fate>,
    queue_id: Option<String>,
    sender_is_ours: bool,
    /// There was a session to name the mail in.
    session: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Fate {
    Waiting,
    /// Accepted, and the dot is written.
    Unanswered,
    Delivered,
    Failed(Meaning, Failure),
}

impl<'a> Tally<'a> {
    /// `sender_is_ours`: the sender came out of the settings.
    pub(super) fn new(recipients: &'a [Address], sender_is_ours: bool) -> Self {
        Self {
            recipients,
            fates: vec![Fate::Waiting; recipients.len()],
            queue_id: None,
            sender_is_ours,
            session: false,
        }
    }

    /// From here on the server hears of this mail.
    pub(super) fn in_session(&mut self) {
        self.session = true;
    }

    pub(super) fn is_waiting(&self, index: usize) -> bool {
        self.fates[index] == Fate::Waiting
    }

    pub(super) fn is_open(&self) -> bool {
        self.fates.contains(&Fate::Waiting)
    }

    pub(super) fn dot_written(&mut self, accepted: &[usize]) {
        accepted.iter().for_each(|index| self.fates[*index] = Fate::Unanswered);
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
        self.turn(&Fate::Waiting, means, failure);
    }

    fn turn(&mut self, from: &Fate, means: Meaning, failure: &Failure) {
        for fate in self.fates.iter_mut().filter(|fate| *fate == from) {
            *fate = Fate::Failed(means, failure.clone());
        }
    }

    /// The outcome when the sender was told not to go on: at no cost, if nobody can have it.
    pub(super) fn stopped(mut self, failure: &Failure) -> Outcome {
        self.turn(&Fate::Unanswered, Meaning::InDoubt, failure);
        let may_have_it = |fate: &Fate| matches!(fate, Fate::Delivered | Fate::Failed(Meaning::InDoubt, _));
        if self.fates.iter().any(may_have_it) { self.late(failure) } else { Outcome::Unconfirmed }
    }

    /// The outcome when there was no time to go on.
    pub(super) fn late(mut self, failure: &Failure) -> Outcome {
        self.turn(&Fate::Unanswered, Meaning::InDoubt, failure);
        self.rest(if self.session { Meaning::Retry } else { Meaning::Unreachable }, failure);
        self.outcome()
    }

    pub(super) fn outcome(self) -> Outcome {
        let delivered = self.fates.contains(&Fate::Delivered);
        let mut failed = self.fates.iter().filter_map(|fate| match fate {
            Fate::Failed(means, failure) => Some((*means, failure)),
            Fate::Waiting | Fate::Unanswered | Fate::Delivered => None,
        });
        let Some((means, failure)) = failed.next() else {
            return Outcome::Sent(Receipt {
                provider_id: self.queue_id,
                provider: Some("smtp"),
                ..Default::default()
            });
        };
        if !delivered {
            // What concerns everybody goes before what concerns one recipient.
            let all = || std::iter::once((means, failure)).chain(failed.clone());
            let of = |wanted| all().find(|(means, _)| *means == wanted);
            let in_doubt = of(Meaning::InDoubt).is_some();
            let ours = self.sender_is_ours.then_some(Meaning::Sender);
            let everybody = [Meaning::Config, Meaning::Unreachable, Meaning::Throttle]
                .into_iter()
                .chain(ours)
                .find_map(of);
            if let Some((means, failure)) = everybody.filter(|_| !in_doubt) {
                return means.outcome(failure.clone(), self.sender_is_ours);
            }
            if all().all(|(other, _)| other == means) {
                let failures: Vec<_> = all().map(|(_, failure)| failure).collect();
                return means.outcome(joined(&failures), self.sender_is_ours);
            }
        }
        Outcome::Split { served: delivered, parts: self.parts() }
    }

    /// One part for each verdict, however many texts the server found for it: each part is a copy of the message.
    fn parts(&self) -> Vec<Part> {
        let mut groups: Vec<(Verdict, Vec<String>, Vec<&Failure>)> = Vec::new();
        for (recipient, fate) in self.recipients.iter().zip(&self.fates) {
            let Fate::Failed(means, failure) = fate else { continue };
            let verdict = match means {
                Meaning::Reject => Verdict::Reject,
                Meaning::Sender if !self.sender_is_ours => Verdict::Reject,
                Meaning::InDoubt => Verdict::InDoubt,
                _ => Verdict::Retry,
            };
            let recipient = recipient.to_string();
            match groups.iter_mut().find(|(known, ..)| *known == verdict) {
                Some((_, recipients, failures)) => {
                    recipients.push(recipient);
                    failures.push(failure);
                }
                None => groups.push((verdict, vec![recipient], vec![failure])),
            }
        }
        let part = |(verdict, recipients, failures): (_, _, Vec<_>)| Part {
            recipients,
            verdict,
            failure: joined(&failures),
        };
        groups.into_iter().map(part).collect()
    }
}

/// The first of `failures`, of which there is one at least, with what the others say differently.
fn joined(failures: &[&Failure]) -> Failure {
    let mut failure = failures[0].clone();
    let mut known = HashSet::from([failures[0].error.as_str()]);
    let (mut length, mut more) = (failure.error.chars().count(), 0);
    for other in &failures[1..] {
        if !known.insert(&other.error) {
            continue;
        }
        let with_other = length + 2 + other.error.chars().count();
        if more == 0 && with_other <= MAX_ERROR {
            failure.error.extend(["; ", &other.error]);
            length = with_other;
        } else {
            more += 1;
        }
    }
    if more > 0 {
        failure.error.push_str(&format!(" … and {more} more like it"));
    }
    failure
}
