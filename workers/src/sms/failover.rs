//! Several providers in the order in which they are asked: the next one gets a message only where the one before
//! surely has not taken it.

use std::time::Duration;

use redispatch::telemetry::{event, mask};
use redispatch::{Delivery, Failure, Outcome, clock};
use tracing::{info, warn};

use super::health::{Change, Health, Sign, Turn};
use super::message::Sms;
use super::provider::Provider;

/// The providers of `SMS_PROVIDER`.
pub(super) struct Failover(Vec<Way>);

struct Way {
    provider: Provider,
    health: Health,
}

impl Failover {
    pub(super) fn new(providers: Vec<Provider>) -> Self {
        Self(providers.into_iter().map(|provider| Way { provider, health: Health::default() }).collect())
    }

    /// Sends a message through the first provider that takes it.
    pub(super) async fn send(&self, sms: &Sms, delivery: &Delivery) -> Outcome {
        if let Err(failure) = first(&self.0, |way| way.provider.takes(sms)) {
            return Outcome::Reject(failure);
        }
        if let [only] = &self.0[..] {
            return only.provider.send(sms, delivery).await;
        }
        let able: Vec<_> = self.0.iter().filter(|way| way.provider.takes(sms).is_ok()).collect();
        if able.len() == self.0.len() {
            Self::send_through(&able, true, sms, delivery).await
        } else {
            only_of_some(Self::send_through(&able, false, sms, delivery).await)
        }
    }

    /// `at_last`: those in their pause are asked too, where all others refuse.
    async fn send_through(able: &[&Way], at_last: bool, sms: &Sms, delivery: &Delivery) -> Outcome {
        let (mut refusals, mut paused) = (Vec::new(), Vec::new());
        for way in able {
            match way.health.turn(clock::boot_ms()) {
                Some(turn) => match way.ask(turn, sms, delivery).await {
                    Asked::Refused(outcome) => refusals.push(outcome),
                    Asked::Ended(outcome) => return outcome,
                    Asked::NoTime(outcome) => {
                        refusals.push(outcome);
                        return combined(refusals);
                    }
                },
                None => paused.push(way),
            }
        }
        // A provider in working order has the message back for now: the others would be asked for nothing.
        if refusals.iter().any(|outcome| matches!(outcome, Outcome::Retry(_))) {
            return combined(refusals);
        }
        if !at_last {
            let names: Vec<_> = paused.iter().map(|way| way.provider.name()).collect();
            let failure = Failure::new(format!("waiting for {} to work again", names.join(" and ")));
            return if refusals.is_empty() { Outcome::Postpone(failure) } else { combined(refusals) };
        }
        for way in paused {
            match way.ask(way.health.turn_anyway(), sms, delivery).await {
                Asked::Refused(outcome) => refusals.push(outcome),
                Asked::Ended(outcome) => return outcome,
                Asked::NoTime(outcome) => {
                    refusals.push(outcome);
                    break;
                }
            }
        }
        combined(refusals)
    }

    /// Logs in everywhere; what was tried, in a few words.
    ///
    /// # Errors
    ///
    /// Who could not be logged in to, and who could.
    pub(super) async fn check(&self) -> Result<String, Failure> {
        if let [only] = &self.0[..] {
            return only.provider.check().await;
        }
        let (mut lines, mut failed) = (Vec::new(), false);
        for way in &self.0 {
            lines.push(match way.provider.check().await {
                Ok(said) => said,
                Err(failure) => {
                    failed = true;
                    format!("{} FAILED: {}", way.provider.name(), failure.error)
                }
            });
        }
        let text = lines.join("; ");
        if failed { Err(Failure::new(text)) } else { Ok(text) }
    }
}

enum Asked {
    /// Surely not taken: another provider may.
    Refused(Outcome),
    /// The same, and nobody else can be asked in time.
    NoTime(Outcome),
    /// Taken, never to be taken, or in doubt.
    Ended(Outcome),
}

impl Way {
    async fn ask(&self, turn: Turn<'_>, sms: &Sms, delivery: &Delivery) -> Asked {
        let outcome = self.provider.send(sms, delivery).await;
        let in_time = tokio::select! {
            biased;
            _ = delivery.time_is_up() => false,
            () = std::future::ready(()) => true,
        };
        let sign = match &outcome {
            Outcome::Sent(_) | Outcome::Split { .. } | Outcome::Reject(_) => Sign::Good,
            Outcome::Retry(_) if in_time => Sign::None,
            // Its retry belongs to the provider that may have it already.
            Outcome::InDoubt(_) | Outcome::Unconfirmed | Outcome::Postpone(_) => Sign::None,
            Outcome::Throttle { wait, .. } => Sign::Bad(*wait),
            Outcome::DefaultSender(_) => Sign::Suspicious,
            Outcome::Retry(_) | Outcome::Unavailable(_) | Outcome::Unreachable(_) | Outcome::Config(_) => {
                Sign::Bad(None)
            }
        };
        if let Some(change) = turn.end(sign, clock::boot_ms()) {
            self.tell(change, &outcome);
        }
        match outcome {
            Outcome::Sent(_)
            | Outcome::Split { .. }
            | Outcome::Reject(_)
            | Outcome::InDoubt(_)
            | Outcome::Unconfirmed => Asked::Ended(outcome),
            outcome if in_time => Asked::Refused(outcome),
            outcome => Asked::NoTime(outcome),
        }
    }

    fn tell(&self, change: Change, outcome: &Outcome) {
        let provider = self.provider.name();
        match (change, failure_of(outcome)) {
            (Change::Left(pause), Some(failure)) => {
                warn!(event = event::PROVIDER_LEFT, provider, error = %mask::text(&failure.error), code = failure.code,
                    pause_ms = pause.as_millis() as u64, "left for the next provider until it works again");
            }
            (Change::Left(_), None) => {}
            (Change::Back, _) => info!(event = event::PROVIDER_BACK, provider, "works again"),
        }
    }
}

fn failure_of(outcome: &Outcome) -> Option<&Failure> {
    match outcome {
        Outcome::Retry(failure)
        | Outcome::Postpone(failure)
        | Outcome::Unavailable(failure)
        | Outcome::Unreachable(failure)
        | Outcome::Throttle { failure, .. }
        | Outcome::Reject(failure)
        | Outcome::Config(failure)
        | Outcome::DefaultSender(failure)
        | Outcome::InDoubt(failure) => Some(failure),
        Outcome::Sent(_) | Outcome::Split { .. } | Outcome::Unconfirmed => None,
    }
}

/// One outcome for a message that every provider refused: that of the provider closest to working.
fn combined(mut refusals: Vec<Outcome>) -> Outcome {
    let rank = |outcome: &Outcome| match outcome {
        Outcome::Retry(_) => 0,
        Outcome::Throttle { .. } => 1,
        Outcome::Unreachable(_) => 2,
        Outcome::Unavailable(_) => 3,
        Outcome::DefaultSender(_) => 4,
        _ => 5,
    };
    let shortest: Option<Duration> = refusals.iter().filter_map(wait_of).min();
    let text = match &refusals[..] {
        [_] => None,
        all => Some(said(all.iter().filter_map(failure_of))),
    };
    refusals.sort_by_key(rank);
    let mut closest = refusals.into_iter().next().unwrap_or(Outcome::Unconfirmed);
    if let Outcome::Throttle { wait, .. } = &mut closest {
        *wait = shortest;
    }
    if let (
        Outcome::Retry(failure)
        | Outcome::Throttle { failure, .. }
        | Outcome::Unreachable(failure)
        | Outcome::Unavailable(failure)
        | Outcome::DefaultSender(failure)
        | Outcome::Config(failure),
        Some(text),
    ) = (&mut closest, text)
    {
        failure.error = text;
    }
    closest
}

/// What the only providers that can take a message of this kind refuse says nothing about the others: it waits for them
/// at no cost, and stops nobody.
fn only_of_some(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Throttle { failure, .. }
        | Outcome::Unavailable(failure)
        | Outcome::Unreachable(failure)
        | Outcome::DefaultSender(failure)
        | Outcome::Config(failure) => Outcome::Postpone(failure),
        other => other,
    }
}

fn wait_of(outcome: &Outcome) -> Option<Duration> {
    match outcome {
        Outcome::Throttle { wait, .. } => *wait,
        _ => None,
    }
}

/// The first that takes a message.
///
/// # Errors
///
/// Why nobody does.
pub(super) fn first<T>(all: &[T], takes: impl Fn(&T) -> Result<(), Failure>) -> Result<&T, Failure> {
    let mut failures = Vec::new();
    for one in all {
        match takes(one) {
            Ok(()) => return Ok(one),
            Err(failure) => failures.push(failure),
        }
    }
    Err(nobody(failures))
}

/// Why nobody can send a message of this kind. By no provider: none was asked.
fn nobody(mut failures: Vec<Failure>) -> Failure {
    if failures.len() == 1 {
        return Failure { provider: None, ..failures.remove(0) };
    }
    Failure::malformed(format!("no provider can send this: {}", said(failures.iter())))
}

/// `twilio: …; aws-sns: …`
fn said<'a>(failures: impl Iterator<Item = &'a Failure>) -> String {
    let line = |failure: &Failure| format!("{}: {}", failure.provider.unwrap_or("?"), failure.error);
    failures.map(line).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(provider: &'static str) -> Failure {
        Failure::new("no").by(provider)
    }

    fn throttle(seconds: Option<u64>) -> Outcome {
        Outcome::Throttle { failure: failure("a"), wait: seconds.map(Duration::from_secs) }
    }

    #[test]
    fn the_provider_closest_to_working_decides() {
        let (retry, unreachable) = (Outcome::Retry(failure("b")), Outcome::Unreachable(failure("b")));
        let (unavailable, config) = (Outcome::Unavailable(failure("b")), Outcome::Config(failure("a")));
        let sender = Outcome::DefaultSender(failure("b"));
        let kind = |outcome: &Outcome| std::mem::discriminant(outcome);
        for (first, second, expected) in [
            (&config, &retry, &retry),
            (&throttle(Some(1)), &retry, &retry),
            (&config, &throttle(None), &throttle(None)),
            (&unreachable, &throttle(None), &throttle(None)),
            (&config, &unavailable, &unavailable),
            (&unavailable, &unreachable, &unreachable),
            (&config, &sender, &sender),
            (&config, &config, &config),
        ] {
            for all in [[first, second], [second, first]] {
                let outcome = combined(all.map(Clone::clone).to_vec());
                assert_eq!(kind(&outcome), kind(expected), "{all:?}");
                let text = &failure_of(&outcome).unwrap().error;
                let providers = all.map(|one| failure_of(one).unwrap().provider.unwrap());
                assert_eq!(*text, format!("{}: no; {}: no", providers[0], providers[1]));
            }
        }
        assert_eq!(combined(vec![config.clone()]), config);
    }

    #[test]
    fn a_message_for_some_providers_only_stops_nobody() {
        for outcome in [
            throttle(Some(1)),
            Outcome::Unavailable(failure("a")),
            Outcome::Unreachable(failure("a")),
            Outcome::DefaultSender(failure("a")),
            Outcome::Config(failure("a")),
        ] {
            assert_eq!(only_of_some(outcome), Outcome::Postpone(failure("a")));
        }
        for outcome in
            [Outcome::Reject(failure("a")), Outcome::InDoubt(failure("a")), Outcome::Retry(failure("a"))]
        {
            assert_eq!(only_of_some(outcome.clone()), outcome);
        }
    }

    #[test]
    fn the_shortest_wait_that_was_asked_for() {
        for (waits, expected) in
            [([Some(7), Some(3)], Some(3)), ([None, Some(3)], Some(3)), ([None, None], None)]
        {
            let outcome = combined(waits.map(throttle).to_vec());
            assert_eq!(wait_of(&outcome).map(|wait| wait.as_secs()), expected);
        }
    }

    #[test]
    fn nobody_says_why() {
        let failure = nobody(vec![failure("twilio"), failure("aws-sns")]);
        assert!(failure.malformed);
        assert_eq!(failure.error, "no provider can send this: twilio: no; aws-sns: no");
        assert_eq!(nobody(vec![self::failure("twilio")]), Failure::new("no"));
    }
}
