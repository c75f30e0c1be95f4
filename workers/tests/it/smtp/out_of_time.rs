//! The time for a send is up while the server is silent. Nobody who has the mail is tried again.

use std::time::Duration;

use lettre::Address;
use redispatch::worker::TimeUp;
use redispatch::{Outcome, Verdict};
use redispatch_testkit::smtp::{Act, Rule, SmtpServer, Step};
use redispatch_workers::email::smtp::Mail;

use super::{DATA, addresses, assert_failed, assert_sent, pool, send, settings, yes};

const WHY: [TimeUp; 2] = [TimeUp::SendTimeout(Duration::from_secs(9)), TimeUp::Shutdown];

/// Sends to `names` until the server is silent, and then the time is up.
async fn until_silent(server: &SmtpServer, names: &[&str], why: TimeUp) -> Outcome {
    let from: Address = "sender@example.com".parse().unwrap();
    let to = addresses(names);
    let mail = Mail {
        from: Some(&from),
        from_is_default: false,
        recipients: &to,
        data: DATA,
        needs_smtputf8: false,
        eight_bit: false,
    };
    let time_is_up = async {
        server.stalled(1).await;
        why
    };
    let pool = pool(settings(server));
    let outcome = pool.send(&mail, yes, time_is_up).await;
    server.behave();
    assert_sent(&send(&pool, &["next"]).await);
    assert_eq!(server.connections(), 2, "the next mail has a connection of its own");
    outcome
}

/// a | b | c: a server that takes one recipient a transaction.
async fn one_at_a_time() -> SmtpServer {
    let server = SmtpServer::start().await;
    // RCPT a b! | b c! | c. The second rule does not see the first b.
    for passed in [1, 2] {
        let full = Act::reply("452 4.5.3 too many recipients");
        server.script(Rule::at(Step::Rcpt).after(passed).times(1).act(full));
    }
    server
}

fn found(outcome: Outcome) -> Vec<(Vec<String>, Verdict)> {
    let Outcome::Split { parts, .. } = outcome else { panic!("{outcome:?}") };
    parts.into_iter().map(|part| (part.recipients, part.verdict)).collect()
}

fn whom(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("{name}@example.com")).collect()
}

#[tokio::test]
async fn in_a_later_transaction_before_its_dot() {
    for why in WHY {
        for stalls in [
            Rule::at(Step::Mail).after(1),
            Rule::at(Step::Rcpt).matching("<b@"),
            Rule::at(Step::Data).after(1),
        ] {
            let server = one_at_a_time().await;
            server.script(stalls.clone().times(1).act(Act::Stall));
            let outcome = until_silent(&server, &["a", "b", "c"], why).await;
            assert_eq!(found(outcome), [(whom(&["b", "c"]), Verdict::Retry)], "{stalls:?}");
            let mails = server.received(2).await;
            assert_eq!([&mails[0].recipients, &mails[1].recipients], [&whom(&["a"]), &whom(&["next"])]);
        }
    }
}

#[tokio::test]
async fn in_a_later_transaction_after_its_dot() {
    for why in WHY {
        let server = one_at_a_time().await;
        server.script(Rule::at(Step::Dot).after(1).times(1).act(Act::Stall));
        let outcome = until_silent(&server, &["a", "b", "c"], why).await;
        let expected = [(whom(&["b"]), Verdict::InDoubt), (whom(&["c"]), Verdict::Retry)];
        assert_eq!(found(outcome), expected);
    }
}

#[tokio::test]
async fn before_the_first_dot() {
    for (step, name) in [
        (Step::Greeting, "unreachable"),
        (Step::Ehlo, "unreachable"),
        (Step::Mail, "retry"),
        (Step::Rcpt, "retry"),
        (Step::Data, "retry"),
    ] {
        for why in WHY {
            let server = SmtpServer::start().await;
            server.script(Rule::at(step).times(1).act(Act::Stall));
            let outcome = until_silent(&server, &["a", "b"], why).await;
            match why {
                TimeUp::SendTimeout(_) => assert_failed(&outcome, name, "SEND_TIMEOUT_MS (9000 ms)"),
                TimeUp::Shutdown => assert_eq!(outcome, Outcome::Unconfirmed, "{step:?}"),
            }
        }
    }
}

#[tokio::test]
async fn after_the_only_dot() {
    for why in WHY {
        let server = SmtpServer::start().await;
        server.script(Rule::at(Step::Dot).times(1).act(Act::Stall));
        let outcome = until_silent(&server, &["a", "b"], why).await;
        assert_failed(&outcome, "in_doubt", &why.to_string());
    }
}

/// What the server said of some is not forgotten.
#[tokio::test]
async fn with_one_refused_already() {
    let server = SmtpServer::start().await;
    server.script(Rule::at(Step::Rcpt).matching("<never@").act(Act::reply("550 5.1.1 unknown")));
    server.script(Rule::at(Step::Data).times(1).act(Act::Stall));
    let outcome = until_silent(&server, &["never", "a"], WHY[0]).await;
    let expected = [(whom(&["never"]), Verdict::Reject), (whom(&["a"]), Verdict::Retry)];
    assert_eq!(found(outcome), expected);
}
