//! MAIL, RCPT and DATA in one write, to servers that offer it.

use redispatch::Outcome;
use redispatch_testkit::smtp::{Act, Offers, Rule, SmtpServer, Step};

use super::{assert_failed, assert_sent, hasty, pool, send, settings};

async fn server() -> SmtpServer {
    let extensions = ["PIPELINING".to_owned(), "8BITMIME".to_owned()].into();
    SmtpServer::start_with(Offers { extensions, ..Offers::default() }).await
}

#[tokio::test]
async fn many_mails_over_one_connection() {
    let server = server().await;
    let pool = pool(settings(&server));
    for n in 0..50 {
        assert_sent(&send(&pool, &[&format!("a{n}")]).await);
    }
    let mails = server.received(50).await;
    assert_eq!((mails.len(), server.connections()), (50, 1));
    for (n, mail) in mails.iter().enumerate() {
        assert_eq!(mail.recipients, [format!("a{n}@example.com")]);
        assert!(mail.data.starts_with(b"Subject: hello\r\n"));
    }
}

/// Every answer is read and belongs to its question: the next mail goes over the same connection, or a new one
/// where the server said goodbye.
#[tokio::test]
async fn refused_at_each_step_the_next_mail_gets_its_own_answers() {
    for (step, reply, name, connections) in [
        (Step::Mail, "451 4.3.0 not now", "throttle", 1),
        (Step::Mail, "550 5.7.1 not you", "reject", 1),
        (Step::Mail, "421 4.3.2 closing", "throttle", 2),
        (Step::Rcpt, "450 4.7.1 greylisted", "retry", 1),
        (Step::Rcpt, "550 5.1.1 no such user", "reject", 1),
        (Step::Rcpt, "421 4.3.2 closing", "retry", 2),
        (Step::Data, "451 4.3.0 not now", "retry", 1),
        (Step::Data, "554 5.6.0 not this", "reject", 1),
        (Step::Dot, "554 5.6.0 not this", "reject", 1),
    ] {
        let server = server().await;
        let pool = pool(settings(&server));
        assert_sent(&send(&pool, &["before"]).await);
        let act = if reply.starts_with("421") { Act::reply_and_drop(reply) } else { Act::reply(reply) };
        server.script(Rule::at(step).times(1).act(act));
        // A goodbye on a connection that lay idle is nothing: that mail goes out over a new one.
        let idle_goodbye = step == Step::Mail && reply.starts_with("421");
        let outcome = send(&pool, &["refused"]).await;
        if idle_goodbye {
            assert_sent(&outcome);
        } else {
            assert_failed(&outcome, name, reply);
        }
        assert_sent(&send(&pool, &["after"]).await);
        let taken = server.received(2).await;
        let to: Vec<_> = taken.iter().flat_map(|mail| mail.recipients.clone()).collect();
        let expected: &[&str] = if idle_goodbye {
            &["before@example.com", "refused@example.com", "after@example.com"]
        } else {
            &["before@example.com", "after@example.com"]
        };
        assert_eq!(to, expected, "{step:?} {reply}");
        assert_eq!(server.connections(), connections, "{step:?} {reply}");
    }
}

/// RFC 2920, 3.1: a server may ask for the data though it accepted nobody.
#[tokio::test]
async fn asked_for_the_data_though_nobody_was_accepted() {
    let server = server().await;
    server.script(Rule::at(Step::Rcpt).times(1).act(Act::reply("550 5.1.1 no such user")));
    server.script(Rule::at(Step::Data).times(1).act(Act::reply("354 go on")));
    let pool = pool(hasty(&server));
    assert_failed(&send(&pool, &["nobody"]).await, "reject", "550 5.1.1");
    assert_sent(&send(&pool, &["a"]).await);
    let mails = server.received(1).await;
    assert_eq!((mails.len(), mails[0].recipients.as_slice()), (1, &["a@example.com".to_owned()][..]));
}

#[tokio::test]
async fn stalls_and_hang_ups_have_the_stage_they_happened_at() {
    for (step, stage, name) in [
        (Step::Mail, "MAIL", "retry"),
        (Step::Rcpt, "RCPT", "retry"),
        (Step::Data, "DATA", "retry"),
        (Step::Dot, "end of data", "in_doubt"),
    ] {
        for act in [Act::Stall, Act::Drop] {
            let server = server().await;
            server.script(Rule::at(step).times(1).act(act));
            let pool = pool(hasty(&server));
            assert_failed(&send(&pool, &["a"]).await, name, stage);
            assert_sent(&send(&pool, &["b"]).await);
            let to = server.received(1).await.into_iter().map(|mail| mail.recipients.concat());
            assert_eq!(to.collect::<Vec<_>>(), ["b@example.com"], "{stage}");
        }
    }
}

#[tokio::test]
async fn several_recipients_are_named_one_by_one() {
    let server = server().await;
    server.script(Rule::at(Step::Rcpt).matching("bad").act(Act::reply("550 5.1.1 no such user")));
    let outcome = send(&pool(settings(&server)), &["good", "bad"]).await;
    assert!(matches!(outcome, Outcome::Split { served: true, ref parts } if parts.len() == 1), "{outcome:?}");
    assert_eq!(server.received(1).await[0].recipients, ["good@example.com"]);
}
