//! Several recipients, and what MAIL says about a message.

use std::cell::Cell;
use std::future::{pending, ready};

use lettre::Address;
use redispatch::{Failure, Outcome, Part, Verdict};
use redispatch_testkit::smtp::{Act, Offers, Rule, SmtpServer, Step};
use redispatch_workers::email::smtp::Mail;

use super::{DATA, addresses, assert_failed, assert_sent, pool, send, settings, yes};

fn refuse(who: &str, reply: &str) -> Rule {
    Rule::at(Step::Rcpt).matching(&format!("<{who}@")).act(Act::reply(reply))
}

fn part(names: &[&str], verdict: Verdict, code: u16, error: &str) -> Part {
    Part {
        recipients: names.iter().map(|name| format!("{name}@example.com")).collect(),
        verdict,
        failure: Failure::new(error).with_code(code).by("smtp"),
    }
}

/// How often each of `names` was taken.
async fn taken(server: &SmtpServer, names: &[&str]) -> Vec<usize> {
    let mails = server.received(0).await;
    let of = |name: &&str| {
        let address = format!("{name}@example.com");
        mails.iter().flat_map(|mail| &mail.recipients).filter(|recipient| **recipient == address).count()
    };
    names.iter().map(of).collect()
}

#[tokio::test]
async fn one_of_three_refused_for_now_and_one_for_good() {
    let server = SmtpServer::start().await;
    server.script(refuse("now", "450 4.7.1 greylisted"));
    server.script(refuse("never", "550 5.1.1 no such user"));
    let outcome = send(&pool(settings(&server)), &["now", "good", "never"]).await;
    let parts = vec![
        part(&["now"], Verdict::Retry, 450, "RCPT: 450 4.7.1 greylisted"),
        part(&["never"], Verdict::Reject, 550, "RCPT: 550 5.1.1 no such user"),
    ];
    assert_eq!(outcome, Outcome::Split { served: true, parts });
    assert_eq!(taken(&server, &["now", "good", "never"]).await, [0, 1, 0]);
}

#[tokio::test]
async fn the_accepted_ones_fail_after_the_dot() {
    for (act, verdict) in [
        (Act::reply("550 5.7.1 spam"), Verdict::Reject),
        (Act::reply("451 4.3.0 later"), Verdict::Retry),
        (Act::Drop, Verdict::InDoubt),
    ] {
        let server = SmtpServer::start().await;
        server.script(refuse("never", "550 5.1.1 no such user"));
        server.script(Rule::at(Step::Dot).act(act));
        let outcome = send(&pool(settings(&server)), &["a", "never", "b"]).await;
        match (outcome, verdict) {
            (Outcome::Split { served: false, parts }, _) => {
                let found: Vec<_> = parts.iter().map(|part| (part.recipients.len(), part.verdict)).collect();
                assert_eq!(found, [(2, verdict), (1, Verdict::Reject)]);
            }
            // Two refusals for good, for two reasons: nobody got it.
            (Outcome::Reject(_), Verdict::Reject) => {}
            (other, _) => panic!("{other:?}"),
        }
        assert_eq!(taken(&server, &["a", "b", "never"]).await, [0, 0, 0]);
    }
}

#[tokio::test]
async fn all_refused_alike_is_no_split() {
    for (reply, name) in [("550 5.1.1 no such user", "reject"), ("450 4.7.1 greylisted", "retry")] {
        let server = SmtpServer::start().await;
        server.script(Rule::at(Step::Rcpt).act(Act::reply(reply)));
        assert_failed(&send(&pool(settings(&server)), &["a", "b"]).await, name, &format!("RCPT: {reply}"));
        assert_eq!(server.count("DATA"), 0);
    }
}

#[tokio::test]
async fn nobody_accepted_for_different_reasons() {
    let server = SmtpServer::start().await;
    server.script(refuse("now", "450 4.7.1 greylisted"));
    server.script(refuse("never", "550 5.1.1 no such user"));
    let outcome = send(&pool(settings(&server)), &["now", "never"]).await;
    assert!(matches!(outcome, Outcome::Split { served: false, parts } if parts.len() == 2));
}

/// Real servers repeat the address in the reply. A part is a copy of the whole message, so it is one a verdict.
#[tokio::test]
async fn many_refused_with_differing_texts() {
    for accepted in [1, 0] {
        let server = SmtpServer::start().await;
        let mut names: Vec<_> = (0..150).map(|n| format!("r{n}")).collect();
        for name in &names {
            server.script(refuse(name, &format!("550 5.1.1 <{name}@example.com>: user unknown")));
        }
        names.extend((0..accepted).map(|_| "good".to_owned()));
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let outcome = send(&pool(settings(&server)), &names).await;
        let failure = match outcome {
            Outcome::Split { served: true, parts } if accepted == 1 => {
                let [part] = &parts[..] else { panic!("{} parts", parts.len()) };
                let refused: Vec<_> = names[..150].iter().map(|name| format!("{name}@example.com")).collect();
                assert_eq!((&part.recipients, part.verdict), (&refused, Verdict::Reject));
                part.failure.clone()
            }
            Outcome::Reject(failure) if accepted == 0 => failure,
            other => panic!("{other:?}"),
        };
        let said = |n| format!("RCPT: 550 5.1.1 <r{n}@example.com>: user unknown");
        assert!(failure.error.starts_with(&format!("{}; {}; ", said(0), said(1))), "{failure:?}");
        let shown = failure.error.matches("RCPT:").count();
        assert!(failure.error.ends_with(&format!("user unknown … and {} more like it", 150 - shown)));
        assert!((900..1050).contains(&failure.error.chars().count()), "{failure:?}");
        assert_eq!(failure.code.as_deref(), Some("550"));
        assert_eq!(server.received(0).await.len(), accepted);
    }
}

#[tokio::test]
async fn too_many_recipients_in_mid_list() {
    for reply in ["452 4.5.3 too many recipients", "452 too many", "552 too many", "552 5.5.3 too many"] {
        let server = SmtpServer::start().await;
        // Two in each transaction: a b c! | c d e! | e. The second rule does not see the first c.
        for passed in [2, 4] {
            server.script(Rule::at(Step::Rcpt).after(passed).times(1).act(Act::reply(reply)));
        }
        let names = ["a", "b", "c", "d", "e"];
        assert_sent(&send(&pool(settings(&server)), &names).await);
        assert_eq!(taken(&server, &names).await, [1; 5], "{reply}");
        assert_eq!((server.received(3).await.len(), server.connections()), (3, 1), "{reply}");
    }
}

#[tokio::test]
async fn full_for_the_only_recipient_is_for_now() {
    for reply in ["452 4.2.2 over quota", "452 full", "552 full"] {
        let server = SmtpServer::start().await;
        server.script(Rule::at(Step::Rcpt).act(Act::reply(reply)));
        assert_failed(&send(&pool(settings(&server)), &["a"]).await, "retry", reply);
    }
    let server = SmtpServer::start().await;
    server.script(Rule::at(Step::Rcpt).act(Act::reply("552 5.2.2 full for good")));
    assert_failed(&send(&pool(settings(&server)), &["a"]).await, "reject", "552 5.2.2");
}

/// A recipient who is always refused with 452 stops nobody and no loop runs for ever.
#[tokio::test]
async fn one_recipient_is_always_full() {
    let server = SmtpServer::start().await;
    server.script(refuse("full", "452 no room"));
    let outcome = send(&pool(settings(&server)), &["a", "full", "b"]).await;
    let parts = vec![part(&["full"], Verdict::Retry, 452, "RCPT: 452 no room")];
    assert_eq!(outcome, Outcome::Split { served: true, parts });
    assert_eq!(taken(&server, &["a", "full", "b"]).await, [1, 0, 1]);
}

#[tokio::test]
async fn second_transaction_not_confirmed() {
    let server = SmtpServer::start().await;
    server.script(Rule::at(Step::Rcpt).after(1).times(1).act(Act::reply("452 4.5.3 too many recipients")));
    let from: Address = "sender@example.com".parse().unwrap();
    let to = addresses(&["a", "b"]);
    let mail = Mail {
        from: Some(&from),
        from_is_default: false,
        recipients: &to,
        data: DATA,
        needs_smtputf8: false,
        eight_bit: false,
    };
    let asked = Cell::new(0);
    let once = || {
        asked.set(asked.get() + 1);
        ready(if asked.get() == 1 { Ok(()) } else { Err(()) })
    };
    let outcome = pool(settings(&server)).send(&mail, once, pending()).await;
    let Outcome::Split { served: true, parts } = outcome else { panic!("{outcome:?}") };
    assert_eq!((parts.len(), parts[0].verdict), (1, Verdict::Retry));
    assert_eq!(parts[0].recipients, ["b@example.com"]);
    assert_eq!(taken(&server, &["a", "b"]).await, [1, 0]);
}

#[tokio::test]
async fn greylisted_is_this_mail_s_business_only() {
    let server = SmtpServer::start().await;
    server.script(refuse("grey", "451 4.7.1 greylisted").times(1));
    let pool = pool(settings(&server));
    assert_failed(&send(&pool, &["grey"]).await, "retry", "greylisted");
    assert_sent(&send(&pool, &["other"]).await);
    assert_sent(&send(&pool, &["grey"]).await);
    assert_eq!((server.connections(), server.count("RSET")), (1, 1));
}

#[tokio::test]
async fn hang_up_between_recipients() {
    let server = SmtpServer::start().await;
    server.script(refuse("never", "550 5.1.1 no such user"));
    server.script(Rule::at(Step::Rcpt).matching("<bye@").act(Act::reply_and_drop("421 4.3.0 bye")));
    let outcome = send(&pool(settings(&server)), &["a", "never", "bye", "b"]).await;
    let parts = vec![
        part(&["a", "bye", "b"], Verdict::Retry, 421, "RCPT: 421 4.3.0 bye"),
        part(&["never"], Verdict::Reject, 550, "RCPT: 550 5.1.1 no such user"),
    ];
    assert_eq!(outcome, Outcome::Split { served: false, parts });
    assert_eq!(server.received(0).await.len(), 0);
}

#[tokio::test]
async fn sender_refused() {
    for step in [Step::Mail, Step::Rcpt] {
        let server = SmtpServer::start().await;
        server.script(Rule::at(step).act(Act::reply("550 5.1.8 sender domain not found")));
        let pool = pool(settings(&server));
        let from: Address = "sender@example.com".parse().unwrap();
        let to = addresses(&["a", "b"]);
        for (from_is_default, name) in [(true, "sender"), (false, "reject")] {
            let mail = Mail {
                from: Some(&from),
                from_is_default,
                recipients: &to,
                data: DATA,
                needs_smtputf8: false,
                eight_bit: false,
            };
            assert_failed(&pool.send(&mail, yes, pending()).await, name, "550 5.1.8");
        }
    }
}

#[tokio::test]
async fn throttled_at_mail() {
    for reply in ["421 4.7.0 slow down", "451 4.7.1 rate limit", "452 4.3.1 disk full"] {
        let server = SmtpServer::start().await;
        server.script(Rule::at(Step::Mail).act(Act::reply(reply)));
        assert_failed(&send(&pool(settings(&server)), &["a"]).await, "throttle", &format!("MAIL: {reply}"));
    }
}

async fn offering(extensions: &[&str]) -> SmtpServer {
    let extensions = extensions.iter().map(|line| (*line).to_owned()).collect();
    SmtpServer::start_with(Offers { extensions, ..Offers::default() }).await
}

#[tokio::test]
async fn mail_says_what_the_server_wants_to_know() {
    let from: Address = "sender@example.com".parse().unwrap();
    let to = addresses(&["a"]);
    let all = ["SIZE 1000", "8BITMIME", "SMTPUTF8"];
    for (offers, needs_smtputf8, eight_bit, expected) in [
        (&all[..], true, true, &["SIZE=25", "BODY=8BITMIME", "SMTPUTF8"][..]),
        (&all[..], false, false, &["SIZE=25"][..]),
        (&["SIZE"][..], false, true, &["SIZE=25"][..]),
        (&[][..], false, true, &[][..]),
    ] {
        let server = offering(offers).await;
        let mail = Mail {
            from: Some(&from),
            from_is_default: false,
            recipients: &to,
            data: DATA,
            needs_smtputf8,
            eight_bit,
        };
        assert_sent(&pool(settings(&server)).send(&mail, yes, pending()).await);
        assert_eq!(server.received(1).await[0].parameters, expected);
    }
}

#[tokio::test]
async fn too_large_and_smtputf8_are_refused_without_asking() {
    let server = offering(&["SIZE 24"]).await;
    let pool = pool(settings(&server));
    assert_failed(&send(&pool, &["a"]).await, "reject", "the mail has 25 bytes, the server takes at most 24");
    let to: Vec<Address> = vec!["jörg@example.com".parse().unwrap()];
    let mail = Mail {
        from: None,
        from_is_default: false,
        recipients: &to,
        data: b"",
        needs_smtputf8: true,
        eight_bit: false,
    };
    assert_failed(&pool.send(&mail, yes, pending()).await, "reject", "does not offer SMTPUTF8");
    assert_eq!((server.count("MAIL"), server.connections()), (0, 1));
}

#[tokio::test]
async fn what_arrives_is_what_was_sent() {
    let server = SmtpServer::start().await;
    let pool = pool(settings(&server));
    let to: Vec<Address> = vec!["jörg@example.com".parse().unwrap()];
    for (data, expected) in [
        ("a\r\n.\r\n..b\r\n.", "a\r\n.\r\n..b\r\n.\r\n"),
        ("lone\nline\n.\nends", "lone\r\nline\r\n.\r\nends\r\n"),
        ("", ""),
        ("gr\u{fc}\u{df}e\r\n", "gr\u{fc}\u{df}e\r\n"),
    ] {
        let before = server.received(0).await.len();
        let mail = Mail {
            from: None,
            from_is_default: false,
            recipients: &to,
            data: data.as_bytes(),
            needs_smtputf8: true,
            eight_bit: true,
        };
        assert_sent(&pool.send(&mail, yes, pending()).await);
        let mails = server.received(before + 1).await;
        assert_eq!(String::from_utf8_lossy(&mails[before].data), expected);
        assert_eq!(
            (mails[before].from.as_str(), mails[before].recipients[0].as_str()),
            ("", "jörg@example.com")
        );
    }
}
