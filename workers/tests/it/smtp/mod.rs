//! The SMTP pool against a scripted server. Every fault ends with a count of what the server took.

mod connecting;
mod faults;
mod out_of_time;
mod pipelining;
mod pooling;
mod recipients;

use std::convert::Infallible;
use std::future::{Ready, pending, ready};
use std::time::Duration;

use lettre::Address;
use redispatch::{Failure, Outcome};
use redispatch_testkit::smtp::SmtpServer;
use redispatch_workers::email::smtp::{Limits, Mail, Pool, SmtpSettings, TlsMode};

const DATA: &[u8] = b"Subject: hello\r\n\r\nhello\r\n";

/// Plain text, one connection, limits no healthy server runs into.
fn settings(server: &SmtpServer) -> SmtpSettings {
    SmtpSettings { tls: TlsMode::None, pool_size: 1, ..SmtpSettings::new(server.host(), server.port()) }
}

/// As [`settings`], with limits short enough to wait for.
fn hasty(server: &SmtpServer) -> SmtpSettings {
    let short = Duration::from_millis(400);
    let limits =
        Limits { connect: short, greeting: short, command: short, data: short, dot: short, quit: short };
    SmtpSettings { limits, ..settings(server) }
}

fn pool(settings: SmtpSettings) -> Pool {
    Pool::new(settings).expect("usable settings")
}

fn addresses(names: &[&str]) -> Vec<Address> {
    names.iter().map(|name| format!("{name}@example.com").parse().expect("an address")).collect()
}

fn yes() -> Ready<Result<(), Infallible>> {
    ready(Ok(()))
}

/// Sends `DATA` to `names` at example.com.
async fn send(pool: &Pool, names: &[&str]) -> Outcome {
    let from: Address = "sender@example.com".parse().expect("an address");
    let recipients = addresses(names);
    let mail = Mail {
        from: Some(&from),
        from_is_default: false,
        recipients: &recipients,
        data: DATA,
        needs_smtputf8: false,
        eight_bit: false,
    };
    pool.send(&mail, yes, pending()).await
}

#[track_caller]
fn assert_sent(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Sent(_)), "{outcome:?}");
}

/// The outcome's name and its failure; panics at `Sent`, `Split` and `Unconfirmed`.
#[track_caller]
fn failed(outcome: &Outcome) -> (&'static str, &Failure) {
    match outcome {
        Outcome::Retry(failure) => ("retry", failure),
        Outcome::Unreachable(failure) => ("unreachable", failure),
        Outcome::DefaultSender(failure) => ("sender", failure),
        Outcome::Throttle { failure, .. } => ("throttle", failure),
        Outcome::Reject(failure) => ("reject", failure),
        Outcome::Config(failure) => ("config", failure),
        Outcome::InDoubt(failure) => ("in_doubt", failure),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_failed(outcome: &Outcome, name: &str, error: &str) {
    let (found, failure) = failed(outcome);
    assert_eq!(found, name, "{outcome:?}");
    assert!(failure.error.contains(error), "{outcome:?}");
    assert_eq!(failure.provider, Some("smtp"));
}
